//! What a comparison has measured: each peer in each row, once a round.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cpu::CpuTime;
use crate::load::Sample;
use crate::peers::PeerName;
use crate::stats::Quartiles;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) sample: Sample,
    pub(crate) cpu: CpuTime,
}

/// All measurements of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    /// In the order of the rounds. A row is a number of calls in flight, or of bytes.
    cells: BTreeMap<(usize, PeerName), Vec<Measured>>,
}

impl Grid {
    pub(crate) fn add(&mut self, row: usize, peer: PeerName, measured: Measured) {
        self.cells.entry((row, peer)).or_default().push(measured);
    }

    /// All cells, row by row.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (usize, PeerName)> + use<'_> {
        self.cells.keys().copied()
    }

    pub(crate) fn rows(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = self.cells().map(|(row, _)| row).collect();
        rows.dedup();
        rows
    }

    pub(crate) fn peers(&self) -> Vec<PeerName> {
        let mut peers: Vec<PeerName> = self.cells().map(|(_, peer)| peer).collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }

    fn measured(&self, row: usize, peer: PeerName) -> &[Measured] {
        self.cells.get(&(row, peer)).map_or(&[], Vec::as_slice)
    }

    /// The median of what `of` makes of each measurement.
    pub(crate) fn median(&self, row: usize, peer: PeerName, of: fn(&Sample) -> f64) -> Option<f64> {
        let numbers = self.measured(row, peer).iter().map(|measured| of(&measured.sample));
        Quartiles::of(numbers).map(|quartiles| quartiles.median)
    }

    /// The quartiles of the ratio to another peer, each measurement to that of the same round.
    pub(crate) fn ratio(
        &self,
        row: usize,
        peer: PeerName,
        to: PeerName,
        of: fn(&Sample) -> f64,
    ) -> Option<Quartiles> {
        let pairs = self.measured(row, peer).iter().zip(self.measured(row, to));
        Quartiles::of(pairs.map(|(own, other)| of(&own.sample) / of(&other.sample)))
    }

    /// What a call costs on average over all rounds: one round is too short for a clock of hundredths.
    pub(crate) fn cpu_per_call(&self, row: usize, peer: PeerName) -> Option<CpuPerCall> {
        let measured = self.measured(row, peer);
        let calls: u64 = measured.iter().map(|measured| measured.sample.calls).sum();
        let total = measured.iter().map(|measured| measured.cpu).reduce(|one, other| one + other)?;
        let per_call = |time: Option<Duration>| Some(time?.as_secs_f64() * 1e6 / calls as f64);
        Some(CpuPerCall {
            client: per_call(total.client),
            server: per_call(total.server),
            broker: per_call(total.broker).filter(|_| peer.uses_nats()),
        })
    }
}

/// Microseconds of processor time for each call, by process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuPerCall {
    pub(crate) client: Option<f64>,
    pub(crate) server: Option<f64>,
    pub(crate) broker: Option<f64>,
}
