//! One call to all instances, and jobs, against what is written by hand for the same.

mod contest;
mod gather;
mod jobs;

use std::fs;
use std::path::Path;

use tokio::runtime::Runtime;

use crate::Result;
use crate::broker::Broker;
use crate::flags::PatternsFlags;
use crate::machine::Machine;
use crate::table::Table;

/// Measures and prints, and with `--write` writes the page.
pub(crate) fn run(flags: &PatternsFlags) -> Result<()> {
    let broker = Broker::with_jetstream();
    let machine = Machine::this(&broker)?;
    let runtime = Runtime::new()?;
    let gathers = runtime.block_on(gather::table(broker.url(), flags))?;
    let jobs = runtime.block_on(jobs::table(broker.url(), flags))?;
    let text = text(&machine, flags, &gathers, &jobs);
    println!("{text}");
    if flags.write {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks/patterns.md");
        fs::write(page, text)?;
    }
    Ok(())
}

fn text(machine: &Machine, flags: &PatternsFlags, gathers: &Table, jobs: &Table) -> String {
    format!(
        "\
# One to many, and jobs

Measured by `cargo run --release -p bench -- patterns --write`, which writes this page ({rounds} rounds, of {millis} ms for each gather
and of {jobs_count} jobs for each row about jobs). Everything runs in one process beside nats-server, on the same cores: ratios are medians of
rounds, in which both are measured in turn, with quartiles in brackets.

{machine}
## Gather

One question to all instances, each on a connection of its own, until all of them have answered. By hand, it is an inbox that is subscribed to for each
question, as many answers as there are instances, and `rmp_serde`. nats-rpc has its answers come to the inbox that its connection has anyway, tells the instances
apart, and cancels those that are not waited for any more.

{gathers}
## Jobs

By hand, submitting is publishing to a stream and waiting for its acknowledgement, and executing is a pull consumer that acknowledges each message. nats-rpc keeps the status and the result of
each job beside that: a job is one message in its stream and three in its bucket, which is what its ratio consists of. \"Executed\" is from the first submission until all jobs
are done and acknowledged; \"one after the other\" is from a submission to its result, which by hand nobody learns: there it is to the acknowledgement of its execution.

{jobs}",
        rounds = flags.rounds,
        millis = flags.millis,
        jobs_count = flags.jobs,
    )
}
