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

/// What a stream gets unless something else is chosen.
const DEFAULT: Window = Window { messages: 256, bytes: 1024 * 1024 };

/// No window is made smaller than this, and none is had if there is not so much left.
const SMALLEST: usize = 8;

/// A new window is no larger than this part of what is left, once half of all is taken.
const PART: usize = 256;

/// How few bytes the window of a stream with few items has.
const FEWEST_BYTES: u32 = 64 * 1024;

/// How many messages a subscription keeps that were not taken yet: that is async-nats' own number, and the in-process broker's.
const SUBSCRIPTION: usize = 64 * 1024;

impl Default for Window {
    fn default() -> Self {
        DEFAULT
    }
}

impl Window {
    /// Of a direction without items.
    pub(crate) const NONE: Window = Window { messages: 0, bytes: 0 };

    /// All of it, as it is told to the sender.
    pub(crate) fn credit(self) -> Credit {
        Credit { messages: self.messages, bytes: self.bytes }
    }

    /// The same with fewer items, and with bytes in proportion.
    fn shrunk_to(self, messages: usize) -> Self {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX).min(self.messages);
        let part = u64::from(self.bytes) * u64::from(messages) / u64::from(self.messages.max(1));
        let bytes = u32::try_from(part).unwrap_or(u32::MAX);
        Window { messages, bytes: bytes.max(FEWEST_BYTES.min(self.bytes)) }
    }
}

/// What the streams that come to one subscription may have on their way together: half of what it can keep, since other messages
/// come there as well. An item may be a message of its own.
#[derive(Debug, Clone)]
pub(crate) struct Windows(Arc<AtomicUsize>);

impl Default for Windows {
    fn default() -> Self {
        Windows(Arc::new(AtomicUsize::new(SUBSCRIPTION / 2)))
    }
}

impl Windows {
    /// Takes a window for a stream. Where there are many, later ones get smaller windows; in the end there is no room for another.
    pub(crate) fn reserve(&self, wanted: Window) -> Result<Reserved, Error> {
        let reserved = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            left.checked_sub(granted(left, wanted)?)
        });
        let Ok(left) = reserved else {
            let message = "there are as many streams as there is room for what comes on them";
            return Err(Error::not_executed(ErrorKind::Overloaded, message));
        };
        let messages = granted(left, wanted).unwrap_or_default();
        Ok(Reserved { left: Arc::clone(&self.0), messages, window: wanted.shrunk_to(messages) })
    }
}

/// How many items a window may have when so many are left.
fn granted(left: usize, wanted: Window) -> Option<usize> {
    let wanted = usize::try_from(wanted.messages).unwrap_or(usize::MAX);
    let most = if left > SUBSCRIPTION / 4 { left } else { (left / PART).max(SMALLEST) };
    let messages = wanted.min(most);
    (messages <= left).then_some(messages)
}

/// A window that is a stream's until this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    left: Arc<AtomicUsize>,
    messages: usize,
    pub(crate) window: Window,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.left.fetch_add(self.messages, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(reserved[0].window, Window::default());
        assert!(reserved.len() > 800, "{} streams", reserved.len());
        assert!(reserved.iter().all(|reserved| reserved.window.messages >= 8));
        let together: u32 = reserved.iter().map(|reserved| reserved.window.messages).sum();
        assert!(together <= 32 * 1024, "{together} items together");
        drop(reserved);
        assert_eq!(windows.reserve(Window::default()).unwrap().window, Window::default());
    }

    #[test]
    fn a_window_of_few_items_may_still_have_large_ones() {
        assert_eq!(Window::default().shrunk_to(8), Window { messages: 8, bytes: FEWEST_BYTES });
        assert_eq!(Window { messages: 4, bytes: 10 }.shrunk_to(8), Window { messages: 4, bytes: 10 });
        assert_eq!(Window::NONE.shrunk_to(8), Window::NONE);
    }
}
