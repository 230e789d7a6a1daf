//! Many services in one server.

use std::collections::HashMap;
use std::time::Duration;

use nats_rpc::{Client, MethodRegistry, Service, ServiceClient, ServiceDescriptor};

use crate::bed::{Bed, Bench, LabClient, LabServer};
use crate::on_every_broker;
use crate::wire::{Tap, all};

on_every_broker! {
    one_service,
    ten_services,
    a_hundred_services,
}

/// How many calls each service gets at once.
const CALLS: usize = 100;

const TIMEOUT: Duration = Duration::from_secs(60);

async fn one_service(bed: Bed) {
    serve_and_call(bed, 1).await;
}

async fn ten_services(bed: Bed) {
    serve_and_call(bed, 10).await;
}

async fn a_hundred_services(bed: Bed) {
    serve_and_call(bed, 100).await;
}

/// One service under a name and a subject of its own.
struct Named {
    descriptor: &'static ServiceDescriptor,
    service: LabServer<Bench>,
}

impl Service for Named {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        self.descriptor
    }

    fn register(&self, registry: &mut MethodRegistry) {
        self.service.register(registry);
    }
}

/// A description lives as long as the program.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

async fn serve_and_call(bed: Bed, services: usize) {
    let mut server = bed.server_builder().await.max_in_flight(services * CALLS);
    for number in 0..services {
        let descriptor =
            ServiceDescriptor::new(leak(format!("lab-{number}")), LabClient::descriptor().methods())
                .with_subject(leak(format!("hall-{number}.lab")));
        server = server.add(Named { descriptor: Box::leak(Box::new(descriptor)), service: bed.service() });
    }
    let _server = server.start().await.unwrap();
    let connection = bed.connect().await;
    let labs = (0..services).map(|number| {
        LabClient::new(Client::builder(&connection).prefix(format!("hall-{number}")).build().unwrap())
    });
    let labs: Vec<LabClient> = labs.collect();
    for _ in 0..40 {
        all(labs.iter().map(|lab| lab.echo("cheap").timeout(TIMEOUT))).await;
    }
    // They run at the same time: handlers that wait for each other do not wait in vain.
    let waiting: Vec<_> = labs.iter().map(|lab| tokio::spawn(lab.wait().timeout(TIMEOUT))).collect();
    let warm = services * 40;
    while bed.ledger.started() < warm + services {
        bed.ledger.begun.notified().await;
    }
    let mut tap = Tap::new(&bed, "*.lab.echo").await;
    let (mut rounds, mut fewest) = (0, usize::MAX);
    // A round may begin just when handlers were measured in a bad moment of the machine: the best one counts.
    while rounds < 20 && fewest >= services * CALLS / 2 {
        rounds += 1;
        fewest = fewest.min(round(&labs, &mut tap).await);
    }
    assert!(fewest < services * CALLS / 2, "{fewest} messages for {CALLS} calls of {services} services each");
    bed.ledger.release.notify_waiters();
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    assert_eq!(bed.ledger.finished(), services * (40 + 1 + rounds * CALLS), "each ran once");
}

/// Makes calls of all services at once, and returns how many messages they took.
async fn round(labs: &[LabClient], tap: &mut Tap) -> usize {
    let services = labs.len();
    let calls = labs.iter().enumerate().flat_map(|(number, lab)| {
        (0..CALLS).map(move |call| lab.echo(&format!("{number}/{call}")).timeout(TIMEOUT))
    });
    let answers = all(calls).await;
    let expected = (0..services).flat_map(|number| (0..CALLS).map(move |call| format!("{number}/{call}")));
    assert!(answers.into_iter().eq(expected), "each gets its own answer");
    let messages = tap.messages(labs[0].client().connection()).await;
    let mut sent: HashMap<String, usize> = HashMap::new();
    for message in &messages {
        let texts = message.texts();
        let service = texts[0].split('/').next().unwrap();
        assert!(texts.iter().all(|text| text.split('/').next() == Some(service)), "{texts:?}");
        *sent.entry(service.to_owned()).or_default() += texts.len();
    }
    assert_eq!(sent.len(), services);
    assert!(sent.values().all(|calls| *calls == CALLS), "each was sent once");
    messages.len()
}
