//! A program that serves until it gets a signal: this test binary, started once more.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nats_rpc::{ErrorKind, Execution, Server};
use tests::NatsServer;

use crate::bed::{Bench, LabClient, LabServer, assert_failed};

const NATS_URL: &str = "NATS_RPC_TEST_SERVE";

/// What the others here start.
#[tokio::test]
#[ignore = "a program that other tests start"]
async fn program() {
    let Ok(url) = std::env::var(NATS_URL) else { return };
    let nats = nats_rpc::connect(url.as_str()).await.unwrap();
    let builder = Server::builder(nats).grace(Duration::from_secs(600));
    builder.add(LabServer::new(Bench::default())).run().await.unwrap();
}

/// The program, which is killed if the test ends before it.
struct Program(Child);

impl Program {
    /// Returns when it serves.
    async fn start(nats: &NatsServer, lab: &LabClient) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "signals::program", "--ignored"]).env(NATS_URL, nats.url());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let program = Program(process);
        while lab.echo("there?").await.is_err() {}
        program
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    async fn ended(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until nobody takes calls any more: the program has the signal.
async fn intake_has_ended(lab: &LabClient) {
    while lab.echo("still there?").retry(nats_rpc::Retry::off()).await.is_ok() {}
}

#[tokio::test]
async fn a_signal_lets_handlers_finish() {
    for signal in ["INT", "TERM"] {
        let nats = NatsServer::start();
        let lab = LabClient::new(nats_rpc::connect(nats.url()).await.unwrap());
        let mut program = Program::start(&nats, &lab).await;
        let running = tokio::spawn(lab.sleep(1000));
        // The program has it: a message behind it on the same connection was taken in.
        lab.note("").acked().await.unwrap();
        program.signal(signal);
        intake_has_ended(&lab).await;
        assert_eq!(running.await.unwrap().unwrap(), 1000);
        assert!(program.ended().await.success());
    }
}

#[tokio::test]
async fn a_second_signal_aborts_them() {
    let nats = NatsServer::start();
    let lab = LabClient::new(nats_rpc::connect(nats.url()).await.unwrap());
    let mut program = Program::start(&nats, &lab).await;
    let mut running = tokio::spawn(lab.wait().timeout(Duration::from_secs(600)));
    lab.note("").acked().await.unwrap();
    program.signal("TERM");
    intake_has_ended(&lab).await;
    assert!(futures::poll!(&mut running).is_pending(), "one signal waits for it");
    program.signal("TERM");
    assert_failed(running.await.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
    assert!(program.ended().await.success());
}
