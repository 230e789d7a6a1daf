//! Measures everything.

use tokio::runtime::Runtime;

use crate::Result;
use crate::allocations;
use crate::bed::Bed;
use crate::broker::Broker;
use crate::compare::{self, Row};
use crate::document;
use crate::flags::{Effort, FullFlags, Processes};
use crate::goals::STEADY_IN_FLIGHT;
use crate::grid::Grid;
use crate::instructions::{self, Instructions};
use crate::machine::Machine;
use crate::peers::PeerName;
use crate::scale;
use crate::table::Table;

/// How many calls are in flight, from one after the other to more than a machine of this time does at once.
const IN_FLIGHT: [usize; 6] = [1, 4, 16, 64, 256, 1024];

/// Bytes there and back: what a connection copies, what it does not, and half of what nats-server takes.
const PAYLOADS: [usize; 3] = [4 * 1024, 64 * 1024, 512 * 1024];

/// How many calls with payloads are in flight, where there are many.
pub(crate) const PAYLOADS_IN_FLIGHT: usize = 16;

/// Whose payloads are measured: the others would send them as one of these does.
const PAYLOAD_PEERS: [PeerName; 6] = [
    PeerName::B,
    PeerName::Tarpc,
    PeerName::TarpcMsgpack,
    PeerName::Tonic,
    PeerName::Ours,
    PeerName::OneByOne,
];

/// All that was measured.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) effort: Effort,
    pub(crate) one_process: Grid,
    pub(crate) two_processes: Grid,
    /// With one call in flight.
    pub(crate) lone_payloads: Grid,
    /// With [`PAYLOADS_IN_FLIGHT`].
    pub(crate) payloads: Grid,
    pub(crate) allocations: allocations::Measured,
    pub(crate) instructions: Instructions,
    pub(crate) scale: Table,
}

/// Measures, prints, and with `--write` writes it down.
pub(crate) fn run(flags: &FullFlags) -> Result<()> {
    let effort = Effort { rounds: flags.rounds, millis: flags.millis };
    let report = measure(effort)?;
    println!("{}", document::text(&report));
    if flags.write { document::write(&report) } else { Ok(()) }
}

fn measure(effort: Effort) -> Result<Report> {
    let broker = Broker::start();
    let mut together = PeerName::APART.to_vec();
    together.push(PeerName::Memory);
    let rows = IN_FLIGHT.map(Row::in_flight);
    let payloads = |in_flight| PAYLOADS.map(|bytes| Row::payload(bytes, in_flight));
    // What needs valgrind comes first: where it is missing, that shows before minutes have passed.
    let instructions = instructions::measure(&broker, &PeerName::MAIN, &[1, STEADY_IN_FLIGHT])?;
    let scale = scale::table(&broker)?;
    let allocations = allocations::measure(&broker, &PeerName::APART, &[1, STEADY_IN_FLIGHT, 1024])?;
    Ok(Report {
        machine: Machine::this(&broker)?,
        effort,
        one_process: grid(&broker, &together, Processes::One, &rows, effort)?,
        two_processes: grid(&broker, &PeerName::APART, Processes::Two, &rows, effort)?,
        lone_payloads: grid(&broker, &PAYLOAD_PEERS, Processes::Two, &payloads(1), effort)?,
        payloads: grid(&broker, &PAYLOAD_PEERS, Processes::Two, &payloads(PAYLOADS_IN_FLIGHT), effort)?,
        allocations,
        instructions,
        scale,
    })
}

/// One comparison, in a runtime and with servers of its own.
fn grid(
    broker: &Broker,
    peers: &[PeerName],
    processes: Processes,
    rows: &[Row],
    effort: Effort,
) -> Result<Grid> {
    Runtime::new()?.block_on(async {
        let bed = Bed::start(broker, peers, processes).await?;
        compare::measure(&bed, rows, effort).await
    })
}
