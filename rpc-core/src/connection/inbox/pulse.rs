//! The task that asks the instances which have calls of a connection whether they are there.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Shared;

/// How often they are told that we are there: if they are not, the broker says so.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often one looks who has been silent for too long.
const LOOK: Duration = Duration::from_millis(250);

/// Rests as long as no instance has a call.
pub(super) async fn pulse(shared: Arc<Shared>) {
    loop {
        shared.pulse.notified().await;
        // Who has just accepted a call is there.
        let (mut looked, mut told) = (Instant::now(), Instant::now());
        while shared.has_peers() {
            let now = Instant::now();
            if now.duration_since(looked) > LOOK + HEARTBEAT {
                // This process was stopped, or very busy: what it has missed is not to be laid at the others' door.
                shared.change(|state| state.waiters.peers.forgive(now));
            }
            looked = now;
            let mut wake: Vec<Waker> = Vec::new();
            let is_due = now.duration_since(told) >= HEARTBEAT;
            shared.change(|state| {
                state.waiters.look_at_peers(now, &mut wake);
                state.waiters.grant_owed();
                if is_due {
                    state.waiters.beat();
                }
            });
            wake.into_iter().for_each(Waker::wake);
            if is_due {
                told = now;
            }
            sleep(LOOK).await;
        }
    }
}

impl Shared {
    fn has_peers(&self) -> bool {
        !self.lock().waiters.peers.is_empty()
    }
}
