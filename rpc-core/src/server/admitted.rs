//! What a server has taken on, and whether there is room for more.

mod bound;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

pub(super) use self::bound::Bound;
use super::callers::{Caller, Callers};
use super::limits::{Limits, MethodLimits};

/// What a server, one of its methods, or one of its callers has taken on.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Whose limits these are, for messages.
    whose: &'static str,
    /// Whether these are calls that open a stream.
    of_streams: bool,
    most_calls: Bound,
    most_bytes: Bound,
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

/// What a call keeps of its server: memory, and its part of what its method and its caller may
/// have.
#[derive(Debug, Clone)]
pub(super) struct Held {
    memory: Memory,
    quota: Option<Arc<Quota>>,
    /// `None` until it has to be known, and of jobs, which have none.
    caller: Option<Arc<Caller>>,
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
    caller: OnceLock<Arc<Caller>>,
    bytes: usize,
    counted: AtomicBool,
}

impl Held {
    /// The memory of a message of its own.
    pub(super) fn own(quota: Option<&Arc<Quota>>, bytes: usize) -> Self {
        Held { memory: Memory::Own(bytes), quota: quota.cloned(), caller: None }
    }

    /// The memory of a message of several calls.
    pub(super) fn shared(admitted: &Arc<Admitted>, quota: Option<&Arc<Quota>>, bytes: usize) -> Self {
        let (admitted, counted) = (Arc::clone(admitted), AtomicBool::new(false));
        let (quota, caller) = (quota.cloned(), OnceLock::new());
        let shared = SharedBytes { admitted, quota: quota.clone(), caller, bytes, counted };
        Held { memory: Memory::Shared(Arc::new(shared)), quota, caller: None }
    }

    /// Names the caller, where that is known from the start.
    pub(super) fn of(mut self, caller: Option<Arc<Caller>>) -> Self {
        if let Some(caller) = caller {
            self.set_caller(caller);
        }
        self
    }

    /// Finds out who the caller is, by where it is answered, unless that is known.
    pub(super) fn identify(&mut self, callers: &Callers, reply: Option<&str>) -> Option<&Arc<Caller>> {
        if self.caller.is_none() {
            self.set_caller(Arc::clone(callers.of_reply(reply)));
        }
        self.caller()
    }

    pub(super) fn caller(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref()
    }

    fn set_caller(&mut self, caller: Arc<Caller>) {
        if let Memory::Shared(shared) = &self.memory {
            // That of the message: all of its calls are answered on the same subject.
            shared.caller.get_or_init(|| Arc::clone(&caller));
        }
        self.caller = Some(caller);
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
            for level in levels(&self.admitted, self.quota.as_ref(), self.caller.get()) {
                level.most_bytes.subtract(&level.bytes, self.bytes);
            }
        }
    }
}

/// Where a call counts: at its server, at its method if that has limits of its own, and at its
/// caller.
fn levels<'a>(
    server: &'a Admitted,
    quota: Option<&'a Arc<Quota>>,
    caller: Option<&'a Arc<Caller>>,
) -> impl Iterator<Item = &'a Admitted> {
    let of_caller = caller.map(|caller| caller.admitted(server.of_streams));
    std::iter::once(server).chain(quota.map(|quota| &quota.admitted)).chain(of_caller)
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
        let streams = Admitted::new("of the server with streams", limits.streams, limits.bytes);
        Admitted { of_streams: true, ..streams }
    }

    /// What it takes on of one caller. What is full is counted in `crowd`.
    pub(super) fn of_caller(limits: &Limits, crowd: &Arc<AtomicUsize>) -> Self {
        let calls = limits.in_flight_of_caller().saturating_add(limits.queued_of_caller());
        Admitted {
            most_calls: Bound::watched(calls, crowd),
            most_bytes: Bound::watched(limits.bytes_of_caller(), crowd),
            ..Admitted::new("of the caller", 0, 0)
        }
    }

    /// What it takes on of one caller in streams, which no other call has to make room for.
    pub(super) fn of_streams_of_caller(limits: &Limits) -> Self {
        let (streams, bytes) = (limits.streams_of_caller(), limits.bytes_of_caller());
        Admitted { of_streams: true, ..Admitted::new("of the caller with streams", streams, bytes) }
    }

    fn new(whose: &'static str, most_calls: usize, most_bytes: usize) -> Self {
        let (most_calls, most_bytes) = (Bound::new(most_calls), Bound::new(most_bytes));
        let (calls, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Admitted { whose, of_streams: false, most_calls, most_bytes, calls, bytes }
    }

    /// Takes on a call, or says what there is too much of.
    pub(super) fn enter(&self, held: &Held) -> Result<(), String> {
        let more = held.count_once();
        let too_much = levels(self, held.quota.as_ref(), held.caller())
            .fold(None, |too_much, level| too_much.or(level.count(more)));
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
        self.bytes.load(Ordering::Relaxed).saturating_add(more) <= self.most_bytes.most()
    }

    /// Whether there is no room for another call.
    pub(super) fn is_full(&self) -> bool {
        self.most_calls.is_reached(self.calls())
            || self.most_bytes.is_reached(self.bytes.load(Ordering::Relaxed))
    }

    /// Counts a call that has begun already.
    pub(super) fn add(&self, held: &Held) {
        let more = held.count_once();
        for level in levels(self, held.quota.as_ref(), held.caller()) {
            level.count(more);
        }
    }

    /// Counts a call. If that is too much, returns how much there was.
    fn count(&self, more: usize) -> Option<(&Self, usize, usize)> {
        let calls = self.most_calls.add(&self.calls, 1);
        let bytes = self.most_bytes.add(&self.bytes, more);
        (calls >= self.most_calls.most() || bytes.saturating_add(more) > self.most_bytes.most())
            .then_some((self, calls, bytes))
    }

    fn too_much(&self, calls: usize, bytes: usize) -> String {
        let Admitted { whose, .. } = self;
        let (most_calls, most_bytes) = (self.most_calls.most(), self.most_bytes.most());
        if calls >= most_calls {
            return format!("{calls} calls {whose} are running or waiting, of {most_calls} that may");
        }
        format!(
            "the requests {whose} that are running or waiting have {bytes} bytes, of {most_bytes} that they may"
        )
    }

    /// Ends a call. Memory that it shares counts until the last call that shares it is gone.
    pub(super) fn leave(&self, held: &Held) {
        for level in levels(self, held.quota.as_ref(), held.caller()) {
            level.most_calls.subtract(&level.calls, 1);
            if let Memory::Own(bytes) = &held.memory {
                level.most_bytes.subtract(&level.bytes, *bytes);
            }
        }
    }

    /// How many calls run or wait.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}
