//! What a server has taken on, and whether there is room for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::limits::{Limits, MethodLimits};

/// What a server, or one of its methods, has taken on.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Whose limits these are, for messages.
    whose: &'static str,
    most_calls: usize,
    most_bytes: usize,
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// What a method with limits of its own has taken on, and the places of its handlers. Who waits for one of them takes none of
/// the server's.
#[derive(Debug)]
pub(super) struct Quota {
    admitted: Admitted,
    pub(super) places: Semaphore,
    /// How many places there are.
    #[cfg(feature = "jetstream")]
    pub(super) most_at_once: usize,
}

/// What a call keeps of its server: memory, and its part of what its method may have.
#[derive(Debug, Clone)]
pub(super) struct Held {
    memory: Memory,
    quota: Option<Arc<Quota>>,
}

#[derive(Debug, Clone)]
enum Memory {
    /// That of a message of its own, in bytes.
    Own(usize),
    /// That of a message of several calls, each of which keeps all of it.
    Shared(Arc<SharedBytes>),
}

/// The memory of a message of several calls: it counts once, from the first of its calls that is counted to the end of
/// the last.
#[derive(Debug)]
struct SharedBytes {
    admitted: Arc<Admitted>,
    quota: Option<Arc<Quota>>,
    bytes: usize,
    counted: AtomicBool,
}

impl Held {
    /// The memory of a message of its own.
    pub(super) fn own(quota: Option<&Arc<Quota>>, bytes: usize) -> Self {
        Held { memory: Memory::Own(bytes), quota: quota.cloned() }
    }

    /// The memory of a message of several calls.
    pub(super) fn shared(admitted: &Arc<Admitted>, quota: Option<&Arc<Quota>>, bytes: usize) -> Self {
        let (admitted, counted) = (Arc::clone(admitted), AtomicBool::new(false));
        let shared = SharedBytes { admitted, quota: quota.cloned(), bytes, counted };
        Held { memory: Memory::Shared(Arc::new(shared)), quota: quota.cloned() }
    }

    /// How many bytes are to be counted for a call that is. Those that are shared count for the first one, and are given
    /// back when the last hold on them is dropped.
    fn count_once(&self) -> usize {
        match &self.memory {
            Memory::Own(bytes) => *bytes,
            Memory::Shared(shared) if shared.counted.swap(true, Ordering::Relaxed) => 0,
            Memory::Shared(shared) => shared.bytes,
        }
    }
}

impl Drop for SharedBytes {
    fn drop(&mut self) {
        if *self.counted.get_mut() {
            for level in levels(&self.admitted, self.quota.as_ref()) {
                level.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
            }
        }
    }
}

/// Where a call counts: at its server, and at its method if that has limits of its own.
fn levels<'a>(server: &'a Admitted, quota: Option<&'a Arc<Quota>>) -> impl Iterator<Item = &'a Admitted> {
    std::iter::once(server).chain(quota.map(|quota| &quota.admitted))
}

impl Quota {
    pub(super) fn new(limits: &MethodLimits) -> Self {
        Quota {
            admitted: Admitted::new("of the method", limits.calls(), limits.bytes),
            places: Semaphore::new(limits.in_flight.min(Semaphore::MAX_PERMITS)),
            #[cfg(feature = "jetstream")]
            most_at_once: limits.in_flight,
        }
    }
}

impl Admitted {
    /// What a server with these limits takes on.
    pub(super) fn by(limits: &Limits) -> Self {
        Admitted::new("of the server", limits.in_flight.saturating_add(limits.queued), limits.bytes)
    }

    /// What it takes on in streams.
    pub(super) fn of_streams(limits: &Limits) -> Self {
        Admitted::new("of the server with streams", limits.streams, limits.bytes)
    }

    fn new(whose: &'static str, most_calls: usize, most_bytes: usize) -> Self {
        Admitted { whose, most_calls, most_bytes, calls: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    /// Takes on a call, or says what there is too much of.
    pub(super) fn enter(&self, held: &Held) -> Result<(), String> {
        let more = held.count_once();
        let too_much =
            levels(self, held.quota.as_ref()).fold(None, |too_much, level| too_much.or(level.count(more)));
        match too_much {
            Some((level, calls, bytes)) => {
                self.leave(held);
                Err(level.too_much(calls, bytes))
            }
            None => Ok(()),
        }
    }

    /// Whether the memory of a call may be kept, should it come to that.
    pub(super) fn has_room(&self, held: &Held) -> bool {
        let more = match &held.memory {
            Memory::Own(bytes) => *bytes,
            Memory::Shared(shared) if shared.counted.load(Ordering::Relaxed) => 0,
            Memory::Shared(shared) => shared.bytes,
        };
        self.bytes.load(Ordering::Relaxed).saturating_add(more) <= self.most_bytes
    }

    /// Counts a call that has begun already.
    pub(super) fn add(&self, held: &Held) {
        let more = held.count_once();
        for level in levels(self, held.quota.as_ref()) {
            level.count(more);
        }
    }

    /// Counts a call. If that is too much, returns how much there was.
    fn count(&self, more: usize) -> Option<(&Self, usize, usize)> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(more, Ordering::Relaxed);
        (calls >= self.most_calls || bytes.saturating_add(more) > self.most_bytes)
            .then_some((self, calls, bytes))
    }

    fn too_much(&self, calls: usize, bytes: usize) -> String {
        let Admitted { whose, most_calls, most_bytes, .. } = self;
        if calls >= *most_calls {
            return format!("{calls} calls {whose} are running or waiting, of {most_calls} that may");
        }
        format!(
            "the requests {whose} that are running or waiting have {bytes} bytes, of {most_bytes} that they may"
        )
    }

    /// Ends a call. Memory that it shares counts until the last call that shares it is gone.
    pub(super) fn leave(&self, held: &Held) {
        for level in levels(self, held.quota.as_ref()) {
            level.calls.fetch_sub(1, Ordering::SeqCst);
            if let Memory::Own(bytes) = &held.memory {
                level.bytes.fetch_sub(*bytes, Ordering::Relaxed);
            }
        }
    }

    /// How many calls run or wait.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(bytes: usize) -> Held {
        Held::own(None, bytes)
    }

    #[test]
    fn calls_and_bytes_are_bounded_and_given_back() {
        let limits = Limits { in_flight: 1, queued: 1, bytes: 100, ..Limits::default() };
        let admitted = Admitted::by(&limits);
        assert_eq!(admitted.enter(&own(60)), Ok(()));
        assert!(admitted.enter(&own(60)).unwrap_err().contains("bytes"));
        assert_eq!(admitted.enter(&own(40)), Ok(()));
        assert!(admitted.enter(&own(0)).unwrap_err().contains("2 calls"));
        admitted.leave(&own(60));
        assert_eq!(admitted.enter(&own(60)), Ok(()));
    }

    #[test]
    fn the_memory_of_a_message_counts_once_and_until_its_last_call() {
        let admitted = Arc::new(Admitted::by(&Limits { bytes: 100, ..Limits::default() }));
        let held = Held::shared(&admitted, None, 60);
        assert_eq!(admitted.enter(&held), Ok(()));
        assert_eq!(admitted.enter(&held), Ok(()));
        let other = Held::shared(&admitted, None, 60);
        assert!(admitted.enter(&other).unwrap_err().contains("60 bytes"));
        drop(other);
        admitted.leave(&held);
        assert!(admitted.enter(&own(50)).is_err());
        admitted.leave(&held);
        drop(held);
        assert_eq!(admitted.enter(&own(50)), Ok(()));
    }

    #[test]
    fn a_method_with_limits_counts_for_itself_and_for_the_server() {
        let admitted = Arc::new(Admitted::by(&Limits { bytes: 100, ..Limits::default() }));
        let limits = MethodLimits::new().max_in_flight(1).max_bytes(50);
        let quota = Arc::new(Quota::new(&limits));
        let of_method = |bytes| Held::own(Some(&quota), bytes);
        assert_eq!(admitted.enter(&of_method(20)), Ok(()));
        assert!(admitted.enter(&of_method(40)).unwrap_err().contains("the method"), "over its bytes");
        assert_eq!(admitted.enter(&of_method(20)), Ok(()), "as many may wait as may run");
        assert!(admitted.enter(&of_method(0)).unwrap_err().contains("2 calls of the method"));
        assert!(admitted.enter(&own(80)).unwrap_err().contains("the server"), "the server counts them too");
        assert_eq!(admitted.enter(&own(60)), Ok(()), "others are not concerned");
        admitted.leave(&own(60));
        admitted.leave(&of_method(20));
        admitted.leave(&of_method(20));
        let shared = Held::shared(&admitted, Some(&quota), 50);
        assert_eq!((admitted.enter(&shared), admitted.enter(&shared)), (Ok(()), Ok(())));
        admitted.leave(&shared);
        admitted.leave(&shared);
        drop(shared);
        for level in levels(&admitted, Some(&quota)) {
            assert_eq!((level.calls(), level.bytes.load(Ordering::Relaxed)), (0, 0));
        }
    }
}
