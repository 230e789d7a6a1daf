//! Instances in processes of their own, which share a ledger file.

use std::path::PathBuf;

use ::tests::{Instance, Ledger, Start};
use tempfile::TempDir;

/// Instances that serve behind one URL.
pub(crate) struct Fleet {
    url: String,
    directory: TempDir,
    pub(crate) instances: Vec<Instance>,
}

impl Fleet {
    /// Starts so many instances, `one-0` and so on.
    pub(crate) fn start(url: &str, count: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut fleet = Fleet { url: url.to_owned(), directory, instances: Vec::new() };
        for number in 0..count {
            let instance = fleet.instance(&format!("one-{number}"));
            fleet.instances.push(instance);
        }
        fleet
    }

    /// One more, which is the caller's.
    pub(crate) fn instance(&self, id: &str) -> Instance {
        Instance::start(env!("CARGO_BIN_EXE_instance"), &self.url, id, &self.ledger())
    }

    /// What all of them, dead ones too, have begun until now.
    pub(crate) fn starts(&self) -> Vec<Start> {
        Ledger::read_file(&self.ledger())
    }

    fn ledger(&self) -> PathBuf {
        self.directory.path().join("ledger")
    }
}
