//! The tables of a comparison.

use crate::grid::Grid;
use crate::load::Sample;
use crate::peers::PeerName;
use crate::stats::Quartiles;
use crate::table::{Table, number};

/// Everything about every cell.
pub(crate) fn cells(row_heading: &str, grid: &Grid) -> Table {
    let cpu_of = |row, peer| grid.cpu_per_call(row, peer);
    let apart = grid.cells().any(|(row, peer)| cpu_of(row, peer).is_some_and(|cpu| cpu.server.is_some()));
    let mut headings =
        vec!["peer", row_heading, "req/s", "ratio to B (quartiles)", "p50 µs", "p99 µs", "p99 to B"];
    headings.extend_from_slice(if apart { &["client CPU µs", "server CPU µs"] } else { &["CPU µs"] });
    headings.push("broker CPU µs");
    let mut table = Table::new(1, headings);
    for (row, peer) in grid.cells() {
        let mut cells = vec![
            peer.label().to_owned(),
            row.to_string(),
            number(grid.median(row, peer, |sample| sample.per_second)),
            with_quartiles(grid.ratio(row, peer, PeerName::B, |sample| sample.per_second)),
            number(grid.median(row, peer, |sample| sample.p50_us)),
            number(grid.median(row, peer, |sample| sample.p99_us)),
            number(grid.ratio(row, peer, PeerName::B, |sample| sample.p99_us).map(|ratio| ratio.median)),
        ];
        let cpu = cpu_of(row, peer);
        cells.push(number(cpu.and_then(|cpu| cpu.client)));
        if apart {
            cells.push(number(cpu.and_then(|cpu| cpu.server)));
        }
        cells.push(number(cpu.and_then(|cpu| cpu.broker)));
        table.row(cells);
    }
    table
}

/// The ratio to B of each peer, one column for each row of the grid; for B itself, the value.
pub(crate) fn ratios(grid: &Grid, unit: &str, of: fn(&Sample) -> f64) -> Table {
    let rows = grid.rows();
    let mut table = Table::new(1, ["peer".to_owned()].into_iter().chain(rows.iter().map(usize::to_string)));
    for peer in grid.peers() {
        let cell = |row: &usize| match peer {
            PeerName::B => format!("{} {unit}", number(grid.median(*row, peer, of))),
            _ => with_quartiles(grid.ratio(*row, peer, PeerName::B, of)),
        };
        table.row([peer.label().to_owned()].into_iter().chain(rows.iter().map(cell)));
    }
    table
}

/// Processor time of client, server and broker for each call, one column for each row of the grid.
pub(crate) fn cpu(grid: &Grid) -> Table {
    let rows = grid.rows();
    let mut table = Table::new(1, ["peer".to_owned()].into_iter().chain(rows.iter().map(usize::to_string)));
    for peer in grid.peers() {
        let cell = |row: &usize| {
            let Some(cpu) = grid.cpu_per_call(*row, peer) else { return "–".to_owned() };
            let parts = [cpu.client, cpu.server, cpu.broker].into_iter().flatten();
            parts.map(|micros| number(Some(micros))).collect::<Vec<_>>().join(" + ")
        };
        table.row([peer.label().to_owned()].into_iter().chain(rows.iter().map(cell)));
    }
    table
}

fn with_quartiles(ratio: Option<Quartiles>) -> String {
    match ratio {
        None => "–".to_owned(),
        Some(Quartiles { low, median, high }) => format!("**{median:.2}** ({low:.2}–{high:.2})"),
    }
}
