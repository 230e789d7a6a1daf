//! How many instructions a call takes, client and server together, as valgrind counts them.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::process::Command;

use crate::Result;
use crate::broker::Broker;
use crate::flags::InstructionsFlags;
use crate::peers::{PeerName, Scale};
use crate::table::{Table, number};

/// How many calls are counted: enough for what happens only now and then, such as a new buffer, to happen often.
const COUNTED_CALLS: usize = 8_000;

/// How many calls come before them, in the run with which the start is taken off.
const FIRST_CALLS: usize = 1_000;

/// Instructions per call, by calls in flight and peer.
pub(crate) type Instructions = BTreeMap<(usize, PeerName), f64>;

/// Runs the measurements of the flags, and prints them.
pub(crate) fn run(flags: &InstructionsFlags) -> Result<()> {
    let broker = Broker::start();
    println!("{}", table(&measure(&broker, &flags.peers, &flags.in_flight)?));
    Ok(())
}

pub(crate) fn measure(broker: &Broker, peers: &[PeerName], in_flight: &[usize]) -> Result<Instructions> {
    let mut measured = Instructions::new();
    for in_flight in in_flight {
        for peer in peers {
            measured.insert((*in_flight, *peer), per_call(broker, *peer, *in_flight, Scale::ONE)?);
        }
    }
    Ok(measured)
}

pub(crate) fn table(measured: &Instructions) -> Table {
    let mut table = Table::new(1, ["peer", "in flight", "instructions per call", "ratio to B"]);
    for ((in_flight, peer), instructions) in measured {
        table.row([
            peer.label().to_owned(),
            in_flight.to_string(),
            number(Some(*instructions)),
            number(ratio(measured, *in_flight, *peer)),
        ]);
    }
    table
}

/// Instructions of a peer for each one of B.
pub(crate) fn ratio(measured: &Instructions, in_flight: usize, peer: PeerName) -> Option<f64> {
    Some(measured.get(&(in_flight, peer))? / measured.get(&(in_flight, PeerName::B))?)
}

/// Counts two runs, which differ in the number of calls and in nothing else.
pub(crate) fn per_call(broker: &Broker, peer: PeerName, in_flight: usize, scale: Scale) -> Result<f64> {
    eprintln!("instructions of {peer}, {in_flight} in flight");
    // Every caller makes as many calls as all others, in both runs.
    let first = FIRST_CALLS.next_multiple_of(in_flight);
    let counted = COUNTED_CALLS.next_multiple_of(in_flight);
    let start = count(broker, peer, in_flight, first, scale)?;
    let all = count(broker, peer, in_flight, first + counted, scale)?;
    Ok(all.saturating_sub(start) as f64 / counted as f64)
}

/// All instructions of a process that makes so many calls.
fn count(broker: &Broker, peer: PeerName, in_flight: usize, calls: usize, scale: Scale) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(env::current_exe()?);
    valgrind.args(["fixed", "--nats", broker.url(), "--peer", &peer.flag()]);
    valgrind.args(["--in-flight", &in_flight.to_string(), "--calls", &calls.to_string()]);
    valgrind.args(["--services", &scale.services.to_string()]);
    valgrind.args(["--instances", &scale.instances.to_string(), "--stubs", &scale.stubs.to_string()]);
    let output = valgrind.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "instructions are counted by valgrind, which is not installed: \
                                    `apt-get install valgrind`, say"
            .to_owned(),
        _ => format!("valgrind does not start: {error}"),
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    match counted {
        Some(counted) if output.status.success() => Ok(counted),
        _ => Err(format!("counting the instructions of {peer} failed, {}:\n{said}", output.status).into()),
    }
}
