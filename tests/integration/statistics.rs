//! Statistics of calls that are made to spoil them.

use nats_rpc::discovery::discover;
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, raw_request};
use crate::on_every_broker;

on_every_broker! {
    what_a_caller_sends_cannot_hide_the_statistics,
}

#[nats_rpc::service]
trait Paint {
    async fn mix(&self, color: Color) -> String;
}

#[derive(Debug, Serialize, Deserialize)]
enum Color {
    Red,
}

struct Pots;

impl Paint for Pots {
    async fn mix(&self, color: Color) -> String {
        format!("{color:?}")
    }
}

/// What does not decode is quoted in the error, and each control character of it is six bytes of JSON.
async fn what_a_caller_sends_cannot_hide_the_statistics(bed: Bed) {
    let _server = bed.server_builder().await.add(PaintServer::new(Pots)).start().await.unwrap();
    let connection = bed.connect().await;
    let mut hostile = vec![0x81, 0xA5];
    hostile.extend(b"color");
    hostile.extend([0xDA, 0xFF, 0xFF]);
    hostile.extend([1; 0xFFFF]);
    let mut long = vec![0x81, 0xA5];
    long.extend(b"color");
    long.extend([0xDB, 0, 3, 0, 0]);
    long.extend(vec![1; 0x3_0000]);
    for request in [hostile, long] {
        raw_request(&connection, "paint.mix", &[], request).await;
        let found = discover(&connection).service("paint").at_most(1).stats().await.unwrap();
        let mix = &found.first().expect("the statistics are told").endpoints[0];
        assert!(mix.last_error.starts_with("400:"), "{}", mix.last_error);
        assert!(mix.last_error.len() < 2048, "{} bytes are kept", mix.last_error.len());
    }
}
