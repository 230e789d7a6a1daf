//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::peers::PeerName;

/// Compares nats-rpc with the baseline B (`async_nats::Client::request` and `rmp_serde` by hand, with a
/// `queue_subscribe` loop that answers inline) and with others, in one interleaved run.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) compare: CompareFlags,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Measures everything, in about seven minutes.
    Full(FullFlags),
    /// What the project's checks run: a short comparison, and limits on instructions and allocations.
    Check,
    /// Counts the instructions of a call as methods, instances, calls in flight and stubs become more.
    Scale,
    /// One call to all instances, and jobs, against what is written by hand; in about two minutes.
    Patterns(PatternsFlags),
    /// Streams of results, against one message for each item by hand and against tonic; in about a minute.
    Streams(StreamsFlags),
    /// The servers of a run in two processes, which starts this itself.
    #[command(hide = true)]
    Serve(ServeFlags),
    /// What runs under valgrind, which `instructions` starts itself.
    #[command(hide = true)]
    Fixed(FixedFlags),
    /// Counts the instructions of a call, client and server together, with valgrind.
    Instructions(InstructionsFlags),
    /// Counts the allocations of a call, by client and by server.
    Allocations(AllocationsFlags),
}

/// What a comparison measures.
#[derive(Args)]
pub(crate) struct CompareFlags {
    /// Who is compared; B always is.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = PeerName::MAIN)]
    pub(crate) peers: Vec<PeerName>,
    /// How many calls are in flight at a time, one row each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 256, 1024])]
    pub(crate) in_flight: Vec<usize>,
    /// Sends so many bytes there and back, instead of a number and a name.
    #[arg(long)]
    pub(crate) payload: Option<usize>,
    /// Where client and server are.
    #[arg(long, value_enum, default_value_t = Processes::One)]
    pub(crate) processes: Processes,
    #[command(flatten)]
    pub(crate) effort: Effort,
    /// Runs one peer alone, for a profiler.
    #[arg(long, conflicts_with_all = ["peers", "rounds", "millis"])]
    pub(crate) only: Option<PeerName>,
    /// How many calls `--only` makes.
    #[arg(long, default_value_t = 1_000_000, requires = "only")]
    pub(crate) calls: usize,
}

/// How long it takes.
#[derive(Args, Clone, Copy)]
pub(crate) struct Effort {
    /// How often everything is measured.
    #[arg(long, default_value_t = 9)]
    pub(crate) rounds: usize,
    /// How long one measurement takes, in milliseconds.
    #[arg(long, default_value_t = 500)]
    pub(crate) millis: u64,
}

impl Effort {
    pub(crate) fn duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// Where client and server are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Processes {
    /// In one process.
    One,
    /// In a process of its own each.
    Two,
}

#[derive(Args)]
pub(crate) struct FullFlags {
    /// Writes the results to `docs/benchmarks/`.
    #[arg(long)]
    pub(crate) write: bool,
    /// How often everything is measured.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// How long one measurement takes, in milliseconds.
    #[arg(long, default_value_t = 300)]
    pub(crate) millis: u64,
}

#[derive(Args)]
pub(crate) struct PatternsFlags {
    /// Writes the results to `docs/benchmarks/`.
    #[arg(long)]
    pub(crate) write: bool,
    /// How often everything is measured.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// How long one measurement of gathers takes, in milliseconds.
    #[arg(long, default_value_t = 300)]
    pub(crate) millis: u64,
    /// How many jobs there are in one measurement.
    #[arg(long, default_value_t = 2000)]
    pub(crate) jobs: usize,
}

#[derive(Args)]
pub(crate) struct StreamsFlags {
    /// Writes the results to `docs/benchmarks/`.
    #[arg(long)]
    pub(crate) write: bool,
    /// How often everything is measured.
    #[arg(long, default_value_t = 9)]
    pub(crate) rounds: usize,
    /// How many small items a stream has: by hand, no more than a subscription keeps.
    #[arg(long, default_value_t = 60_000)]
    pub(crate) items: usize,
    /// How many MiB of chunks a stream has.
    #[arg(long, default_value_t = 128)]
    pub(crate) mib: usize,
    /// How many streams are opened.
    #[arg(long, default_value_t = 500)]
    pub(crate) openings: usize,
}

#[derive(Args)]
pub(crate) struct ServeFlags {
    /// Where the nats-server is.
    #[arg(long)]
    pub(crate) nats: String,
    /// Whose servers to start.
    #[arg(long, value_delimiter = ',')]
    pub(crate) peers: Vec<PeerName>,
}

#[derive(Args)]
pub(crate) struct FixedFlags {
    /// Where the nats-server is.
    #[arg(long)]
    pub(crate) nats: String,
    /// Who is called.
    #[arg(long, value_enum)]
    pub(crate) peer: PeerName,
    /// How many calls are in flight at a time.
    #[arg(long)]
    pub(crate) in_flight: usize,
    /// How many calls there are.
    #[arg(long)]
    pub(crate) calls: usize,
    /// How many services the server of `ours` has.
    #[arg(long, default_value_t = 1)]
    pub(crate) services: usize,
    /// How many instances of it there are.
    #[arg(long, default_value_t = 1)]
    pub(crate) instances: usize,
    /// How many stubs call it.
    #[arg(long, default_value_t = 1)]
    pub(crate) stubs: usize,
}

#[derive(Args)]
pub(crate) struct InstructionsFlags {
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = PeerName::MAIN)]
    pub(crate) peers: Vec<PeerName>,
    /// How many calls are in flight at a time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64])]
    pub(crate) in_flight: Vec<usize>,
}

#[derive(Args)]
pub(crate) struct AllocationsFlags {
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = PeerName::APART)]
    pub(crate) peers: Vec<PeerName>,
    /// How many calls are in flight at a time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64])]
    pub(crate) in_flight: Vec<usize>,
}
