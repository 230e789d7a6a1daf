//! Measures several peers in turn.

use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::Result;
use crate::bed::Bed;
use crate::broker::Broker;
use crate::flags::{CompareFlags, Effort};
use crate::grid::{Grid, Measured};
use crate::load::{End, Load, Work};
use crate::peers::PeerName;
use crate::tables;

/// A row of the grid: what it is called by, and the load.
pub(crate) struct Row {
    pub(crate) value: usize,
    pub(crate) work: Work,
    pub(crate) in_flight: usize,
}

impl Row {
    /// So many calls in flight.
    pub(crate) fn in_flight(in_flight: usize) -> Self {
        Row { value: in_flight, work: Work::Hello, in_flight }
    }

    /// So many bytes there and back.
    pub(crate) fn payload(bytes: usize, in_flight: usize) -> Self {
        // No two neighbours are equal, so that a shift shows.
        let data: Bytes = (0..bytes).map(|index| (index % 251) as u8).collect();
        Row { value: bytes, work: Work::Echo(data), in_flight }
    }
}

/// Runs the comparison of the flags, and prints it.
pub(crate) fn run(flags: &CompareFlags) -> Result<()> {
    let runtime = Runtime::new()?;
    let broker = Broker::start();
    if let Some(peer) = flags.only {
        return runtime.block_on(alone(&broker, peer, flags));
    }
    let mut peers = flags.peers.clone();
    peers.push(PeerName::B);
    peers.sort_unstable();
    peers.dedup();
    let mut rows: Vec<Row> = flags.in_flight.iter().map(|in_flight| Row::in_flight(*in_flight)).collect();
    if let Some(bytes) = flags.payload {
        for row in &mut rows {
            row.work = Row::payload(bytes, row.in_flight).work;
        }
    }
    let grid = runtime.block_on(async {
        let bed = Bed::start(&broker, &peers, flags.processes).await?;
        measure(&bed, &rows, flags.effort).await
    })?;
    println!("{}", tables::cells("in flight", &grid));
    Ok(())
}

/// Measures every peer in every row once a round.
pub(crate) async fn measure(bed: &Bed, rows: &[Row], effort: Effort) -> Result<Grid> {
    let mut peers: Vec<PeerName> = bed.peers().collect();
    let mut grid = Grid::default();
    for round in 1..=effort.rounds {
        eprintln!("round {round} of {}", effort.rounds);
        for row in rows {
            let load =
                Load { work: row.work.clone(), in_flight: row.in_flight, end: End::After(effort.duration()) };
            for peer in &peers {
                let before = bed.processes().cpu();
                let sample = bed.run(*peer, &load).await?;
                let cpu = bed.processes().cpu() - before;
                grid.add(row.value, *peer, Measured { sample, cpu });
            }
            // Nobody always goes first: what the machine does in between hits all alike.
            peers.rotate_left(1);
        }
    }
    Ok(grid)
}

/// Says how many calls there were, by which what a profiler counts is divided.
async fn alone(broker: &Broker, peer: PeerName, flags: &CompareFlags) -> Result<()> {
    let bed = Bed::start(broker, &[peer], flags.processes).await?;
    for in_flight in &flags.in_flight {
        let mut row = Row::in_flight(*in_flight);
        if let Some(bytes) = flags.payload {
            row = Row::payload(bytes, *in_flight);
        }
        let load = Load { work: row.work, in_flight: *in_flight, end: End::Calls(flags.calls) };
        let sample = bed.run(peer, &load).await?;
        println!("{in_flight} in flight: {} calls, {:.0} per second", sample.calls, sample.per_second);
    }
    Ok(())
}
