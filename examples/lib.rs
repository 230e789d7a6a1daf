//! What the examples share: the way to a broker, the end of a program, the service of the request-reply pair, and files to transfer.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::io;

use nats_rpc::{Connection, memory};

/// Connects to NATS where `NATS_URL` says that it is, and else to a broker in this process.
///
/// # Errors
/// If nothing listens there.
pub async fn connect() -> Result<Connection, Box<dyn Error>> {
    match std::env::var("NATS_URL").ok().filter(|url| !url.is_empty()) {
        Some(url) => connect_to(&url).await,
        None => {
            println!("NATS_URL is not set: using the broker in this process\n");
            Ok(memory::Broker::new().connect())
        }
    }
}

/// Connects to NATS.
///
/// # Errors
/// If nothing listens there.
pub async fn connect_to(url: &str) -> Result<Connection, Box<dyn Error>> {
    let connected = nats_rpc::connect(url).await;
    connected.map_err(|error| format!("{url}: {error}").into())
}

/// Takes SIGINT and SIGTERM over from the system, and returns what waits for the first of them.
///
/// # Errors
/// If the system does not let them be taken.
#[cfg(unix)]
pub fn end_of_program() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
///
/// # Errors
/// None here; on Unix signals may be refused.
#[cfg(not(unix))]
pub fn end_of_program() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// What `request_reply_server` serves and `request_reply_client` calls.
pub mod receipts {
    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    /// Takes messages in.
    #[nats_rpc::service]
    pub trait Receipts {
        /// Takes a message in and confirms it.
        async fn submit(&self, message: &Message) -> Receipt;
    }

    /// A message that can be told from all others.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Message {
        /// Chosen by the sender.
        pub id: Uuid,
        /// What it says.
        pub text: String,
    }

    /// Who took which message in.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Receipt {
        /// The id of the message.
        pub id: Uuid,
        /// The server program.
        pub server: String,
        /// One of its workers.
        pub worker: String,
    }
}

/// What `file_transfer` sends, and what it knows of what has passed.
pub mod files {
    use std::fs;
    use std::io;
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use bytes::{Bytes, BytesMut};
    use clap::Parser;
    use futures::stream::{self, BoxStream, StreamExt};
    use indicatif::{ProgressBar, ProgressStyle};
    use sha2::{Digest, Sha256};
    use tokio::fs::File;
    use tokio::io::AsyncReadExt;

    /// How large a chunk is.
    const CHUNK: usize = 128 * 1024;

    /// A file, or bytes that are made up.
    #[derive(Debug, Clone, Parser)]
    #[command(about = "Sends a file to a store, and gets it back.")]
    pub struct Source {
        /// A file. Without one, bytes are made up.
        file: Option<PathBuf>,
        /// How many: a number, which may have KiB, MiB or GiB behind it.
        #[arg(long, default_value = "1GiB", value_parser = bytes_of)]
        size: usize,
    }

    impl Source {
        /// How many bytes there are.
        ///
        /// # Errors
        /// If the file is not there.
        pub fn size(&self) -> io::Result<u64> {
            self.file.as_ref().map_or(Ok(self.size as u64), |path| Ok(fs::metadata(path)?.len()))
        }

        /// The bytes, in chunks.
        ///
        /// # Errors
        /// If the file cannot be opened.
        pub async fn chunks(&self) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
            let Some(path) = &self.file else {
                let size = self.size;
                let chunks = stream::iter((0..size).step_by(CHUNK));
                return Ok(chunks.map(move |at| Ok(made_up(at, CHUNK.min(size - at)))).boxed());
            };
            let file = File::open(path).await?;
            let chunks = stream::try_unfold(file, |mut file| async {
                let mut chunk = BytesMut::with_capacity(CHUNK);
                let read = file.read_buf(&mut chunk).await?;
                Ok((read > 0).then(|| (chunk.freeze(), file)))
            });
            Ok(chunks.boxed())
        }
    }

    /// Bytes that differ from place to place.
    fn made_up(at: usize, size: usize) -> Bytes {
        let mut chunk = BytesMut::with_capacity(size + 8);
        let mut number = at as u64;
        while chunk.len() < size {
            number = number.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            chunk.extend_from_slice(&number.to_le_bytes());
        }
        chunk.truncate(size);
        chunk.freeze()
    }

    fn bytes_of(text: &str) -> Result<usize, String> {
        let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let unit = match &text[digits.len()..] {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            other => return Err(format!("{other} is no unit")),
        };
        let number: usize = digits.parse().map_err(|error| format!("{error}"))?;
        number.checked_mul(unit).ok_or_else(|| "that is too much".to_owned())
    }

    /// So many MiB, rounded up.
    pub fn mib(bytes: u64) -> u64 {
        bytes.div_ceil(1 << 20)
    }

    /// What has passed in one direction.
    #[derive(Debug, Clone, Default)]
    pub struct Passed(Arc<Mutex<(u64, Sha256)>>, Option<ProgressBar>);

    impl Passed {
        /// Nothing yet. A bar shows what passes.
        pub fn with_bar(size: u64) -> Self {
            let style = ProgressStyle::with_template("{wide_bar} {binary_bytes}/{binary_total_bytes}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            Passed(Arc::default(), Some(ProgressBar::new(size).with_style(style)))
        }

        fn lock(&self) -> MutexGuard<'_, (u64, Sha256)> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// A chunk passes.
        pub fn add(&self, chunk: &[u8]) {
            let mut passed = self.lock();
            passed.0 += chunk.len() as u64;
            passed.1.update(chunk);
            self.1.iter().for_each(|bar| bar.set_position(passed.0));
        }

        /// How many bytes have passed.
        pub fn bytes(&self) -> u64 {
            self.lock().0
        }

        /// Their checksum. Nothing passes any more.
        pub fn sha256(&self) -> String {
            self.1.iter().for_each(ProgressBar::finish_and_clear);
            format!("{:x}", self.lock().1.clone().finalize())
        }
    }

    /// The most memory that this program has had, where the system tells.
    pub fn peak_memory() -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }
}

/// The README's example is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
