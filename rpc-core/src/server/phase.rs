//! Where the intake of a server is in its life, for the tasks that must know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// Where the intake of a server is in its life, after it has begun to serve.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Phase {
    /// The broker is asked for no more messages.
    Stopping = 1,
    /// It has sent the last one, or nobody waits for that: what is in the channels is all there is.
    Draining,
}

/// The phase of one server. It wakes those who wait in the order in which they came: a `watch` channel of tokio does so in
/// a random one, and a simulation would not replay.
#[derive(Debug, Clone, Default)]
pub(super) struct Phases(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    phase: AtomicU8,
    changed: Notify,
}

impl Phases {
    /// Goes on to a phase, and never back.
    pub(super) fn advance(&self, to: Phase) {
        self.0.phase.fetch_max(to as u8, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }

    /// Whether nothing has been asked to end yet.
    pub(super) fn is_serving(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) == 0
    }

    /// Waits until the server is as far as that.
    pub(super) async fn reached(&self, phase: Phase) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.phase.load(Ordering::Acquire) >= phase as u8 {
                return;
            }
            changed.await;
        }
    }
}
