//! Carries the bytes of one direction of one connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::Fate;
use super::connection::Way;

/// How much is read at a time.
const CHUNK: usize = 16 * 1024;

/// How many chunks may be on their way: with a latency, as much as a fast connection sends in that time.
const ON_THE_WAY: usize = 256;

/// Carries bytes until the end of them, which it passes on. An error breaks the connection.
pub(super) async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, way: Way) -> io::Result<()> {
    let mut closing = way.clone();
    {
        let (sender, receiver) = mpsc::channel(ON_THE_WAY);
        let carry = async {
            tokio::try_join!(read(&mut from, sender, way.clone()), write(&mut to, receiver, way.clone()))
        };
        tokio::select! {
            carried = carry => return carried.map(drop),
            () = closing.closed() => {}
        }
    }
    to.shutdown().await?;
    // What is still said is lost; that the end of it comes must be seen.
    let mut lost = vec![0; CHUNK];
    while from.read(&mut lost).await? > 0 {}
    Ok(())
}

/// What was read, and when.
type Chunk = (Instant, Vec<u8>);

async fn read(from: &mut ReadHalf<'_>, sender: mpsc::Sender<Chunk>, mut way: Way) -> io::Result<()> {
    loop {
        // What waits on a network that is cut, waits where it comes from: there is no room for it in between.
        while way.link().fate == Fate::Hold {
            way.changed().await;
        }
        let mut chunk = vec![0; CHUNK];
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        chunk.truncate(length);
        if sender.send((Instant::now(), chunk)).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(to: &mut WriteHalf<'_>, mut chunks: mpsc::Receiver<Chunk>, mut way: Way) -> io::Result<()> {
    let mut hole = false;
    while let Some((arrived, chunk)) = chunks.recv().await {
        loop {
            let link = way.link();
            let due = arrived + link.latency;
            match link.fate {
                Fate::Hold => way.changed().await,
                Fate::Lose => {
                    hole = true;
                    break;
                }
                Fate::Pass if hole => return Err(io::ErrorKind::ConnectionReset.into()),
                Fate::Pass if due > Instant::now() => {
                    tokio::select! {
                        () = sleep_until(due) => {}
                        () = way.changed() => {}
                    }
                }
                Fate::Pass => {
                    write_slowly(to, &chunk, link.bytes_per_second).await?;
                    break;
                }
            }
        }
    }
    to.shutdown().await
}

/// Writes no more bytes a second than that, in pieces of a twentieth of a second.
async fn write_slowly(to: &mut WriteHalf<'_>, bytes: &[u8], per_second: Option<u64>) -> io::Result<()> {
    const PIECE: Duration = Duration::from_millis(50);
    let Some(per_second) = per_second else { return to.write_all(bytes).await };
    let piece = usize::try_from(per_second / 20).unwrap_or(CHUNK).max(1);
    for bytes in bytes.chunks(piece) {
        to.write_all(bytes).await?;
        sleep(PIECE).await;
    }
    Ok(())
}
