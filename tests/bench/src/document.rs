//! What a full run writes to `docs/benchmarks/`.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::allocations;
use crate::chart::{Chart, Line};
use crate::full::{PAYLOADS_IN_FLIGHT, Report};
use crate::goals::{self, STEADY_IN_FLIGHT, Steady};
use crate::grid::Grid;
use crate::instructions;
use crate::load::Sample;
use crate::peers::PeerName;
use crate::tables;

/// The document, in Markdown.
pub(crate) fn text(report: &Report) -> String {
    let Report { machine, effort, one_process, two_processes, .. } = report;
    let steady = Steady::of(&report.instructions, &report.allocations);
    format!(
        "\
# Benchmarks

What a call costs, measured by `cargo run --release -p bench -- full --write`, which writes this page ({rounds} rounds
of {millis} ms for each cell).

{machine}
Within a round, everybody is measured once at each number of calls in flight, in rotating order; a ratio compares two
measurements of one round. Tables have medians, with quartiles in brackets. The machine is small, and shared by clients,
servers and nats-server: ratios differ by a tenth from run to run, and absolute times say little about other machines.

## Who is compared

Every call sends a number and sixteen letters, and gets the number and thirty-two letters back; the handler does nothing
else, and every answer is checked. Everybody runs with defaults, save that tarpc's sockets send at once (`TCP_NODELAY`),
as those of the others do.

- **B, by hand** is the baseline: `async_nats::Client::request` and `rmp_serde`, with a `queue_subscribe` loop that
  answers inline. **Task per request** is the same with a task for each request, **async-nats service** the same with the
  `service` module of async-nats as the server.
- **nats-rpc** is a generated client and server with all defaults: calls that are in flight together share messages. **One
  by one** is the same with one message for each call.
- **tarpc** and **tonic** talk over TCP without a broker in between: one hop in place of two, and nobody who finds the
  server, shares the work or survives its restart.
- **In memory** is nats-rpc on its broker in the same process: what is left without a network.

## Goals

What stands in the way of those that are missed: [profile.md](profile.md).

{speed}
{steady}
## Requests per second, one process

Client and server in one process. For B, requests per second; for the others, the ratio to B; by calls in flight.

![Requests per second in one process](throughput-one-process.svg)

{throughput_one}
## Requests per second, two processes

![Requests per second in two processes](throughput-two-processes.svg)

{throughput_two}
## 99th percentile of latency

For B, microseconds; for the others, the ratio to B, where less is better. In one process:

![99th percentile in one process](p99-one-process.svg)

{p99_one}
In two processes:

![99th percentile in two processes](p99-two-processes.svg)

{p99_two}
## Larger payloads

So many bytes there and back, in two processes; requests per second with one call in flight:

{lone_payloads}
With {PAYLOADS_IN_FLIGHT} calls in flight:

{payloads}
## Processor time per call

Microseconds of client + server + nats-server, in two processes, by calls in flight.

{cpu}
## Allocations per call

Blocks allocated, or made larger or smaller, in two processes.

{allocations}
## Instructions per call

Client and server together, in one thread, as valgrind counts them; without the kernel and the broker.

{instructions}
## As things grow

Instructions of a call of nats-rpc with defaults, {STEADY_IN_FLIGHT} in flight where it is not them that grow.

{scale}
## All cells

Microseconds of processor time are for each call; \"CPU\" is that of client and server together.

<details><summary>One process</summary>

{cells_one}
</details>

<details><summary>Two processes</summary>

{cells_two}
</details>

<details><summary>Payloads, one call in flight</summary>

{cells_lone_payloads}
</details>

<details><summary>Payloads, {PAYLOADS_IN_FLIGHT} calls in flight</summary>

{cells_payloads}
</details>
",
        rounds = effort.rounds,
        millis = effort.millis,
        speed = goals::speed([one_process, two_processes]),
        steady = goals::steady(steady),
        throughput_one = tables::ratios(one_process, "req/s", |sample| sample.per_second),
        throughput_two = tables::ratios(two_processes, "req/s", |sample| sample.per_second),
        p99_one = tables::ratios(one_process, "µs", |sample| sample.p99_us),
        p99_two = tables::ratios(two_processes, "µs", |sample| sample.p99_us),
        lone_payloads = tables::ratios(&report.lone_payloads, "req/s", |sample| sample.per_second),
        payloads = tables::ratios(&report.payloads, "req/s", |sample| sample.per_second),
        cpu = tables::cpu(two_processes),
        allocations = allocations::table(&report.allocations),
        instructions = instructions::table(&report.instructions),
        scale = report.scale,
        cells_one = tables::cells("in flight", one_process),
        cells_two = tables::cells("in flight", two_processes),
        cells_lone_payloads = tables::cells("bytes", &report.lone_payloads),
        cells_payloads = tables::cells("bytes", &report.payloads),
    )
}

/// Writes the document and its charts.
pub(crate) fn write(report: &Report) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("README.md"), text(report))?;
    for (grid, name, place) in [
        (&report.one_process, "one-process", "client and server in one process"),
        (&report.two_processes, "two-processes", "client and server in two processes"),
    ] {
        let throughput = chart(
            grid,
            format!("Requests per second, {place}"),
            "requests per second to those of B (more is better)",
            |sample| sample.per_second,
        );
        fs::write(folder.join(format!("throughput-{name}.svg")), throughput.svg()?)?;
        let p99 = chart(
            grid,
            format!("99th percentile of latency, {place}"),
            "99th percentile to that of B (less is better)",
            |sample| sample.p99_us,
        );
        fs::write(folder.join(format!("p99-{name}.svg")), p99.svg()?)?;
    }
    Ok(())
}

/// The ratios to B of all whose messages leave the process.
fn chart(grid: &Grid, title: String, ratio_of: &'static str, of: fn(&Sample) -> f64) -> Chart {
    let rows = grid.rows();
    let line = |peer| {
        let points =
            rows.iter().filter_map(|row| Some((*row, grid.ratio(*row, peer, PeerName::B, of)?.median)));
        Line { peer, points: points.collect() }
    };
    // What stays in memory is so much faster that the differences between the others would not show.
    let mut peers = grid.peers();
    peers.retain(|peer| *peer != PeerName::Memory);
    // What the page is about lies on top.
    peers.sort_by_key(|peer| *peer == PeerName::Ours);
    Chart { title, ratio_of, lines: peers.into_iter().map(line).collect() }
}
