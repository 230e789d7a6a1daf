//! What a server lets be on its way on the streams of one caller, whatever that grants.
//!
//! What a caller does not read waits at the NATS server, which then holds up all that the instance
//! sends. A meter counts what was sent and not granted again by a later *credit*. Each stream has a
//! share that is its own; what is beyond comes from a pool that all streams of the caller have
//! together. So one that is read goes on, whatever the others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

use super::outflow::Allowance;
use crate::connection::{MAX_BYTES, MAX_FRAMES};
use crate::wire::frame::Credit;

/// What an item counts for beside its bytes: its frame takes no more.
const FRAME: u32 = 32;

/// How much a sender is given at a time: a full message.
const STEP: usize = MAX_BYTES + MAX_FRAMES * FRAME as usize;

/// The shares of all streams of a caller have this part of its pool together.
const SHARES: usize = 2;

/// A share is so large at most, and at least, and no larger than this part of what is left for
/// shares: those who come late get smaller ones.
const LARGEST_SHARE: usize = 128 * 1024;
const SMALLEST_SHARE: usize = 2 * 1024;
const PART: usize = 16;

/// What the streams of one caller may have on their way together.
#[derive(Debug)]
pub(crate) struct CreditPool {
    /// One permit for each byte that any of them may have.
    rest: Arc<Semaphore>,
    most: usize,
    /// What is left for shares.
    shares: AtomicUsize,
}

impl CreditPool {
    /// A pool of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let most = bytes.min(Semaphore::MAX_PERMITS);
        CreditPool { rest: Arc::new(Semaphore::new(most)), most, shares: AtomicUsize::new(most / SHARES) }
    }

    /// Takes a share for a stream, which it has whatever the others have.
    fn reserve(&self) -> usize {
        let part = |left: usize| (left / PART).min(LARGEST_SHARE);
        let take = |left: usize| Some(left - part(left));
        let left = self.shares.fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        part(left.unwrap_or_else(|left| left))
    }
}

/// What is on its way on one stream.
#[derive(Debug)]
pub(super) struct Meter {
    pool: Arc<CreditPool>,
    /// What it has for itself of what there is for shares.
    reserved: usize,
    /// What was sent and not granted again, and what the sender has in hand.
    outstanding: usize,
    /// What of that is the pool's.
    held: usize,
    /// What the sender was given last.
    given: Allowance,
    waiting: Option<PollSemaphore>,
}

/// What goes back to a pool once this is dropped: not under the lock of a stream, since others are
/// woken by that.
#[derive(Debug, Default)]
pub(super) struct Back {
    pool: Option<Arc<Semaphore>>,
    bytes: usize,
    /// One that waits no more.
    waiting: Option<PollSemaphore>,
}

impl Drop for Back {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.add_permits(self.bytes);
        }
    }
}

impl Meter {
    pub(super) fn new(pool: Arc<CreditPool>) -> Self {
        let reserved = pool.reserve();
        Meter { pool, reserved, outstanding: 0, held: 0, given: Allowance::default(), waiting: None }
    }

    fn share(&self) -> usize {
        self.reserved.max(SMALLEST_SHARE)
    }

    /// Takes back what the sender has left of what it was given.
    pub(super) fn settle(&mut self, left: Allowance, back: &mut Back) {
        let given = std::mem::take(&mut self.given);
        let sent = Allowance {
            messages: given.messages.saturating_sub(left.messages),
            bytes: given.bytes.saturating_sub(left.bytes),
        };
        self.outstanding = self.outstanding.saturating_sub(cost(given)).saturating_add(cost(sent));
        // An item may have been larger than what was left of the share.
        let excess = self.needed().saturating_sub(self.held);
        self.held += self.pool.rest.forget_permits(excess);
        self.give_back(back);
    }

    /// The receiver has taken so much. What it grants beyond what is on its way does not count: it
    /// would be as much as it likes to say.
    pub(super) fn confirm(&mut self, credit: Credit, back: &mut Back) {
        let mut taken = Allowance::default();
        taken.add(credit);
        self.outstanding = self.outstanding.saturating_sub(cost(taken));
        self.give_back(back);
    }

    /// What it needs beside its share.
    fn needed(&self) -> usize {
        self.outstanding.saturating_sub(self.share())
    }

    /// Gives back what is the pool's and not needed any more.
    fn give_back(&mut self, back: &mut Back) {
        let more = self.held.saturating_sub(self.needed());
        if more > 0 {
            self.held -= more;
            back.pool.get_or_insert_with(|| Arc::clone(&self.pool.rest));
            back.bytes += more;
        }
    }

    /// Waits until something may be sent of what the receiver lets us. Returns how much: that
    /// counts from now on.
    pub(super) fn poll_give(
        &mut self,
        cx: &Context<'_>,
        granted: Allowance,
        back: &mut Back,
    ) -> Poll<Allowance> {
        let own = self.share().saturating_sub(self.outstanding.saturating_sub(self.held));
        let wanted = cost(granted).min(STEP);
        if own > 0 {
            back.waiting = self.waiting.take();
            return Poll::Ready(self.give(granted, wanted.min(own)));
        }
        let taken = ready!(self.poll_pool(&mut Context::from_waker(cx.waker()), wanted));
        self.held += taken;
        let given = self.give(granted, taken);
        self.give_back(back);
        Poll::Ready(given)
    }

    /// Takes something out of the pool: what there is, or its part when it is its turn.
    fn poll_pool(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<usize> {
        let rest = &self.pool.rest;
        if self.waiting.is_none() {
            let there = rest.forget_permits(wanted);
            if there > 0 {
                return Poll::Ready(there);
            }
        }
        let part = permits(wanted.min(self.pool.most));
        let waiting = self.waiting.get_or_insert_with(|| PollSemaphore::new(Arc::clone(rest)));
        let taken = ready!(waiting.poll_acquire_many(cx, part));
        self.waiting = None;
        // It is never closed.
        Poll::Ready(taken.map_or(0, |taken| {
            let there = taken.num_permits();
            taken.forget();
            there
        }))
    }

    /// Counts a part of what was granted as on its way.
    fn give(&mut self, granted: Allowance, most: usize) -> Allowance {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let messages = granted.messages.min((most / (2 * i64::from(FRAME))).max(1));
        let bytes = granted.bytes.min((most - messages * i64::from(FRAME)).max(1));
        self.given = Allowance { messages, bytes };
        self.outstanding = self.outstanding.saturating_add(cost(self.given));
        self.given
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.pool.shares.fetch_add(self.reserved, Ordering::AcqRel);
        self.pool.rest.add_permits(self.held);
    }
}

/// What so many items with so many bytes count for.
fn cost(items: Allowance) -> usize {
    let frames = items.messages.max(0).saturating_mul(i64::from(FRAME));
    usize::try_from(items.bytes.max(0).saturating_add(frames)).unwrap_or(usize::MAX)
}

/// A number of permits, at least one.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const MIB: usize = 1024 * 1024;
    const PLENTY: Credit = Credit { messages: u32::MAX, bytes: u32::MAX };

    /// Sends items of a KiB until nothing more may leave. Returns how many that were.
    fn send_all(meter: &mut Meter) -> usize {
        let (mut granted, mut sent) = (Allowance::default(), 0);
        granted.add(PLENTY);
        let mut left = Allowance::default();
        loop {
            let mut back = Back::default();
            meter.settle(left, &mut back);
            let Poll::Ready(given) = meter.poll_give(&Context::from_waker(Waker::noop()), granted, &mut back)
            else {
                return sent;
            };
            left = given;
            while left.is_enough() {
                left.take(1024);
                sent += 1024;
            }
        }
    }

    fn confirm(meter: &mut Meter, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap();
        meter.confirm(Credit { messages: bytes / 1024, bytes }, &mut Back::default());
    }

    #[test]
    fn a_caller_that_takes_nothing_has_its_pool_and_no_more_on_its_way() {
        let pool = Arc::new(CreditPool::new(16 * MIB));
        let mut meters: Vec<_> = (0..32).map(|_| Meter::new(Arc::clone(&pool))).collect();
        let sent: usize = meters.iter_mut().map(send_all).sum();
        assert!((19 * MIB..=24 * MIB).contains(&sent), "{sent}");
        assert_eq!(meters.iter_mut().map(send_all).sum::<usize>(), 0);
        drop(meters);
        assert_eq!(pool.rest.available_permits(), 16 * MIB);
        assert_eq!(pool.shares.load(Ordering::Relaxed), 8 * MIB);
    }

    #[test]
    fn thousands_of_streams_have_smaller_shares() {
        let pool = Arc::new(CreditPool::new(16 * MIB));
        let mut meters = Vec::new();
        let mut sent = 0;
        for _ in 0..3584 {
            meters.push(Meter::new(Arc::clone(&pool)));
            sent += meters.last_mut().map_or(0, send_all);
        }
        // What is sent first leaves no less to others.
        assert!(sent < 31 * MIB, "{sent}");
    }

    #[test]
    fn a_stream_that_is_read_goes_on_whatever_the_others_do() {
        let pool = Arc::new(CreditPool::new(MIB));
        let mut others: Vec<_> = (0..31).map(|_| Meter::new(Arc::clone(&pool))).collect();
        let mut read = Meter::new(Arc::clone(&pool));
        others.iter_mut().for_each(|meter| _ = send_all(meter));
        for _ in 0..1000 {
            let sent = send_all(&mut read);
            assert!(sent > 0, "it may send");
            confirm(&mut read, sent);
        }
    }

    #[test]
    fn what_is_granted_in_advance_does_not_count() {
        let pool = Arc::new(CreditPool::new(MIB));
        let mut meter = Meter::new(Arc::clone(&pool));
        meter.confirm(PLENTY, &mut Back::default());
        let sent = send_all(&mut meter);
        assert!(sent < 3 * MIB / 2, "{sent}");
        meter.confirm(PLENTY, &mut Back::default());
        assert_eq!(send_all(&mut meter), sent);
        drop(meter);
        assert_eq!(pool.rest.available_permits(), MIB);
    }

    #[test]
    fn what_comes_back_wakes_who_waits() {
        let pool = Arc::new(CreditPool::new(MIB));
        let (mut one, mut other) = (Meter::new(Arc::clone(&pool)), Meter::new(Arc::clone(&pool)));
        let sent = send_all(&mut one);
        // Beyond its share it has to wait for the pool.
        send_all(&mut other);
        assert!(other.waiting.is_some());
        confirm(&mut one, sent);
        assert!(send_all(&mut other) > 0);
    }
}
