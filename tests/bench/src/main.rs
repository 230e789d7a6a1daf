//! The benchmarks of nats-rpc: what a call costs, against other ways to make it, in one interleaved run.
//!
//! `cargo run --release -p bench` compares the main peers, and `-- --help` shows what else there is. Everything runs on
//! a nats-server of its own, or on the one that `NATS_URL` names.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints what it finds, and ends where it cannot go on"
)]

mod allocations;
mod bed;
mod broker;
mod chart;
mod check;
mod compare;
mod cpu;
mod document;
mod fixed;
mod flags;
mod full;
mod goals;
mod grid;
mod instructions;
mod load;
mod machine;
mod patterns;
mod peers;
mod scale;
mod serve;
mod server_process;
mod stats;
mod streams;
mod table;
mod tables;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use counting_allocator::CountingAllocator;

use crate::flags::{Command, Flags};

/// What went wrong, for people.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What was to be done, or what went wrong.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let flags = Flags::parse();
    let outcome = match flags.command {
        None => compare::run(&flags.compare),
        Some(Command::Full(flags)) => full::run(&flags),
        Some(Command::Check) => check::run(),
        Some(Command::Scale) => scale::run(),
        Some(Command::Patterns(flags)) => patterns::run(&flags),
        Some(Command::Streams(flags)) => streams::run(&flags),
        Some(Command::Serve(flags)) => serve::run(&flags),
        Some(Command::Fixed(flags)) => fixed::run(&flags),
        Some(Command::Instructions(flags)) => instructions::run(&flags),
        Some(Command::Allocations(flags)) => allocations::run(&flags),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
