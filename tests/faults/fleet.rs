//! Instances in processes of their own, which share a ledger file.

use std::path::PathBuf;

use ::tests::{Instance, Ledger, Start};
use tempfile::TempDir;

/// Instances that serve behind one URL.
pub(crate) struct Fleet {
    program: &'static str,
    url: String,
    directory: TempDir,
    pub(crate) instances: Vec<Instance>,
}

impl Fleet {
    /// Starts so many instances of `Work`, `one-0` and so on.
    pub(crate) fn start(url: &str, count: usize) -> Self {
        Fleet::of(env!("CARGO_BIN_EXE_instance"), url, count)
    }

    /// The same of `Chores`, which execute jobs.
    pub(crate) fn of_job_workers(url: &str, count: usize) -> Self {
        Fleet::of(env!("CARGO_BIN_EXE_job_worker"), url, count)
    }

    /// The same of `Feeds`, which stream.
    pub(crate) fn of_feeders(url: &str, count: usize) -> Self {
        Fleet::of(env!("CARGO_BIN_EXE_feeder"), url, count)
    }

    /// Callers of `Feeds`, which have streams open.
    pub(crate) fn of_feed_readers(url: &str, count: usize) -> Self {
        Fleet::of(env!("CARGO_BIN_EXE_feed_reader"), url, count)
    }

    fn of(program: &'static str, url: &str, count: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut fleet = Fleet { program, url: url.to_owned(), directory, instances: Vec::new() };
        for number in 0..count {
            let instance = fleet.instance(&format!("one-{number}"));
            fleet.instances.push(instance);
        }
        fleet
    }

    /// One more, which is the caller's.
    pub(crate) fn instance(&self, id: &str) -> Instance {
        self.instance_at(&self.url, id)
    }

    /// The same behind another URL.
    pub(crate) fn instance_at(&self, url: &str, id: &str) -> Instance {
        Instance::start(self.program, url, id, &self.ledger())
    }

    /// What all of them, dead ones too, have begun until now.
    pub(crate) fn starts(&self) -> Vec<Start> {
        Ledger::read_file(&self.ledger())
    }

    fn ledger(&self) -> PathBuf {
        self.directory.path().join("ledger")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ::tests::{NatsServer, WorkClient};

    use super::*;

    #[tokio::test]
    async fn an_instance_serves_until_it_is_told_to_end() {
        let nats = NatsServer::start();
        let mut fleet = Fleet::start(nats.url(), 1);
        let client = WorkClient::new(nats_rpc::connect(nats.url()).await.unwrap());
        assert_eq!(client.quick(7).await.unwrap(), 7);
        fleet.instances[0].terminate();
        assert!(fleet.instances[0].wait(Duration::from_secs(30)).unwrap().success());
        assert!(client.quick(8).timeout(Duration::from_millis(100)).await.is_err());
        let started: Vec<_> =
            fleet.starts().iter().map(|start| (start.id, start.instance.to_string())).collect();
        assert_eq!(started, [(7, "one-0".to_owned())]);
    }

    #[tokio::test]
    async fn what_an_instance_has_begun_is_known_after_it_was_killed() {
        let nats = NatsServer::start();
        let mut fleet = Fleet::start(nats.url(), 2);
        let client = WorkClient::new(nats_rpc::connect(nats.url()).await.unwrap());
        for id in 0..10 {
            tokio::spawn(client.long(id, 60_000).into_future());
        }
        while fleet.starts().len() < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fleet.instances.iter_mut().for_each(Instance::kill);
        assert_eq!(fleet.starts().len(), 10);
    }

    #[test]
    #[should_panic(expected = "instance one-0 does not start to serve, it says:\nError:")]
    fn an_instance_that_does_not_start_says_why() {
        Fleet::start("nats://127.0.0.1:1", 1);
    }
}
