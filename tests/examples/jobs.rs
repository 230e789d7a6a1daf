//! The example of jobs, on a server with JetStream.

use tests::NatsServer;

use crate::program;

#[test]
fn jobs_are_watched_cancelled_and_found_again() {
    let nats = NatsServer::builder().jetstream().start();
    let lines = program::start("jobs", Some(nats.url()), &[]).succeed();
    let said: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("    ")).collect();
    let expected = [
        "stored",
        "1600 MB",
        "one job",
        "80 MB",
        "Err(Service(\"blank.mp4 is empty\"))",
        "Err(\"cancelled: the job was cancelled\")",
        "failed",
        "after 2 attempts: internal error",
    ];
    assert_eq!(said, expected);
}

#[test]
fn without_jetstream_it_is_told_what_is_missing() {
    let nats = NatsServer::start();
    let ended = program::run("jobs", Some(nats.url()), &[]);
    assert!(!ended.status.success() && ended.errors.contains("--jetstream"), "{ended:?}");
}
