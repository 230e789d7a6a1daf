//! What is streamed, the same with everybody.

use bytes::Bytes;

use crate::Result;
use crate::peers::messages::{NAME, Reply, answer, check};

/// Who streams.
pub(super) trait Peer {
    /// Takes so many small items.
    async fn items(&self, count: usize) -> Result<()>;
    /// Takes so many chunks of so many bytes.
    async fn chunks(&self, count: usize, size: usize) -> Result<()>;
}

/// What is measured in one go.
pub(super) enum Work {
    Items { count: usize },
    Chunks { count: usize, size: usize },
    Openings { count: usize },
}

impl Work {
    /// How many items or streams that is, or of chunks how many MiB.
    pub(super) fn amount(&self) -> f64 {
        match self {
            Work::Items { count } | Work::Openings { count } => *count as f64,
            Work::Chunks { count, size } => (count * size) as f64 / (1024.0 * 1024.0),
        }
    }
}

/// What every handler streams.
pub(super) fn items(count: usize) -> impl Iterator<Item = Reply> + Send {
    (0..count as u64).map(|id| answer(id, NAME))
}

pub(super) fn chunks(count: usize, size: usize) -> impl Iterator<Item = Bytes> + Send {
    let chunk = Bytes::from(vec![7; size]);
    std::iter::repeat_n(chunk, count)
}

/// Checks what has come, one after the other.
#[derive(Default)]
pub(super) struct Taken {
    count: usize,
}

impl Taken {
    pub(super) fn item(&mut self, item: &Reply) -> Result<()> {
        check(item, self.count as u64)?;
        self.count += 1;
        Ok(())
    }

    pub(super) fn chunk(&mut self, chunk: &[u8], size: usize) -> Result<()> {
        self.count += 1;
        if chunk.len() == size { Ok(()) } else { Err(format!("a chunk of {} bytes", chunk.len()).into()) }
    }

    pub(super) fn all(self, count: usize) -> Result<()> {
        if self.count == count { Ok(()) } else { Err(format!("{} of {count} came", self.count).into()) }
    }
}
