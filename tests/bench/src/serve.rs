//! The process of the servers, where client and server are apart.

use std::io::{self, BufRead, Write};

use tokio::runtime::Runtime;

use crate::Result;
use crate::flags::ServeFlags;

/// The line after the addresses.
pub(crate) const READY: &str = "ready";

/// Asks to count allocations; answered with an empty line.
pub(crate) const START_COUNT: &str = "start count";

/// Asks for the number of allocations since then.
pub(crate) const STOP_COUNT: &str = "stop count";

/// Prints the address of each server in the order of the flags, and serves until its standard input is closed.
pub(crate) fn run(flags: &ServeFlags) -> Result<()> {
    let runtime = Runtime::new()?;
    let mut servers = Vec::new();
    for peer in &flags.peers {
        let server = runtime.block_on(peer.serve(&flags.nats))?;
        say(server.address())?;
        servers.push(server);
    }
    say(READY)?;
    // Whoever started this has its end in hand, and takes it along however it ends itself.
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            START_COUNT => {
                counting_allocator::start();
                say("")?;
            }
            STOP_COUNT => say(&counting_allocator::stop().to_string())?,
            other => return Err(format!("{other:?} is nothing to ask for").into()),
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
