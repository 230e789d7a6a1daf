//! What the stubs of one service share.

use std::fmt;
use std::sync::Arc;

use super::history::History;
use super::{Inbox, Shared, State};
use crate::connection::Subject;
use crate::connection::outbox::{DestinationId, Place};

/// The slots and destinations of one service, with how many stubs use them.
pub(super) struct Pool {
    index: usize,
    stubs: usize,
    history: Arc<History>,
}

/// How many services are remembered that have no stub at the moment: a program that makes a stub for each call need not
/// learn again how long handlers take.
const MAX_IDLE_POOLS: usize = 256;

/// A stub's hold on the slots and destinations of its service.
pub(crate) struct SlotPool {
    index: usize,
    service: Box<str>,
    shared: Arc<Shared>,
    history: Arc<History>,
}

impl Drop for SlotPool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let State { waiters, pools, .. } = &mut *state;
        let too_many = pools.len() > MAX_IDLE_POOLS;
        let Some(pool) = pools.get_mut(&self.service) else { return };
        pool.stubs -= 1;
        if pool.stubs == 0 && too_many {
            pools.remove(&self.service);
            waiters.slots.remove_pool(self.index);
            waiters.destinations.remove_pool(self.index);
        }
    }
}

impl SlotPool {
    /// What the connection remembers of the service.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// The destination of messages to this subject, which is below that of the service, that carry so many calls at most. It
    /// stays as long as there are stubs of the service.
    pub(crate) fn keep(&self, subject: Subject, most: usize) -> DestinationId {
        self.shared.lock().waiters.destinations.keep(self.place(subject, most))
    }

    /// The same for calls that have chosen the subject. It stays until it is [unpinned](Self::unpin), and as long as one of
    /// them is out.
    pub(crate) fn pin(&self, subject: Subject, most: usize) -> DestinationId {
        self.shared.lock().waiters.pin(self.place(subject, most))
    }

    /// Once for each time that it was pinned.
    pub(crate) fn unpin(&self, destination: DestinationId) {
        self.shared.lock().waiters.destinations.unpin(destination);
    }

    fn place(&self, subject: Subject, most: usize) -> Place {
        Place { subject, service: self.service.len(), pool: self.index, most }
    }
}

impl fmt::Debug for SlotPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotPool").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Inbox {
    /// The slots and destinations for one service, shared by all stubs of it. It is served below
    /// these subjects too.
    pub(crate) fn pool(&self, service: &str, also_served_below: &[Box<str>]) -> SlotPool {
        let mut state = self.shared.lock();
        let State { waiters, pools, .. } = &mut *state;
        let pool = pools.entry(service.into()).or_insert_with(|| Pool {
            index: waiters.slots.add_pool(&self.subjects.of_service()),
            stubs: 0,
            history: Arc::default(),
        });
        pool.stubs += 1;
        waiters.slots.serve_below(pool.index, also_served_below);
        let (index, history) = (pool.index, Arc::clone(&pool.history));
        SlotPool { index, service: service.into(), shared: Arc::clone(&self.shared), history }
    }
}
