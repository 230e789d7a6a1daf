//! A bound of something that is counted, and who is told when it is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much of something there may be. As long as there is so much, that may be counted elsewhere:
/// who looks there need not look at every bound.
#[derive(Debug)]
pub(in crate::server) struct Bound {
    most: usize,
    reached: Option<Arc<AtomicUsize>>,
}

impl Bound {
    pub(super) fn new(most: usize) -> Self {
        Bound { most, reached: None }
    }

    /// One that is counted in `reached` as long as it is.
    pub(in crate::server) fn watched(most: usize, reached: &Arc<AtomicUsize>) -> Self {
        Bound { most, reached: Some(Arc::clone(reached)) }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(in crate::server) fn is_reached(&self, count: usize) -> bool {
        count >= self.most
    }

    /// Counts more; returns how much there was. Each crossing of the bound is seen by one of those
    /// who count.
    pub(in crate::server) fn add(&self, count: &AtomicUsize, more: usize) -> usize {
        let before = count.fetch_add(more, Ordering::Relaxed);
        if let Some(reached) = &self.reached
            && !self.is_reached(before)
            && self.is_reached(before.saturating_add(more))
        {
            reached.fetch_add(1, Ordering::Relaxed);
        }
        before
    }

    /// Counts less.
    pub(in crate::server) fn subtract(&self, count: &AtomicUsize, less: usize) {
        let before = count.fetch_sub(less, Ordering::SeqCst);
        if let Some(reached) = &self.reached
            && self.is_reached(before)
            && !self.is_reached(before.saturating_sub(less))
        {
            reached.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
