//! What a call costs as the things around it become more.

use crate::Result;
use crate::broker::Broker;
use crate::instructions::per_call;
use crate::peers::{PeerName, Scale};
use crate::table::{Table, number};

/// How many calls are in flight where something else grows.
const IN_FLIGHT: usize = 64;

/// What grows, and how far.
#[derive(Clone, Copy)]
enum Growing {
    Services,
    Instances,
    InFlight,
    Stubs,
}

impl Growing {
    const ALL: [Growing; 4] = [Growing::Services, Growing::Instances, Growing::InFlight, Growing::Stubs];

    fn sizes(self) -> &'static [usize] {
        match self {
            Growing::Services => &[1, 5, 50],
            Growing::Instances => &[1, 3, 10],
            Growing::InFlight => &[16, 256, 4096],
            Growing::Stubs => &[1, 1000],
        }
    }

    /// How many calls are in flight, and what there is else.
    fn at(self, size: usize) -> (usize, Scale) {
        match self {
            Growing::Services => (IN_FLIGHT, Scale { services: size, ..Scale::ONE }),
            Growing::Instances => (IN_FLIGHT, Scale { instances: size, ..Scale::ONE }),
            Growing::InFlight => (size, Scale::ONE),
            Growing::Stubs => (IN_FLIGHT, Scale { stubs: size, ..Scale::ONE }),
        }
    }

    /// What there is how many of.
    fn describe(self, size: usize) -> (&'static str, usize) {
        match self {
            Growing::Services => ("methods of a server, two in a service", 2 * size),
            Growing::Instances => ("instances", size),
            Growing::InFlight => ("calls in flight", size),
            Growing::Stubs => ("stubs on a connection", size),
        }
    }
}

/// Measures and prints.
pub(crate) fn run() -> Result<()> {
    println!("{}", table(&Broker::start())?);
    Ok(())
}

/// Instructions of a call with defaults; the ratio is to the first row of what grows.
pub(crate) fn table(broker: &Broker) -> Result<Table> {
    let mut table = Table::new(1, ["what grows", "to", "instructions per call", "ratio"]);
    for growing in Growing::ALL {
        let mut first = None;
        for size in growing.sizes() {
            let (in_flight, scale) = growing.at(*size);
            let instructions = per_call(broker, PeerName::Ours, in_flight, scale)?;
            let ratio = instructions / *first.get_or_insert(instructions);
            let (what, to) = growing.describe(*size);
            table.row([what.to_owned(), to.to_string(), number(Some(instructions)), number(Some(ratio))]);
        }
    }
    Ok(table)
}
