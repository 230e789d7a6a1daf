//! Buffers that messages are encoded into: chunks that many small messages share.

use std::cell::Cell;

use bytes::BytesMut;

/// How large a chunk is; a message that does not fit gets a chunk of its own.
const CHUNK: usize = 16 * 1024;

/// The room that a small message finds.
const ROOM: usize = 256;

thread_local! {
    /// The chunk that the next message of this thread goes into. It is taken out while one is encoded, since that runs
    /// user code (a `Serialize`); the message is split off and the rest put back, which costs neither an allocation nor a
    /// lock until the chunk is used up.
    static CHUNK_OF_THREAD: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// An empty buffer, with room for a small message.
pub(crate) fn take() -> BytesMut {
    let kept = CHUNK_OF_THREAD.try_with(Cell::take).ok().flatten();
    let mut chunk = kept.unwrap_or_else(|| BytesMut::with_capacity(CHUNK));
    if chunk.capacity() < ROOM {
        // The memory of messages that are gone is used again, but not that of a large one.
        chunk.reserve(CHUNK);
        if chunk.capacity() > CHUNK {
            return BytesMut::with_capacity(CHUNK);
        }
    }
    chunk
}

/// Takes the message out of the buffer and keeps what is left of the chunk.
pub(crate) fn finish(mut buffer: BytesMut) -> BytesMut {
    let message = buffer.split();
    // What is left behind a large message would keep all of it in memory.
    if message.len() <= CHUNK {
        keep(buffer);
    }
    message
}

/// Gives a buffer back whose content is not needed.
pub(crate) fn discard(mut buffer: BytesMut) {
    buffer.clear();
    keep(buffer);
}

/// Keeps a chunk for the next message, unless a large message has made it grow.
fn keep(buffer: BytesMut) {
    if buffer.capacity() <= CHUNK {
        // A thread that ends keeps nothing.
        let _ = CHUNK_OF_THREAD.try_with(|chunk| chunk.set(Some(buffer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_share_a_chunk_and_keep_their_bytes() {
        let messages: Vec<BytesMut> = (0..100_u8)
            .map(|n| {
                let mut buffer = take();
                buffer.extend_from_slice(&[n; 100]);
                finish(buffer)
            })
            .collect();
        assert!(messages.iter().zip(0_u8..).all(|(message, n)| message[..] == [n; 100]));
        let next_to_each_other =
            messages.windows(2).all(|pair| pair[0].as_ptr_range().end == pair[1].as_ptr());
        assert!(next_to_each_other, "one chunk serves one thread");
    }

    #[test]
    fn a_large_message_leaves_no_large_chunk() {
        for give_back in [discard, |buffer| drop(finish(buffer))] {
            let mut buffer = take();
            buffer.extend_from_slice(&[0; 100 * CHUNK]);
            give_back(buffer);
            assert!(take().capacity() <= CHUNK);
        }
    }
}
