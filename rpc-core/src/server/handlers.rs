//! The tasks of a server's handlers, from the first to the end of the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Shared;
use super::admitted::{Admitted, Held};

/// The tasks that run, until the server is closed.
pub(super) struct Handlers {
    tasks: Mutex<Option<JoinSet<()>>>,
    /// The same as that there are no tasks any more, without a lock.
    closed: AtomicBool,
    idle: Notify,
}

impl Handlers {
    pub(super) fn new() -> Self {
        Handlers {
            tasks: Mutex::new(Some(JoinSet::new())),
            closed: AtomicBool::new(false),
            idle: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Gives a task to the server, which ends it when the server ends. A server that has ended drops it, and the call in
    /// it is answered as that happens.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.handlers.lock();
        if let Some(open) = tasks.as_mut() {
            // Those that ended since the last time: the set keeps them until they are taken.
            while open.try_join_next().is_some() {}
            open.spawn(task);
        } else {
            // Not under the lock: what is dropped answers its caller.
            drop(tasks);
            drop(task);
        }
    }

    /// Whether the server has ended, so that nothing may be started.
    pub(super) fn is_closed(&self) -> bool {
        self.handlers.closed.load(Ordering::SeqCst)
    }

    /// Ends the server: from now on nothing is started. Returns what still runs.
    pub(super) fn close(&self) -> JoinSet<()> {
        self.handlers.closed.store(true, Ordering::SeqCst);
        self.handlers.lock().take().unwrap_or_default()
    }

    /// Ends a call that was taken on.
    pub(super) fn leave(&self, admitted: &Admitted, held: &Held) {
        admitted.leave(held);
        if self.calls() == 0 {
            self.handlers.idle.notify_one();
        }
    }

    /// How many calls run or wait, those with streams among them.
    fn calls(&self) -> usize {
        self.admitted.calls() + self.streams.calls()
    }

    /// Waits until every call is answered, once there are no new ones.
    pub(super) async fn idle(&self) {
        while self.calls() > 0 {
            self.handlers.idle.notified().await;
        }
    }
}
