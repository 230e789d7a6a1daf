//! What a client sees when the network between it and the NATS server is silent, broken or loses replies.

use std::time::Duration;

use ::tests::{Direction, Fate, NatsServer, Proxy, WorkClient};
use nats_rpc::{Execution, Server};
use tokio::time::sleep;

use crate::bed::{Bed, report, slowest_recovery};
use crate::check::Rules;
use crate::load::mixed;
use crate::scale::{Scale, together};

/// An instance beside a NATS server, and a client that reaches it through a proxy.
struct Service {
    bed: Bed,
    proxy: Proxy,
    client: WorkClient,
    _server: Server,
    _nats: NatsServer,
}

impl Service {
    async fn start() -> Self {
        let nats = NatsServer::start();
        let proxy = Proxy::start(nats.client_port());
        let bed = Bed::new();
        let server = bed.serve(nats_rpc::connect(nats.url()).await.unwrap(), "one").await;
        let client = bed.client(nats_rpc::connect(proxy.url()).await.unwrap()).await;
        Service { bed, proxy, client, _server: server, _nats: nats }
    }

    async fn under_load<T>(&self, happens: impl Future<Output = T>) -> T {
        let clients = std::slice::from_ref(&self.client);
        self.bed.under_load(clients, Scale::get().pick(200, 1000), mixed, happens).await
    }
}

#[tokio::test]
async fn a_black_hole_fails_calls_in_time_and_is_recovered_from() {
    let _turn = together().await;
    let service = Service::start().await;
    let Service { bed, proxy, .. } = &service;
    let happens = async {
        sleep(Duration::from_millis(500)).await;
        proxy.black_hole();
        sleep(Scale::get().seconds(4, 20)).await;
        proxy.pass();
        bed.calm().await
    };
    let healed = service.under_load(happens).await;
    let what = "the client's connection black-holed";
    let run = bed.assert_holds(what, &Rules { healed: Some(healed), ..Rules::default() }).await;
    report(what, &format!("answers again after {} ms", slowest_recovery(&run, &[healed])));
    assert!(proxy.accepted() > 1, "the loss was noticed");
}

#[tokio::test]
async fn resets_every_half_second_double_no_call() {
    let _turn = together().await;
    let service = Service::start().await;
    let Service { bed, proxy, .. } = &service;
    let mut resets = Vec::new();
    let happens = async {
        for _ in 0..Scale::get().pick(6, 60) {
            sleep(Duration::from_millis(500)).await;
            proxy.reset();
            resets.push(bed.now());
        }
        bed.calm().await
    };
    let healed = service.under_load(happens).await;
    let what = "the client's connection reset every 500 ms";
    let run = bed.assert_holds(what, &Rules { healed: Some(healed), ..Rules::default() }).await;
    let ok = run.calls.iter().filter(|call| call.is_ok()).count();
    report(
        what,
        &format!(
            "{ok} of {} calls ok, answers again after {} ms at most",
            run.calls.len(),
            slowest_recovery(&run, &resets)
        ),
    );
    assert!(proxy.accepted() >= resets.len(), "each reset was one");
}

#[tokio::test]
async fn lost_replies_leave_calls_that_may_be_executed_and_are_not_repeated() {
    let _turn = together().await;
    let service = Service::start().await;
    let Service { bed, proxy, .. } = &service;
    let happens = async {
        for _ in 0..Scale::get().pick(2, 20) {
            sleep(Duration::from_millis(500)).await;
            proxy.fate(Direction::ToClient, Fate::Lose);
            sleep(Duration::from_millis(1500)).await;
            proxy.pass();
        }
        bed.calm().await
    };
    let healed = service.under_load(happens).await;
    let what = "replies lost after execution";
    let run = bed.assert_holds(what, &Rules { healed: Some(healed), ..Rules::default() }).await;
    let executed = |id| run.executions.iter().any(|start| start.id == id);
    let in_doubt = run.calls.iter().filter(|call| call.execution() == Some(Execution::MaybeExecuted));
    let in_doubt = in_doubt.filter(|call| executed(call.id)).count();
    report(what, &format!("{in_doubt} calls were executed and their callers told that they may be"));
    assert!(in_doubt > 0, "replies were lost");
}
