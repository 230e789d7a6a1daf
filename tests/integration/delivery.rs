//! Who gets a call: one member of the queue group, or every instance.

use std::sync::Arc;
use std::time::Duration;

use nats_rpc::{ErrorKind, Execution, Server};

use crate::bed::{Bed, Bench, LabServer, Ledger, assert_failed};
use crate::on_every_broker;

on_every_broker! {
    a_queue_group_executes_each_call_once,
    a_broadcast_is_executed_by_every_instance_and_the_first_answer_wins,
    one_refusal_of_a_broadcast_does_not_hide_an_answer,
    refusals_alone_surface_at_the_deadline,
    two_groups_each_execute_a_call,
}

fn instance(name: &'static str) -> (LabServer<Bench>, Arc<Ledger>) {
    let ledger = Arc::new(Ledger::default());
    (LabServer::new(Bench { name, ledger: Arc::clone(&ledger) }), ledger)
}

async fn a_queue_group_executes_each_call_once(bed: Bed) {
    let mut servers: Vec<Server> = Vec::new();
    for _ in 0..3 {
        servers.push(bed.serve().await);
    }
    let lab = bed.client().await;
    let mut instances = std::collections::HashSet::new();
    for _ in 0..60 {
        instances.extend(lab.echo("x").detailed().await.unwrap().instance().map(str::to_owned));
    }
    assert_eq!(bed.ledger.started(), 60);
    assert_eq!(instances.len(), 3, "every instance gets its share");
}

async fn a_broadcast_is_executed_by_every_instance_and_the_first_answer_wins(bed: Bed) {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(bed.server_builder().await.broadcast().add(bed.service()).start().await.unwrap());
    }
    assert_eq!(bed.client().await.echo("all").await.unwrap(), "all");
    while bed.ledger.finished() < 3 {
        bed.ledger.begun.notified().await;
    }
}

async fn one_refusal_of_a_broadcast_does_not_hide_an_answer(bed: Bed) {
    let (full, _) = instance("full");
    let full = bed.server_builder().await.broadcast().max_bytes(0).add(full);
    let _full = full.start().await.unwrap();
    let (free, ledger) = instance("free");
    let _free = bed.server_builder().await.broadcast().add(free).start().await.unwrap();
    // The refusal comes first: the handler that answers is slower.
    assert_eq!(bed.client().await.sleep(50).await.unwrap(), 50);
    assert_eq!(ledger.finished(), 1);
}

async fn refusals_alone_surface_at_the_deadline(bed: Bed) {
    let full = bed.server_builder().await.broadcast().max_bytes(0).add(bed.service());
    let _full = full.start().await.unwrap();
    let result = bed.client().await.echo("").timeout(Duration::from_millis(100)).await;
    assert_failed(result, ErrorKind::Overloaded, Execution::MaybeExecuted);
}

async fn two_groups_each_execute_a_call(bed: Bed) {
    let _one = bed.server_builder().await.queue_group("one").add(bed.service()).start().await.unwrap();
    let _two = bed.server_builder().await.queue_group("two").add(bed.service()).start().await.unwrap();
    bed.client().await.echo("twice").await.unwrap();
    while bed.ledger.finished() < 2 {
        bed.ledger.begun.notified().await;
    }
}
