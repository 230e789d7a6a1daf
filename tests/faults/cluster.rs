//! What calls see when a node of a NATS cluster dies, freezes or leaves.

use std::time::Duration;

use ::tests::{Cluster, WorkClient};
use nats_rpc::Server;
use tokio::time::sleep;

use crate::bed::{Bed, report, slowest_recovery};
use crate::check::Rules;
use crate::load::{mixed, patient};
use crate::scale::{Scale, together};

/// An instance and a client at each node of a cluster.
struct Service {
    bed: Bed,
    cluster: Cluster,
    clients: Vec<WorkClient>,
    _servers: Vec<Server>,
}

impl Service {
    async fn start() -> Self {
        let cluster = tokio::task::spawn_blocking(Cluster::start).await.unwrap();
        let bed = Bed::new();
        let (mut servers, mut clients) = (Vec::new(), Vec::new());
        for node in 0..3 {
            let nats = nats_rpc::connect(cluster.urls(node)).await.unwrap();
            servers.push(bed.serve(nats, &format!("one-{node}")).await);
        }
        for node in 0..3 {
            clients.push(bed.client(nats_rpc::connect(cluster.urls(node)).await.unwrap()).await);
        }
        Service { bed, cluster, clients, _servers: servers }
    }
}

#[tokio::test]
async fn a_killed_node_is_recovered_from_at_the_others() {
    let _turn = together().await;
    let Service { bed, mut cluster, clients, _servers } = Service::start().await;
    let mut killed = 0;
    let happens = async {
        sleep(Duration::from_millis(500)).await;
        cluster.node_mut(1).kill();
        killed = bed.now();
        bed.calm().await
    };
    bed.under_load(&clients, Scale::get().pick(150, 600), mixed, happens).await;
    let what = "one of three nats-servers killed";
    let run = bed.assert_holds(what, &Rules { healed: Some(killed), ..Rules::default() }).await;
    report(what, &format!("answers again after {} ms", slowest_recovery(&run, &[killed])));
}

#[tokio::test]
async fn a_frozen_node_is_left_within_seconds() {
    let _turn = together().await;
    let Service { bed, cluster, clients, _servers } = Service::start().await;
    let happens = async {
        sleep(Duration::from_millis(500)).await;
        cluster.node(1).pause();
        // Its clients notice within 3 s, and the other nodes, who still send calls there, within 6.
        sleep(Scale::get().seconds(7, 15)).await;
        let healed = bed.calm().await;
        cluster.node(1).resume();
        healed
    };
    let healed = bed.under_load(&clients, Scale::get().pick(150, 600), mixed, happens).await;
    let what = "one of three nats-servers frozen with SIGSTOP";
    bed.assert_holds(what, &Rules { healed: Some(healed), ..Rules::default() }).await;
}

#[tokio::test]
async fn a_node_in_lame_duck_mode_loses_no_call() {
    let _turn = together().await;
    let Service { bed, mut cluster, clients, _servers } = Service::start().await;
    let happens = async {
        sleep(Duration::from_millis(500)).await;
        cluster.node(1).lame_duck();
        sleep(Scale::get().seconds(4, 10)).await;
    };
    bed.under_load(&clients, Scale::get().pick(150, 600), patient, happens).await;
    let what = "one of three nats-servers in lame-duck mode";
    bed.assert_holds(what, &Rules { spotless: true, ..Rules::default() }).await;
    let ended = tokio::task::spawn_blocking(move || cluster.node_mut(1).wait(Duration::from_secs(60)));
    assert!(ended.await.unwrap().is_some(), "nobody was left there");
}
