//! Buffers that messages are encoded into: chunks that many small messages share.

use std::sync::{Mutex, PoisonError};

use bytes::BytesMut;

/// How large a chunk is; a message that does not fit gets a chunk of its own.
const CHUNK: usize = 16 * 1024;

/// How many chunks are kept for the next messages.
const KEPT: usize = 16;

/// A stack of chunks. A chunk is taken out for as long as one message is encoded, so that user code (a `Serialize`)
/// never runs under the lock; the message is split off and the rest put back, which costs no allocation until the
/// chunk is used up.
#[derive(Default)]
pub(crate) struct BufferPool(Mutex<Vec<BytesMut>>);

impl BufferPool {
    /// An empty buffer, with room for a small message.
    pub(crate) fn take(&self) -> BytesMut {
        let chunk = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut chunk = chunk.unwrap_or_else(|| BytesMut::with_capacity(CHUNK));
        chunk.reserve(256);
        chunk
    }

    /// Takes the message out of the buffer and keeps what is left of the chunk.
    pub(crate) fn finish(&self, mut buffer: BytesMut) -> BytesMut {
        let message = buffer.split();
        self.keep(buffer);
        message
    }

    /// Gives a buffer back whose content is not needed.
    pub(crate) fn discard(&self, mut buffer: BytesMut) {
        buffer.clear();
        self.keep(buffer);
    }

    /// Keeps a chunk for the next message, unless a large message has made it grow.
    fn keep(&self, buffer: BytesMut) {
        if buffer.capacity() > CHUNK {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_share_a_chunk_and_keep_their_bytes() {
        let pool = BufferPool::default();
        let messages: Vec<BytesMut> = (0..100_u8)
            .map(|n| {
                let mut buffer = pool.take();
                buffer.extend_from_slice(&[n; 100]);
                pool.finish(buffer)
            })
            .collect();
        assert!(messages.iter().zip(0_u8..).all(|(message, n)| message[..] == [n; 100]));
        assert_eq!(pool.0.lock().unwrap().len(), 1, "one chunk serves one encoder");
    }

    #[test]
    fn a_large_message_leaves_no_large_chunk() {
        let pool = BufferPool::default();
        for give_back in [BufferPool::discard, |pool: &BufferPool, buffer| drop(pool.finish(buffer))] {
            let mut buffer = pool.take();
            buffer.extend_from_slice(&[0; 100 * CHUNK]);
            give_back(&pool, buffer);
            assert!(pool.0.lock().unwrap().iter().all(|kept| kept.capacity() <= CHUNK));
        }
    }
}
