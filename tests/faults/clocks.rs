//! Instances whose clocks are wrong.

use ::tests::NatsServer;

use crate::bed::Bed;
use crate::check::Rules;
use crate::load::patient;
use crate::scale::{Scale, together};

#[tokio::test]
async fn an_instance_whose_clock_is_a_minute_ahead_serves() {
    serves_with_skew(60_000).await;
}

#[tokio::test]
async fn an_instance_whose_clock_is_a_minute_behind_serves() {
    serves_with_skew(-60_000).await;
}

async fn serves_with_skew(skew_ms: i64) {
    let _turn = together().await;
    let nats = NatsServer::start();
    let bed = Bed::new();
    let skewed = nats_rpc::connect(nats.url()).await.unwrap().with_clock_skew(skew_ms);
    let right = nats_rpc::connect(nats.url()).await.unwrap();
    let _servers = (bed.serve(skewed, "wrong").await, bed.serve(right, "right").await);
    let client = bed.client(nats_rpc::connect(nats.url()).await.unwrap()).await;
    let happens = tokio::time::sleep(Scale::get().seconds(1, 20));
    bed.under_load(&[client], Scale::get().pick(200, 1000), patient, happens).await;
    let what = format!("an instance whose clock is off by {} s", skew_ms / 1000);
    let run = bed.assert_holds(&what, &Rules { spotless: true, ..Rules::default() }).await;
    for instance in ["wrong", "right"] {
        let served = run.executions.iter().filter(|start| &*start.instance == instance).count();
        assert!(served > run.calls.len() / 4, "{instance} served {served} calls");
    }
}
