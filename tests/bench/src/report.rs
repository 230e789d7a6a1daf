//! The table that a run prints.

use crate::load::Sample;

/// All pairs of measurements at one number of calls in flight.
pub(crate) struct Cell {
    in_flight: usize,
    pairs: Vec<(Sample, Sample)>,
}

impl Cell {
    pub(crate) fn new(in_flight: usize) -> Self {
        Cell { in_flight, pairs: Vec::new() }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn add(&mut self, baseline: Sample, ours: Sample) {
        self.pairs.push((baseline, ours));
    }

    /// The quartiles of what `of` makes of each pair.
    fn quartiles(&self, of: impl Fn(&Sample, &Sample) -> f64) -> [f64; 3] {
        let mut values: Vec<f64> = self.pairs.iter().map(|(b, ours)| of(b, ours)).collect();
        values.sort_by(f64::total_cmp);
        let at = |share: usize| {
            values.get(values.len().saturating_sub(1) * share / 4).copied().unwrap_or(f64::NAN)
        };
        [at(1), at(2), at(3)]
    }

    fn median(&self, of: impl Fn(&Sample, &Sample) -> f64) -> f64 {
        self.quartiles(of)[1]
    }
}

/// Medians, and for the ratio of each pair the quartiles too.
pub(crate) fn print(cells: &[Cell]) {
    println!(
        "| in flight | B req/s | nats-rpc req/s | ratio (quartiles) | B p50 µs | p50 µs | B p99 µs | p99 µs |"
    );
    println!("|--:|--:|--:|:--|--:|--:|--:|--:|");
    for cell in cells {
        let [low, ratio, high] = cell.quartiles(|b, ours| ours.per_second / b.per_second);
        println!(
            "| {} | {:.0} | {:.0} | **{ratio:.2}** ({low:.2}–{high:.2}) | {:.0} | {:.0} | {:.0} | {:.0} |",
            cell.in_flight,
            cell.median(|b, _| b.per_second),
            cell.median(|_, ours| ours.per_second),
            cell.median(|b, _| b.p50_us),
            cell.median(|_, ours| ours.p50_us),
            cell.median(|b, _| b.p99_us),
            cell.median(|_, ours| ours.p99_us),
        );
    }
}
