//! Methods come and go, and answer in another way.

use nats_rpc::contract::{Contract, Role};
use nats_rpc::{Service as _, ServiceClient as _};

use super::{rule, version};

rule! {
    added_method {
        old { { async fn call(&self) -> u8 { 1 } } |client| client.call() }
        new {
            { async fn call(&self) -> u8 { 1 } async fn more(&self) -> u8 { 2 } }
            |client| client.more()
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    removed_method {
        old {
            { async fn call(&self) -> u8 { 1 } async fn more(&self) -> u8 { 2 } }
            |client| client.more()
        }
        new { { async fn call(&self) -> u8 { 1 } } |client| client.call() }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    method_that_can_fail {
        old { { async fn call(&self) -> u8 { 1 } } |client| client.call() }
        new { { async fn call(&self) -> Result<u8, String> { Err("no".to_owned()) } } |client| client.call() }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    method_that_listens_elsewhere {
        old { { #[rpc(subject = "get")] async fn call(&self) -> u8 { 1 } } |client| client.call() }
        new { { #[rpc(subject = "v2.get")] async fn call(&self) -> u8 { 1 } } |client| client.call() }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    argument_moves_into_the_subject {
        old { { async fn call(&self, id: u8) -> u8 { id } } |client| client.call(1) }
        new { { #[rpc(subject = "call.{id}")] async fn call(&self, id: u8) -> u8 { id } } |client| client.call(1) }
        old to new: Breaks,
        new to old: Breaks,
    }
}

version!(unary { async fn call(&self) -> u8 { 1 } } |client| client.call());
version!(oneway { #[rpc(oneway)] async fn call(&self) {} } |client| client.call());

/// The report is about what the method is meant for: a oneway call to a method that answers does arrive.
#[tokio::test]
async fn method_that_answers_no_more() {
    let bed = crate::bed::Bed::nats();
    let nats = bed.connect().await;
    super::try_out(nats, nats_rpc::Codec::Json, oneway::server(), unary::call, super::Breaks).await;

    let client = oneway::RuleClient::contract(Role::Client);
    assert!(!Contract::check(&client, &unary::server().contract()).is_compatible());
}
