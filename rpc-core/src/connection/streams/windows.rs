//! How much may be on its way to one subscription: what arrives faster than it is taken is lost without a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind};
use crate::wire::frame::Credit;

/// How much of a stream may be on its way, or here and not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) messages: u32,
    pub(crate) bytes: u32,
}

/// What a stream gets at most, unless something else is chosen.
const DEFAULT: Window = Window { messages: 8192, bytes: 16 * 1024 * 1024 };

/// A window begins with this part of its items, and of its bytes: enough for most, and for a receiver that turns out to be slow.
const FIRST_PART: u32 = 32;
const FIRST_PART_OF_BYTES: u32 = 16;

/// How many times as large a window becomes when its receiver had to wait.
const GROWTH: u32 = 4;

/// A window of fewer items, or bytes, begins as what it may become.
const FEWEST: u32 = 16;
const FEWEST_BYTES: u32 = 64 * 1024;

/// Where there are many streams, none gets fewer items than this, and none is had if there are not so many left.
const SMALLEST: usize = 8;

/// A new window is no larger than this part of what is left, once half of all is taken.
const PART: usize = 256;

/// How many messages a subscription keeps that were not taken yet: that is async-nats' own number, and the in-process broker's.
const SUBSCRIPTION: usize = 64 * 1024;

/// What the streams of a subscription may have on their way together: half of what it can keep, since other messages come there as
/// well. An item may be a message of its own.
const ALL: usize = SUBSCRIPTION / 2;

impl Default for Window {
    fn default() -> Self {
        DEFAULT
    }
}

impl Window {
    /// Of a direction without items.
    pub(crate) const NONE: Window = Window { messages: 0, bytes: 0 };

    /// All of it, as it is told to the sender.
    pub(super) fn credit(self) -> Credit {
        Credit { messages: self.messages, bytes: self.bytes }
    }

    /// What one begins with that may become this.
    fn at_first(self) -> Self {
        let part = |all: u32, part: u32, fewest: u32| (all / part).max(fewest.min(all));
        Window {
            messages: part(self.messages, FIRST_PART, FEWEST),
            bytes: part(self.bytes, FIRST_PART_OF_BYTES, FEWEST_BYTES),
        }
    }

    /// The same with fewer items, and with bytes in proportion.
    fn shrunk_to(self, messages: usize) -> Self {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX).min(self.messages);
        let part = u64::from(self.bytes) * u64::from(messages) / u64::from(self.messages.max(1));
        let bytes = u32::try_from(part).unwrap_or(u32::MAX);
        Window { messages, bytes: bytes.max(FEWEST_BYTES.min(self.bytes)) }
    }
}

/// What may be on its way on all streams of one subscription.
#[derive(Debug, Clone)]
pub(crate) struct Windows(Arc<AtomicUsize>);

impl Default for Windows {
    fn default() -> Self {
        Windows(Arc::new(AtomicUsize::new(ALL)))
    }
}

impl Windows {
    /// Takes a window for a stream, that may become as large as this. Where there are many, later ones get smaller windows; in the end there
    /// is no room for another.
    pub(crate) fn reserve(&self, most: Window) -> Result<Reserved, Error> {
        let first = most.at_first();
        let take = |left: usize| left.checked_sub(granted(left, first));
        let Ok(left) = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, take) else {
            let message = "there are as many streams as there is room for what comes on them";
            return Err(Error::not_executed(ErrorKind::Overloaded, message));
        };
        let messages = granted(left, first);
        Ok(Reserved { left: Arc::clone(&self.0), window: first.shrunk_to(messages), most })
    }
}

/// How many items a window has at first when so many are left; perhaps more than that.
fn granted(left: usize, first: Window) -> usize {
    let most = if left > ALL / 2 { left } else { (left / PART).max(SMALLEST) };
    usize::try_from(first.messages).unwrap_or(usize::MAX).min(most)
}

/// A window that is a stream's until this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    left: Arc<AtomicUsize>,
    window: Window,
    most: Window,
}

impl Reserved {
    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// Makes the window four times as large, within its bounds, as long as there is plenty of room. Returns by how much it has grown.
    pub(super) fn grow(&mut self) -> Option<Credit> {
        let more = |now: u32, most: u32| now.saturating_mul(GROWTH - 1).min(most.saturating_sub(now));
        let messages = more(self.window.messages, self.most.messages);
        let bytes = more(self.window.bytes, self.most.bytes);
        if messages == 0 && bytes == 0 {
            return None;
        }
        let more = usize::try_from(messages).unwrap_or(usize::MAX);
        let take = |left: usize| left.checked_sub(more).filter(|left| *left >= ALL / 2);
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).ok()?;
        self.window = Window { messages: self.window.messages + messages, bytes: self.window.bytes + bytes };
        Some(Credit { messages, bytes })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let messages = usize::try_from(self.window.messages).unwrap_or(usize::MAX);
        self.left.fetch_add(messages, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Window = Window { messages: 256, bytes: 1024 * 1024 };

    #[test]
    fn windows_shrink_as_there_are_more_streams_and_are_given_back() {
        let windows = Windows::default();
        let mut reserved = Vec::new();
        let refused = loop {
            match windows.reserve(Window::default()) {
                Ok(window) => reserved.push(window),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::Overloaded);
        assert_eq!(reserved[0].window(), FIRST);
        assert!(reserved.len() > 800, "{} streams", reserved.len());
        assert!(reserved.iter().all(|reserved| reserved.window().messages >= 8));
        assert_eq!(reserved[0].grow(), None, "there is no room");
        let together: u32 = reserved.iter().map(|reserved| reserved.window().messages).sum();
        assert!(together <= 32 * 1024, "{together} items together");
        drop(reserved);
        assert_eq!(windows.reserve(Window::default()).unwrap().window(), FIRST);
        assert_eq!(windows.0.load(Ordering::Relaxed), ALL);
    }

    #[test]
    fn a_window_grows_to_its_bounds() {
        let windows = Windows::default();
        let mut reserved = windows.reserve(Window { messages: 1000, bytes: 3 * 1024 * 1024 }).unwrap();
        assert_eq!(reserved.window(), Window { messages: 31, bytes: 192 * 1024 });
        while reserved.grow().is_some() {}
        assert_eq!(reserved.window(), Window { messages: 1000, bytes: 3 * 1024 * 1024 });
        drop(reserved);
        assert_eq!(windows.0.load(Ordering::Relaxed), ALL);
    }

    #[test]
    fn a_small_window_begins_as_what_it_may_become() {
        assert_eq!(Window { messages: 4, bytes: 10 }.at_first(), Window { messages: 4, bytes: 10 });
        assert_eq!(Window::NONE.at_first(), Window::NONE);
        assert_eq!(FIRST.shrunk_to(8), Window { messages: 8, bytes: FEWEST_BYTES });
        assert_eq!(Window { messages: 4, bytes: 10 }.shrunk_to(8), Window { messages: 4, bytes: 10 });
    }
}
