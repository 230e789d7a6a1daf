//! All tests of this program again and again, until an hour is over.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::bed::report;
use crate::scale::{Scale, number};

/// `FAULTS=long cargo test --release -p tests --test faults -- --ignored --nocapture`, for another time than an hour with
/// `MINUTES=10`. Each pass is a process of its own and begins with other seeds.
#[test]
#[ignore = "it takes an hour"]
fn all_scenarios_hold_for_an_hour() {
    assert!(Scale::get().is_long(), "set FAULTS=long: short runs show little, however often");
    let time = Duration::from_secs(60 * number("MINUTES").unwrap_or(60));
    let started = Instant::now();
    let mut pass = 0_u64;
    while started.elapsed() < time {
        let mut tests = Command::new(std::env::current_exe().unwrap());
        tests.args(["--test-threads=1", "--nocapture"]).env("FIRST_SEED", (pass * 1_000_000).to_string());
        let status = tests.status().unwrap();
        assert!(status.success(), "pass {pass}, {:?} after the start: {status}", started.elapsed());
        pass += 1;
        report("the hour", &format!("{pass} passes in {} min", started.elapsed().as_secs() / 60));
    }
}
