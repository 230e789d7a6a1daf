//! How many allocations a call takes, by client and by server, each in a process of its own.

use std::collections::BTreeMap;

use tokio::runtime::Runtime;

use crate::Result;
use crate::bed::Bed;
use crate::broker::Broker;
use crate::flags::{AllocationsFlags, Processes};
use crate::load::{End, Load, Work};
use crate::peers::PeerName;
use crate::table::{Table, number};

/// How many calls are counted.
const CALLS: usize = 5_000;

/// Allocations per call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allocations {
    pub(crate) client: f64,
    pub(crate) server: f64,
}

/// By calls in flight and peer.
pub(crate) type Measured = BTreeMap<(usize, PeerName), Allocations>;

/// Runs the measurements of the flags, and prints them.
pub(crate) fn run(flags: &AllocationsFlags) -> Result<()> {
    let broker = Broker::start();
    println!("{}", table(&measure(&broker, &flags.peers, &flags.in_flight)?));
    Ok(())
}

pub(crate) fn measure(broker: &Broker, peers: &[PeerName], in_flight: &[usize]) -> Result<Measured> {
    let mut measured = Measured::new();
    let runtime = Runtime::new()?;
    for peer in peers {
        eprintln!("allocations of {peer}");
        // Alone: what others do in their background, such as to say that they are there, would be counted too.
        let mut bed = runtime.block_on(Bed::start(broker, &[*peer], Processes::Two))?;
        for in_flight in in_flight {
            let allocations = runtime.block_on(count(&mut bed, *peer, *in_flight))?;
            measured.insert((*in_flight, *peer), allocations);
        }
    }
    Ok(measured)
}

async fn count(bed: &mut Bed, peer: PeerName, in_flight: usize) -> Result<Allocations> {
    let load = Load { work: Work::Hello, in_flight, end: End::Calls(CALLS) };
    // The first time at this number in flight, buffers grow.
    bed.run(peer, &load).await?;
    bed.server_process()?.start_count()?;
    counting_allocator::start();
    let outcome = bed.run(peer, &load).await;
    let client = counting_allocator::stop();
    let server = bed.server_process()?.stop_count()?;
    let calls = outcome?.calls as f64;
    Ok(Allocations { client: client as f64 / calls, server: server as f64 / calls })
}

pub(crate) fn table(measured: &Measured) -> Table {
    let mut table = Table::new(1, ["peer", "in flight", "client", "server"]);
    for ((in_flight, peer), Allocations { client, server }) in measured {
        table.row([
            peer.label().to_owned(),
            in_flight.to_string(),
            number(Some(*client)),
            number(Some(*server)),
        ]);
    }
    table
}
