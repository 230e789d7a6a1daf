//! A number of calls in one thread that takes no notice of time: what valgrind is to count.

use std::future::Future;
use std::io;
use std::sync::mpsc;

use tokio::runtime::Builder;

use crate::Result;
use crate::flags::FixedFlags;
use crate::load::{End, Load, Work, warm_up};
use crate::peers::{PeerName, Scale};

/// Makes the calls, with client and server in this process.
pub(crate) fn run(flags: &FixedFlags) -> Result<()> {
    without_time(calls(flags))?
}

/// Runs a future in a runtime of one thread whose clock stands still.
///
/// Valgrind makes everything about fifty times slower. A server that decides by how long its handlers take would decide
/// otherwise than it does at full speed; where the clock stands still, they take no time in both.
fn without_time<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let (end, wait) = mpsc::channel::<()>();
    // A paused clock jumps to the next timer when all tasks wait, as they do for each reply, unless a blocking task runs.
    // This one ends when `end` is dropped.
    runtime.spawn_blocking(move || wait.recv());
    let output = runtime.block_on(future);
    drop(end);
    Ok(output)
}

async fn calls(flags: &FixedFlags) -> Result<()> {
    let scale = Scale { services: flags.services, instances: flags.instances, stubs: flags.stubs };
    let (_servers, client) = match flags.peer {
        PeerName::Ours => scale.start(&flags.nats).await?,
        peer => {
            let (server, client) = peer.start(&flags.nats).await?;
            (vec![server], client)
        }
    };
    warm_up(&*client).await?;
    let load = Load { work: Work::Hello, in_flight: flags.in_flight, end: End::Calls(flags.calls) };
    client.run(&load).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::{Instant, timeout};

    use super::*;

    #[test]
    fn no_timer_ends_while_everybody_waits_for_the_outside() {
        let (answer, question) = oneshot::channel();
        let outside = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            answer.send("answered").unwrap();
        });
        let outcome = without_time(async {
            let begin = Instant::now();
            let answered = timeout(Duration::from_millis(1), question).await;
            (answered.map(std::result::Result::unwrap), begin.elapsed())
        });
        assert_eq!(outcome.unwrap(), (Ok("answered"), Duration::ZERO));
        outside.join().unwrap();
    }
}
