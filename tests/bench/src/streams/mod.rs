//! Streams of results, against one message for each item by hand, and against tonic.

mod by_hand;
mod ours;
mod peer;
mod tonic;

use std::fs;
use std::path::Path;
use std::time::Instant;

use tokio::runtime::Runtime;

use self::peer::{Peer, Work};
use crate::Result;
use crate::broker::Broker;
use crate::flags::StreamsFlags;
use crate::machine::Machine;
use crate::stats::Quartiles;
use crate::table::{Table, number};

/// Measures and prints, and with `--write` writes the page.
pub(crate) fn run(flags: &StreamsFlags) -> Result<()> {
    let broker = Broker::start();
    let machine = Machine::this(&broker)?;
    let table = Runtime::new()?.block_on(table(broker.url(), flags))?;
    let text = text(&machine, flags, &table);
    println!("{text}");
    if flags.write {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks/streams.md");
        fs::write(page, text)?;
    }
    Ok(())
}

/// What is measured, and what it is called.
fn rows(flags: &StreamsFlags) -> [(&'static str, Work); 4] {
    let chunks = |size: usize| Work::Chunks { count: flags.mib * 1024 * 1024 / size, size };
    [
        ("small items, 1/s", Work::Items { count: flags.items }),
        ("64 KiB, MiB/s", chunks(64 * 1024)),
        ("512 KiB, MiB/s", chunks(512 * 1024)),
        ("opened, 1/s", Work::Openings { count: flags.openings }),
    ]
}

async fn table(url: &str, flags: &StreamsFlags) -> Result<Table> {
    let mut table =
        Table::new(1, ["", "by hand", "tonic", "nats-rpc", "to by hand", "to tonic"].map(str::to_owned));
    let (ours, by_hand, tonic) =
        (ours::Ours::start(url).await?, by_hand::ByHand::start(url).await?, tonic::Tonic::start().await?);
    for (name, work) in rows(flags) {
        eprintln!("streams: {name}");
        let (mut by_hand_all, mut tonic_all, mut ours_all) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=flags.rounds {
            let rates = if round % 2 == 0 {
                let first = rate(&by_hand, &work).await?;
                (first, rate(&tonic, &work).await?, rate(&ours, &work).await?)
            } else {
                let (first, second) = (rate(&ours, &work).await?, rate(&tonic, &work).await?);
                (rate(&by_hand, &work).await?, second, first)
            };
            // The first one warms up.
            if round > 0 {
                by_hand_all.push(rates.0);
                tonic_all.push(rates.1);
                ours_all.push(rates.2);
            }
        }
        let median = |all: &[f64]| number(Quartiles::of(all.iter().copied()).map(|all| all.median));
        let medians = [&by_hand_all, &tonic_all, &ours_all].map(|all| median(all));
        let ratios = [ratio(&by_hand_all, &ours_all), ratio(&tonic_all, &ours_all)];
        table.row([name.to_owned()].into_iter().chain(medians).chain(ratios));
    }
    ours.end().await;
    Ok(table)
}

/// How much of it is done in a second.
async fn rate(peer: &impl Peer, work: &Work) -> Result<f64> {
    let begun = Instant::now();
    match work {
        Work::Items { count } => peer.items(*count).await?,
        Work::Chunks { count, size } => peer.chunks(*count, *size).await?,
        Work::Openings { count } => {
            for _ in 0..*count {
                peer.items(1).await?;
            }
        }
    }
    Ok(work.amount() / begun.elapsed().as_secs_f64())
}

/// The ratio within rounds.
fn ratio(others: &[f64], ours: &[f64]) -> String {
    let ratios = others.iter().zip(ours).map(|(other, ours)| ours / other);
    Quartiles::of(ratios).map_or_else(
        || "–".to_owned(),
        |Quartiles { low, median, high }| format!("**{median:.2}** ({low:.2}–{high:.2})"),
    )
}

fn text(machine: &Machine, flags: &StreamsFlags, table: &Table) -> String {
    format!(
        "\
# Streams

Measured by `cargo run --release -p bench -- streams --write`, which writes this page ({rounds} rounds, in which all are measured in turn). Everything runs in one process
beside nats-server, on the same cores: ratios are medians of rounds, with quartiles in brackets.

{machine}
One stream of results at a time, from its call to its end, with default settings on all sides. A small item is a number and a text of 32 letters, of which there are {items} in a stream;
of chunks there are {mib} MiB; \"opened\" is a stream with one item, one after the other. By hand, each item is a message to an inbox that is subscribed to for the stream, encoded
with `rmp_serde`, and an empty one is the end: there is no flow control, so that a stream of more items than a subscription keeps would lose some without a word. tonic is gRPC over TCP,
without a broker in between.

{table}",
        rounds = flags.rounds,
        items = flags.items,
        mib = flags.mib,
    )
}
