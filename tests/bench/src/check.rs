//! What the project's checks run: prints how fast it is, and insists on what does not depend on the machine.

use tokio::runtime::Runtime;

use crate::Result;
use crate::allocations;
use crate::bed::Bed;
use crate::broker::Broker;
use crate::compare::{self, Row};
use crate::flags::{Effort, Processes};
use crate::goals::{self, STEADY_IN_FLIGHT, Steady};
use crate::instructions;
use crate::peers::PeerName;
use crate::tables;

/// Too short to say much about speed, which another load on the machine would spoil in any case.
const EFFORT: Effort = Effort { rounds: 3, millis: 200 };

// What a call may cost: what it does cost, with some room, so that nobody makes it dearer unawares. Whoever makes it
// cheaper lowers them, until they are the goals (see `goals.rs`), which are stricter.

/// Instructions to those of B.
const INSTRUCTIONS: f64 = 0.52;

/// The same with one message for each call.
const ONE_BY_ONE_INSTRUCTIONS: f64 = 1.10;

/// Allocations of the client, with one message for each call.
const CLIENT_ALLOCATIONS: f64 = 3.0;

/// The same of the server.
const SERVER_ALLOCATIONS: f64 = 6.5;

/// Fails where a call takes more instructions or allocations than it may.
pub(crate) fn run() -> Result<()> {
    let broker = Broker::start();
    let grid = Runtime::new()?.block_on(async {
        let bed = Bed::start(&broker, &PeerName::MAIN, Processes::One).await?;
        compare::measure(&bed, &[1, 64, 1024].map(Row::in_flight), EFFORT).await
    })?;
    println!("{}", tables::cells("in flight", &grid));

    let instructions = instructions::measure(&broker, &PeerName::MAIN, &[STEADY_IN_FLIGHT])?;
    println!("{}", instructions::table(&instructions));
    let allocations = allocations::measure(&broker, &[PeerName::OneByOne], &[1, STEADY_IN_FLIGHT])?;
    println!("{}", allocations::table(&allocations));

    let steady = Steady::of(&instructions, &allocations).ok_or("something was not measured")?;
    println!("{}", goals::steady(Some(steady)));
    insist(steady)
}

/// Fails with all that is over its limit.
fn insist(steady: Steady) -> Result<()> {
    let mut excesses = Vec::new();
    for (what, measured, limit) in [
        ("instructions, to B", steady.instructions, INSTRUCTIONS),
        ("instructions one by one, to B", steady.one_by_one_instructions, ONE_BY_ONE_INSTRUCTIONS),
        ("allocations of the client", steady.allocations.client, CLIENT_ALLOCATIONS),
        ("allocations of the server", steady.allocations.server, SERVER_ALLOCATIONS),
    ] {
        if measured > limit {
            excesses.push(format!("{what}: {measured:.2} instead of {limit:.2} at most"));
        }
    }
    if excesses.is_empty() {
        Ok(())
    } else {
        Err(format!("a call costs too much: {}", excesses.join("; ")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocations::Allocations;

    #[test]
    fn what_is_over_its_limit_is_named() {
        let steady = Steady {
            instructions: INSTRUCTIONS,
            one_by_one_instructions: ONE_BY_ONE_INSTRUCTIONS,
            allocations: Allocations { client: CLIENT_ALLOCATIONS, server: SERVER_ALLOCATIONS },
        };
        assert!(insist(steady).is_ok());
        let error = insist(Steady { instructions: INSTRUCTIONS + 0.1, ..steady }).unwrap_err().to_string();
        assert!(error.starts_with("a call costs too much: instructions, to B: "), "{error}");
        assert!(!error.contains("one by one"));
    }
}
