//! Two ways to do the same, measured in turn.

use crate::stats::Quartiles;
use crate::table::number;

/// What was measured of both, a number for each round.
#[derive(Default)]
pub(super) struct Contest {
    by_hand: Vec<f64>,
    ours: Vec<f64>,
}

impl Contest {
    pub(super) fn add(&mut self, by_hand: f64, ours: f64) {
        self.by_hand.push(by_hand);
        self.ours.push(ours);
    }

    /// The median by hand, ours, and the ratio within rounds.
    pub(super) fn cells(&self) -> [String; 3] {
        let median =
            |numbers: &[f64]| Quartiles::of(numbers.iter().copied()).map(|quartiles| quartiles.median);
        let ratios = self.by_hand.iter().zip(&self.ours).map(|(by_hand, ours)| ours / by_hand);
        let ratio = Quartiles::of(ratios).map_or_else(
            || "–".to_owned(),
            |Quartiles { low, median, high }| format!("**{median:.2}** ({low:.2}–{high:.2})"),
        );
        [number(median(&self.by_hand)), number(median(&self.ours)), ratio]
    }
}
