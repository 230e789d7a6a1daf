//! What the project wants to reach, beside what was measured.

use crate::allocations::{self, Allocations};
use crate::grid::Grid;
use crate::instructions::{self, Instructions};
use crate::load::Sample;
use crate::peers::PeerName;
use crate::table::Table;

/// How many calls are in flight where steady numbers, such as instructions, are looked at.
pub(crate) const STEADY_IN_FLIGHT: usize = 64;

/// At least this ratio to B of requests per second, by calls in flight.
const COALESCED: [(usize, f64); 4] = [(1, 1.0), (16, 1.6), (256, 4.5), (1024, 6.5)];

/// The same with one message for each call.
const ONE_BY_ONE: [(usize, f64); 4] = [(1, 1.0), (16, 1.2), (256, 1.5), (1024, 1.5)];

/// At most this ratio to B of the 99th percentile.
const P99: [(usize, f64); 4] = [(1, 1.0), (16, 0.8), (256, 0.35), (1024, 0.3)];

/// From so many calls in flight, ahead of tarpc, which has no broker in between.
const AHEAD_OF_TARPC: usize = 64;

/// Instructions per call, at most this ratio to B.
const COALESCED_INSTRUCTIONS: f64 = 0.25;

/// The same with one message for each call.
const ONE_BY_ONE_INSTRUCTIONS: f64 = 0.80;

/// Allocations per call of the client, at most, with one message for each call.
const CLIENT_ALLOCATIONS: f64 = 3.0;

/// The same of the server.
const SERVER_ALLOCATIONS: f64 = 5.0;

/// What is to be reached.
#[derive(Clone, Copy)]
enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Wanted {
    fn describe(self) -> String {
        match self {
            Wanted::AtLeast(limit) => format!("≥ {limit:.2}"),
            Wanted::AtMost(limit) => format!("≤ {limit:.2}"),
        }
    }

    fn judge(self, measured: Option<f64>) -> String {
        let Some(measured) = measured else { return "–".to_owned() };
        let reached = match self {
            Wanted::AtLeast(limit) => measured >= limit,
            Wanted::AtMost(limit) => measured <= limit,
        };
        format!("{measured:.2} {}", if reached { "✓" } else { "✗" })
    }
}

/// The goals on speed, for client and server in one process and in two.
pub(crate) fn speed(grids: [&Grid; 2]) -> Table {
    let mut table = Table::new(1, ["goal", "in flight", "wanted", "one process", "two processes"]);
    let mut row = |goal: &str, in_flight: usize, wanted: Wanted, measured: [Option<f64>; 2]| {
        let [one, two] = measured.map(|measured| wanted.judge(measured));
        table.row([goal.to_owned(), in_flight.to_string(), wanted.describe(), one, two]);
    };
    let per_second = |peer, to, in_flight| {
        grids.map(|grid| median_ratio(grid, in_flight, peer, to, |sample| sample.per_second))
    };
    for (in_flight, limit) in COALESCED {
        let measured = per_second(PeerName::Ours, PeerName::B, in_flight);
        row("requests per second, to B", in_flight, Wanted::AtLeast(limit), measured);
    }
    for (in_flight, limit) in ONE_BY_ONE {
        let measured = per_second(PeerName::OneByOne, PeerName::B, in_flight);
        row("requests per second one by one, to B", in_flight, Wanted::AtLeast(limit), measured);
    }
    for (in_flight, limit) in P99 {
        let of = |grid| median_ratio(grid, in_flight, PeerName::Ours, PeerName::B, |sample| sample.p99_us);
        row("99th percentile, to B", in_flight, Wanted::AtMost(limit), grids.map(of));
    }
    let [one, _] = grids;
    for in_flight in one.rows() {
        if in_flight >= AHEAD_OF_TARPC {
            let measured = per_second(PeerName::Ours, PeerName::Tarpc, in_flight);
            row("requests per second, to tarpc with bincode", in_flight, Wanted::AtLeast(1.0), measured);
        }
    }
    for in_flight in one.rows() {
        let measured = per_second(PeerName::Ours, PeerName::Tonic, in_flight);
        row("requests per second, to tonic", in_flight, Wanted::AtLeast(1.0), measured);
    }
    table
}

fn median_ratio(
    grid: &Grid,
    in_flight: usize,
    peer: PeerName,
    to: PeerName,
    of: fn(&Sample) -> f64,
) -> Option<f64> {
    grid.ratio(in_flight, peer, to, of).map(|ratio| ratio.median)
}

/// What was measured of what does not depend on the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steady {
    /// Instructions per call to those of B.
    pub(crate) instructions: f64,
    /// The same with one message for each call.
    pub(crate) one_by_one_instructions: f64,
    /// Allocations per call with one message for each call.
    pub(crate) allocations: Allocations,
}

impl Steady {
    /// Takes it from measurements with [`STEADY_IN_FLIGHT`] calls in flight; `None` if they have none.
    pub(crate) fn of(instructions: &Instructions, allocations: &allocations::Measured) -> Option<Self> {
        Some(Steady {
            instructions: instructions::ratio(instructions, STEADY_IN_FLIGHT, PeerName::Ours)?,
            one_by_one_instructions: instructions::ratio(instructions, STEADY_IN_FLIGHT, PeerName::OneByOne)?,
            allocations: *allocations.get(&(STEADY_IN_FLIGHT, PeerName::OneByOne))?,
        })
    }
}

/// The goals on what does not depend on the machine.
pub(crate) fn steady(measured: Option<Steady>) -> Table {
    let mut table = Table::new(1, ["goal, for each call", "wanted", "measured"]);
    let mut row = |goal: &str, limit: f64, measured: Option<f64>| {
        let wanted = Wanted::AtMost(limit);
        table.row([goal.to_owned(), wanted.describe(), wanted.judge(measured)]);
    };
    row("instructions, to B", COALESCED_INSTRUCTIONS, measured.map(|steady| steady.instructions));
    row(
        "instructions one by one, to B",
        ONE_BY_ONE_INSTRUCTIONS,
        measured.map(|steady| steady.one_by_one_instructions),
    );
    row("allocations of the client", CLIENT_ALLOCATIONS, measured.map(|steady| steady.allocations.client));
    row("allocations of the server", SERVER_ALLOCATIONS, measured.map(|steady| steady.allocations.server));
    table
}
