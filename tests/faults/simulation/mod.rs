//! Whole runs in simulated time, whose faults follow from a seed.
//!
//! `SEED=5 cargo test -p tests --test faults simulation` repeats one of them, with all that happened.

mod streams;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::bed::report;
use crate::check::check;
use crate::scale::{Scale, blocking_together, number};
use crate::simulation::world::{Log, Past, World};

#[test]
fn simulated_runs_keep_all_promises() {
    if let Some(seed) = number("SEED") {
        let past = past_of(seed, Log::Kept);
        let violations: Vec<String> = past.violations().collect();
        report(&format!("seed {seed}"), &past.story());
        assert!(violations.is_empty(), "seed {seed}:\n{}", violations.join("\n"));
        return;
    }
    let _turn = blocking_together();
    simulate_for(Scale::get().seconds(5, 60));
}

/// Runs one seed after the other until the time is over.
fn simulate_for(time: Duration) {
    let first = number("FIRST_SEED").unwrap_or(0);
    let started = Instant::now();
    let (mut runs, mut calls, mut failed) = (0, 0, 0);
    let mut broken = Vec::new();
    while started.elapsed() < time {
        let seed = first + runs;
        let past = catch_unwind(AssertUnwindSafe(|| past_of(seed, Log::None)));
        match past {
            Ok(past) => {
                calls += past.run.calls.len();
                failed += past.run.calls.iter().filter(|call| !call.is_ok()).count();
                broken.extend(past.violations().map(|violation| format!("SEED={seed}: {violation}")));
            }
            Err(_) => broken.push(format!("SEED={seed}: panicked, see above")),
        }
        runs += 1;
        if broken.len() >= 10 {
            break;
        }
    }
    let per_minute = Duration::from_secs(60).as_secs_f64() / started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let figures = format!(
        "{runs} seeds, {:.0} a minute, {calls} calls of which {failed} failed or were dropped",
        runs as f64 * per_minute
    );
    report("simulation", &figures);
    assert!(broken.is_empty(), "{figures}\n{}", broken.join("\n"));
}

fn past_of(seed: u64, log: Log) -> Past {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async { World::new(seed, log).await.pass().await })
}

impl Past {
    fn violations(&self) -> impl Iterator<Item = String> {
        check(&self.run, &self.rules).into_iter().map(|violation| violation.to_string())
    }
}

#[test]
fn a_seed_replays() {
    for seed in 0..Scale::get().pick(5, 50) {
        let (one, two) = (past_of(seed, Log::Kept), past_of(seed, Log::Kept));
        assert!(one.log.len() > 100, "much happens");
        let difference = one.log.iter().zip(&two.log).position(|(one, two)| one != two);
        if let Some(at) = difference {
            let before = one.log[..at].join("\n");
            panic!("{before}\nseed {seed}, line {at}: {:?} and then {:?}", one.log[at], two.log[at]);
        }
        assert_eq!(one.log.len(), two.log.len(), "seed {seed}");
        let seen = |past: &Past| format!("{:?}\n{:?}", past.run.calls, past.run.executions);
        assert_eq!(seen(&one), seen(&two), "seed {seed}");
    }
    assert_ne!(past_of(1, Log::Kept).log, past_of(2, Log::Kept).log);
}
