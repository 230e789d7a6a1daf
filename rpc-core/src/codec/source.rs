//! The message that is being decoded, of which large `Bytes` become a part instead of a copy.

use std::cell::RefCell;

use bytes::Bytes;

/// From this size on, bytes are shared: they keep the buffer alive that their message was received in, which is not
/// worth it for a few.
const SHARED: usize = 16 * 1024;

thread_local! {
    /// Serde hands a deserializer's input on as a slice, which has lost its owner.
    static SOURCE: RefCell<Option<Bytes>> = const { RefCell::new(None) };
}

/// Runs a decoder on a message. What it decodes may share the message's memory.
pub(super) fn with<T>(message: &Bytes, decode: impl FnOnce() -> T) -> T {
    if message.len() < SHARED {
        return decode();
    }
    let outer = SOURCE.replace(Some(message.clone()));
    // Also if the decoder panics.
    let restore = Restore(outer);
    let decoded = decode();
    drop(restore);
    decoded
}

struct Restore(Option<Bytes>);

impl Drop for Restore {
    fn drop(&mut self) {
        drop(SOURCE.replace(self.0.take()));
    }
}

/// The bytes as a part of the message that is being decoded, if they are one and large.
pub(super) fn share(bytes: &[u8]) -> Option<Bytes> {
    if bytes.len() < SHARED {
        return None;
    }
    SOURCE.with_borrow(|source| {
        let source = source.as_ref()?;
        let start = bytes.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
        let end = start.checked_add(bytes.len())?;
        (end <= source.len()).then(|| source.slice(start..end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_parts_of_the_message_are_shared_and_nothing_else_is() {
        let message = Bytes::from(vec![7; 3 * SHARED]);
        let elsewhere = vec![7; SHARED];
        with(&message, || {
            let input = &message;
            let large = share(&input[SHARED..2 * SHARED]).unwrap();
            assert_eq!(large.as_ptr(), message[SHARED..].as_ptr());
            assert!(share(&input[..SHARED - 1]).is_none());
            assert!(share(&elsewhere).is_none());
            let inner = Bytes::from(elsewhere.clone());
            with(&inner, || assert!(share(&inner).is_some()));
            assert!(share(input).is_some(), "the outer one is back");
        });
        assert!(share(&message).is_none());
    }
}
