//! Calls at a given rate, whatever becomes of those before them, and what their callers see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tests::{Clock, WorkClient};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::numbers::Numbers;
use crate::record::{Call, Outcome, Stall};

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Quick,
    Slow,
    /// For so many milliseconds.
    Long(u64),
}

/// One call to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) idempotent: bool,
    pub(crate) budget: Duration,
    /// When its caller gives it up, if it does.
    pub(crate) dropped_after: Option<Duration>,
    /// Whether it has the time that it needs if all is well.
    pub(crate) has_time: bool,
}

/// Calls without end, at a rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) per_second: u32,
    pub(crate) time: Duration,
    pub(crate) mix: fn(&mut Numbers) -> Plan,
    pub(crate) seed: u64,
}

/// Quick and slow calls, and a few long ones, half of them idempotent, with different times. Of some, the time is too
/// short.
pub(crate) fn mixed(numbers: &mut Numbers) -> Plan {
    let kind = match numbers.below(100) {
        0..70 => Kind::Quick,
        70..97 => Kind::Slow,
        _ => Kind::Long(numbers.between(300, 3000)),
    };
    let needed = if let Kind::Long(ms) = kind { ms } else { 0 };
    let has_time = !numbers.once_in(10);
    let budget =
        if has_time { needed + numbers.between(600, 2500) } else { numbers.between(1, needed.max(100)) };
    let (budget, idempotent) = (Duration::from_millis(budget), numbers.once_in(2));
    Plan { kind, idempotent, budget, dropped_after: None, has_time }
}

/// The same, all with more time than they need unless something is broken for long.
pub(crate) fn patient(numbers: &mut Numbers) -> Plan {
    Plan { budget: Duration::from_secs(10), has_time: true, ..mixed(numbers) }
}

/// Those who call, and what they have seen.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    clock: Clock,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    next_id: AtomicU64,
    /// By id, those that are resolved and those that are not.
    calls: Mutex<(BTreeMap<u64, Call>, Vec<Call>)>,
}

/// How long after its deadline a call is given up as hung.
const HUNG: Duration = Duration::from_secs(10);

impl Callers {
    pub(crate) fn new(clock: Clock) -> Self {
        Callers { clock, log: Arc::default() }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Makes calls until their time is over, through each client in turn. They may still be out when this returns.
    pub(crate) async fn run(&self, clients: &[WorkClient], load: Load) {
        let mut numbers = Numbers::new(load.seed);
        let interval = Duration::from_secs(1) / load.per_second;
        let start = Instant::now();
        let mut due = start;
        for client in clients.iter().cycle() {
            sleep_until(due).await;
            due += interval;
            if due.duration_since(start) > load.time {
                return;
            }
            tokio::spawn(self.clone().call(client.clone(), (load.mix)(&mut numbers)));
        }
    }

    /// Makes one call.
    pub(crate) async fn call(self, client: WorkClient, plan: Plan) -> Outcome {
        let id = self.log.next_id.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        let call = Call {
            id,
            method: plan.method(),
            idempotent: plan.idempotent,
            has_time: plan.has_time && plan.dropped_after.is_none(),
            start: self.clock.unix_ms_of(start),
            deadline: self.clock.unix_ms_of(start + plan.budget),
            end: 0,
            outcome: Outcome::Hung,
        };
        self.log.calls.lock().unwrap().0.insert(id, call);
        let limit = plan.dropped_after.unwrap_or(plan.budget + HUNG);
        let outcome = match timeout(limit, plan.call(&client, id)).await {
            Ok(outcome) => outcome,
            Err(_) if plan.dropped_after.is_some() => Outcome::Dropped,
            Err(_) => Outcome::Hung,
        };
        let mut calls = self.log.calls.lock().unwrap();
        if let Some(call) = calls.0.remove(&id) {
            calls.1.push(Call { end: self.clock.unix_ms(), outcome: outcome.clone(), ..call });
        }
        outcome
    }

    /// What was seen until now of the calls that are resolved.
    pub(crate) fn resolved(&self) -> Vec<Call> {
        self.log.calls.lock().unwrap().1.clone()
    }

    /// Waits until all calls are resolved or given up as hung, and returns what was seen.
    pub(crate) async fn finish(&self) -> Vec<Call> {
        while !self.log.calls.lock().unwrap().0.is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        self.resolved()
    }
}

impl Plan {
    fn method(&self) -> &'static str {
        match (self.kind, self.idempotent) {
            (Kind::Quick, false) => "quick",
            (Kind::Quick, true) => "quick_again",
            (Kind::Slow, false) => "slow",
            (Kind::Slow, true) => "slow_again",
            (Kind::Long(_), false) => "long",
            (Kind::Long(_), true) => "long_again",
        }
    }

    async fn call(&self, client: &WorkClient, id: u64) -> Outcome {
        let call = match (self.kind, self.idempotent) {
            (Kind::Quick, false) => client.quick(id),
            (Kind::Quick, true) => client.quick_again(id),
            (Kind::Slow, false) => client.slow(id),
            (Kind::Slow, true) => client.slow_again(id),
            (Kind::Long(ms), false) => client.long(id, ms),
            (Kind::Long(ms), true) => client.long_again(id, ms),
        };
        Outcome::of(id, call.timeout(self.budget).await)
    }
}

/// Notes when this runtime did not run.
#[derive(Debug)]
pub(crate) struct Stalls {
    seen: Arc<Mutex<Vec<Stall>>>,
    task: tokio::task::AbortHandle,
}

impl Stalls {
    pub(crate) fn watch(clock: Clock) -> Self {
        const NAP: Duration = Duration::from_millis(2);
        const LATE: u64 = 5;
        let seen = Arc::<Mutex<Vec<Stall>>>::default();
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let due = Instant::now() + NAP;
                sleep_until(due).await;
                let stall = Stall { from: clock.unix_ms_of(due), to: clock.unix_ms() };
                if stall.to - stall.from >= LATE {
                    noted.lock().unwrap().push(stall);
                }
            }
        });
        Stalls { seen, task: task.abort_handle() }
    }

    pub(crate) fn seen(&self) -> Vec<Stall> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use nats_rpc::memory::Broker;

    use super::*;

    /// Calls of a service that nobody serves, but somebody listens to.
    async fn unanswered(load: Load) -> Vec<Call> {
        let broker = Broker::new();
        let silent = broker.connect();
        let _silent = silent.subscribe("work.*", None).await.unwrap();
        let callers = Callers::new(Clock::at(1000));
        callers.run(&[WorkClient::new(broker.connect())], load).await;
        callers.finish().await
    }

    fn at_least_a_second(numbers: &mut Numbers) -> Plan {
        Plan { budget: Duration::from_millis(numbers.between(1000, 2000)), ..mixed(numbers) }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_keep_coming_while_others_wait() {
        let load = Load { per_second: 100, time: Duration::from_secs(1), mix: at_least_a_second, seed: 1 };
        let calls = unanswered(load).await;
        assert!((99..=101).contains(&calls.len()), "{}", calls.len());
        assert!(calls.iter().all(|call| call.start <= 2000 && call.end >= 2000), "none was answered before");
        assert!(calls.iter().all(|call| matches!(call.outcome, Outcome::Failed { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_seed_says_what_is_called() {
        let load = |seed| Load { per_second: 100, time: Duration::from_secs(1), mix: mixed, seed };
        let called = async |seed| {
            let mut calls = unanswered(load(seed)).await;
            calls.sort_by_key(|call| call.id);
            calls.iter().map(|call| (call.method, call.deadline)).collect::<Vec<_>>()
        };
        assert_eq!(called(1).await, called(1).await);
        assert_ne!(called(1).await, called(2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_is_written_down_as_dropped() {
        fn soon(numbers: &mut Numbers) -> Plan {
            Plan { dropped_after: Some(Duration::from_millis(10)), ..at_least_a_second(numbers) }
        }
        let load = Load { per_second: 10, time: Duration::from_secs(1), mix: soon, seed: 1 };
        let calls = unanswered(load).await;
        assert!(calls.iter().all(|call| call.outcome == Outcome::Dropped && call.end - call.start <= 11));
    }

    #[tokio::test]
    async fn a_runtime_that_is_blocked_stalls() {
        let clock = Clock::start();
        let stalls = Stalls::watch(clock);
        sleep(Duration::from_millis(10)).await;
        let from = clock.unix_ms();
        std::thread::sleep(Duration::from_millis(50));
        let to = clock.unix_ms();
        sleep(Duration::from_millis(10)).await;
        let seen = stalls.seen();
        assert!(
            seen.iter().any(|stall| stall.from <= from + 5 && stall.to >= to),
            "{seen:?} in {from}..{to}"
        );
    }
}
