//! What calls see when the NATS server crashes, freezes or is away.

use std::time::Duration;

use ::tests::{NatsServer, WorkClient};
use nats_rpc::{Execution, Server};
use tokio::time::sleep;

use crate::bed::{Bed, report, slowest_recovery};
use crate::check::Rules;
use crate::load::mixed;
use crate::scale::{Scale, together};

/// A NATS server with an instance and two clients, all in this process.
struct Service {
    bed: Bed,
    nats: NatsServer,
    clients: Vec<WorkClient>,
    _server: Server,
}

impl Service {
    async fn start() -> Self {
        let nats = NatsServer::start();
        let bed = Bed::new();
        let server = bed.serve(nats_rpc::connect(nats.url()).await.unwrap(), "one").await;
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(bed.client(nats_rpc::connect(nats.url()).await.unwrap()).await);
        }
        Service { bed, nats, clients, _server: server }
    }
}

#[tokio::test]
async fn five_crashes_of_nats_under_load_hang_no_call_and_double_none() {
    let _turn = together().await;
    let Service { bed, mut nats, clients, _server } = Service::start().await;
    let mut restarts = Vec::new();
    let happens = async {
        for _ in 0..5 {
            sleep(Duration::from_millis(Scale::get().pick(700, 4000))).await;
            nats.kill();
            sleep(Duration::from_millis(300)).await;
            nats.restart();
            restarts.push(bed.now());
        }
        bed.calm().await
    };
    let healed = bed.under_load(&clients, Scale::get().pick(200, 1000), mixed, happens).await;
    let what = "nats-server killed and restarted five times";
    let run = bed.assert_holds(what, &Rules { healed: Some(healed), ..Rules::default() }).await;
    let recovery = slowest_recovery(&run, &restarts);
    report(what, &format!("answers again after {recovery} ms at most"));
    assert!(recovery < 2000, "{recovery} ms");
}

#[tokio::test]
async fn a_frozen_nats_fails_calls_in_time_and_is_recovered_from() {
    let _turn = together().await;
    let Service { bed, nats, clients, _server } = Service::start().await;
    let happens = async {
        sleep(Duration::from_millis(500)).await;
        nats.pause();
        sleep(Duration::from_millis(Scale::get().pick(3500, 20_000))).await;
        nats.resume();
        bed.calm().await
    };
    let healed = bed.under_load(&clients, Scale::get().pick(200, 1000), mixed, happens).await;
    let what = "nats-server frozen with SIGSTOP";
    let run = bed.assert_holds(what, &Rules { healed: Some(healed), ..Rules::default() }).await;
    report(what, &format!("answers again after {} ms", slowest_recovery(&run, &[healed])));
}

#[tokio::test]
async fn calls_of_an_outage_are_not_executed_after_their_expiry() {
    let _turn = together().await;
    let Service { bed, mut nats, clients, _server } = Service::start().await;
    let mut gone = 0;
    let happens = async {
        sleep(Duration::from_millis(500)).await;
        nats.kill();
        gone = bed.now();
        sleep(Scale::get().seconds(3, 10)).await;
        nats.restart();
        bed.calm().await
    };
    let healed = bed.under_load(&clients, Scale::get().pick(200, 1000), mixed, happens).await;
    let what = "nats-server away for seconds";
    let run = bed.assert_holds(what, &Rules { healed: Some(healed), ..Rules::default() }).await;
    // Those that were made once the loss was known are certainly not executed, and say so.
    let outage = gone + 500..healed - 2500;
    let made: Vec<_> = run.calls.iter().filter(|call| outage.contains(&call.start)).collect();
    assert!(!made.is_empty());
    for call in &made {
        assert_eq!(call.execution(), Some(Execution::NotExecuted), "{call}");
    }
    report(what, &format!("{} calls of the outage failed as not executed", made.len()));
}
