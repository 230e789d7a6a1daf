//! Services behind the subject mappings of an account.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::future::join_all;
use nats_rpc::{CallError, Client, Connection, Context, ErrorKind, Execution, Retry, Server};
use tests::{Instance, NatsServer, Version, WorkClient};

use crate::accounts::{assert_death_is_noticed, connect};
use crate::bed::{Bench, LabClient, LabServer, Ledger, assert_failed, eventually};
use crate::on_both_versions;
use crate::streams::bed::{Bank, RiverClient, RiverServer};

on_both_versions! {
    nobody_is_known_at_once,
    a_tenth_of_the_calls_goes_to_a_canary,
    streams_end_though_a_tenth_of_them_goes_to_a_canary,
    partitions_are_served_each_by_its_own_instance,
    streams_open_where_everything_is_mapped,
    a_dropped_call_is_cancelled_where_everything_is_mapped,
    a_dead_instance_is_noticed_where_everything_is_mapped,
    a_restart_is_bridged_where_everything_is_mapped,
    calls_of_one_method_that_is_mapped_go_through,
    streams_of_one_method_that_is_mapped_are_refused,
    a_mapping_and_an_import_can_follow_each_other,
    permissions_are_those_for_the_mapped_subject,
}

/// A mapping of everything below the subjects of the services.
const EVERYTHING: &str = r#"mappings {
    "plain.lab.>": "lab.>"
    "plain.river.>": "river.>"
    "plain.work.>": "work.>"
}"#;

/// How long it may take to learn that nobody is there.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A nats-server, and what ran at the services on it.
struct Mapped {
    nats: NatsServer,
    ledger: Arc<Ledger>,
}

impl Mapped {
    fn new(version: Version, config: &str) -> Self {
        Mapped { nats: NatsServer::builder().version(version).config(config).start(), ledger: Arc::default() }
    }

    async fn connect(&self) -> Connection {
        async_nats::connect(self.nats.url()).await.unwrap().into()
    }

    /// A client that has its services below a prefix.
    async fn client(&self, prefix: Option<&str>) -> Client {
        let builder = Client::builder(self.connect().await);
        match prefix {
            Some(prefix) => builder.prefix(prefix).build().unwrap(),
            None => builder.build().unwrap(),
        }
    }

    async fn serve(&self, prefix: Option<&str>) -> Server {
        serve(self.connect().await, prefix, &self.ledger).await
    }
}

async fn serve(nats: Connection, prefix: Option<&str>, ledger: &Arc<Ledger>) -> Server {
    let builder = Server::builder(nats);
    let builder = match prefix {
        Some(prefix) => builder.prefix(prefix),
        None => builder,
    };
    let lab = LabServer::new(Bench { name: "lab", ledger: Arc::clone(ledger) });
    builder.add(lab).add(RiverServer::new(Bank::default())).start().await.unwrap()
}

async fn nobody_is_known_at_once(version: Version) {
    let mapped = Mapped::new(version, r#"mappings { "lab.>": "canary.lab.>" }"#);
    let framed = LabClient::new(mapped.client(None).await);
    let plain = Client::builder(mapped.connect().await).plain().build().unwrap();
    for lab in [framed, LabClient::new(plain)] {
        let begun = Instant::now();
        assert_failed(lab.echo("x").await, ErrorKind::NoResponders, Execution::NotExecuted);
        let receipt = lab.note("x").acked().await;
        assert_failed(receipt, ErrorKind::NoResponders, Execution::NotExecuted);
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    }
}

async fn a_tenth_of_the_calls_goes_to_a_canary(version: Version) {
    let weights = r#"mappings {
        "lab.>": [{ destination: "lab.>", weight: 90% }, { destination: "canary.lab.>", weight: 10% }]
    }"#;
    let mapped = Mapped::new(version, weights);
    let _stable = mapped.serve(None).await;
    let canary_ledger = Arc::<Ledger>::default();
    let _canary = serve(mapped.connect().await, Some("canary"), &canary_ledger).await;
    let lab = LabClient::new(mapped.client(None).await);
    let begun = Instant::now();
    for n in 0..20 {
        // Alone, many at once, and some that take long enough to be accepted.
        lab.echo("alone").await.unwrap();
        let many = join_all((0..50).map(|_| lab.echo("together"))).await;
        assert!(many.iter().all(Result::is_ok), "{many:?}");
        if n % 5 == 0 {
            let long = join_all((0..5).map(|_| lab.sleep(400))).await;
            assert!(long.iter().all(Result::is_ok), "{long:?}");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "nothing hangs: {:?}", begun.elapsed());
    let shares = (mapped.ledger.finished(), canary_ledger.finished());
    assert_eq!(shares.0 + shares.1, 1040, "{shares:?}");
    assert!(shares.1 > 0 && shares.1 < shares.0, "{shares:?}");
}

/// What belongs to a stream may come to the other instance, too. So it may end early, and says so.
async fn streams_end_though_a_tenth_of_them_goes_to_a_canary(version: Version) {
    let weights = r#"mappings {
        "river.>": [{ destination: "river.>", weight: 90% }, { destination: "canary.river.>", weight: 10% }]
    }"#;
    let mapped = Mapped::new(version, weights);
    let _servers = [mapped.serve(None).await, mapped.serve(Some("canary")).await];
    for also in [&[][..], &["canary"]] {
        let builder = Client::builder(mapped.connect().await).retry(Retry::off());
        let river = RiverClient::new(builder.also_served_below(also.iter().copied()).build().unwrap());
        let streams = (0..30).map(async |_| river.numbers(5000).await?.try_collect::<Vec<u64>>().await);
        let ended = tokio::time::timeout(Duration::from_secs(20), join_all(streams)).await;
        let ended = ended.expect("each of them ends");
        // Those that end well are whole, and others end as what they are.
        assert!(ended.iter().flatten().all(|numbers| numbers.iter().copied().eq(0..5000)));
        let errors: Vec<_> = ended.iter().filter_map(|ended| ended.as_ref().err()).collect();
        let known = [ErrorKind::Unavailable, ErrorKind::Unimplemented];
        assert!(errors.iter().all(|error| known.contains(&rpc_kind(error))), "{errors:?}");
    }
}

fn rpc_kind<E>(error: &CallError<E>) -> ErrorKind {
    match error {
        CallError::Rpc(error) => error.kind(),
        CallError::Service(_) => panic!("the service has no errors"),
    }
}

#[nats_rpc::service(subject = "stock.{shard}")]
trait Stock {
    /// Where it is found.
    #[rpc(subject = "find.{id}")]
    async fn find(&self, cx: &Context, id: u64) -> String;
}

struct Shelves;

impl Stock for Shelves {
    async fn find(&self, cx: &Context, id: u64) -> String {
        format!("{id} in {}", cx.subject_value("shard").unwrap())
    }
}

async fn partitions_are_served_each_by_its_own_instance(version: Version) {
    let partitions = r#"mappings {
        "stock.all.find.*": "stock.{{partition(3,1)}}.find.{{wildcard(1)}}"
    }"#;
    let mapped = Mapped::new(version, partitions);
    let mut servers = Vec::new();
    for shard in ["0", "1", "2"] {
        let builder = Server::builder(mapped.connect().await).id(format!("shard-{shard}"));
        servers.push(builder.add(StockServer::new(Shelves).with_shard(shard)).start().await.unwrap());
    }
    let stock = StockClient::new(mapped.connect().await, "all").unwrap();
    let mut shards = BTreeSet::new();
    for id in 0..100_u64 {
        let found = stock.find(id).await.unwrap();
        assert_eq!(stock.find(id).await.unwrap(), found, "always the same");
        shards.insert(found.rsplit(' ').next().unwrap().to_owned());
    }
    assert_eq!(shards.len(), 3, "{shards:?}");

    for server in servers {
        server.shutdown().await;
    }
    let begun = Instant::now();
    let gone = stock.find(7).retry(Retry::off()).await;
    assert_failed(gone, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

async fn streams_open_where_everything_is_mapped(version: Version) {
    let mapped = Mapped::new(version, EVERYTHING);
    let _server = mapped.serve(None).await;
    let river = RiverClient::new(mapped.client(Some("plain")).await);
    let numbers: Vec<u64> = river.numbers(5000).await.unwrap().try_collect().await.unwrap();
    assert!(numbers.into_iter().eq(0..5000));
    assert_eq!(river.sum(1, futures::stream::iter(0..5000)).await.unwrap(), 12_497_501);
    let doubled = river.double(futures::stream::iter(0..5000)).await.unwrap();
    assert_eq!(doubled.try_collect::<Vec<u64>>().await.unwrap().len(), 5000);
}

async fn a_dropped_call_is_cancelled_where_everything_is_mapped(version: Version) {
    let mapped = Mapped::new(version, EVERYTHING);
    let server = mapped.serve(None).await;
    let lab = LabClient::new(mapped.client(Some("plain")).await);
    let call = tokio::spawn(lab.sleep(60_000).timeout(Duration::from_secs(60)));
    eventually("it runs", || mapped.ledger.started() == 1).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.abort();
    eventually("it is cancelled", || server.counters().cancelled == 1).await;
}

async fn a_dead_instance_is_noticed_where_everything_is_mapped(version: Version) {
    let mapped = Mapped::new(version, EVERYTHING);
    let ledger: PathBuf = mapped.nats.directory().join("ledger");
    let instance = Instance::start(env!("CARGO_BIN_EXE_instance"), mapped.nats.url(), "a", &ledger);
    let work = WorkClient::new(mapped.client(Some("plain")).await);
    let call = tokio::spawn(work.long(1, 60_000).timeout(Duration::from_secs(60)));
    eventually("it runs", || tests::Ledger::read_file(&ledger).len() == 1).await;
    assert_death_is_noticed(instance, call).await;
}

async fn a_restart_is_bridged_where_everything_is_mapped(version: Version) {
    let mapped = Mapped::new(version, EVERYTHING);
    let server = mapped.serve(None).await;
    let lab = LabClient::new(mapped.client(Some("plain")).await);
    lab.echo("seen").await.unwrap();
    server.shutdown().await;
    let call = tokio::spawn(lab.echo("bridged"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!call.is_finished(), "it waits for the service to come back");
    let _server = mapped.serve(None).await;
    assert_eq!(call.await.unwrap().unwrap(), "bridged");
}

/// The methods beside it stay where they are.
const ONE_METHOD: &str = r#"mappings {
    "lab.echo": "canary.lab.echo"
    "river.numbers": "canary.river.numbers"
}"#;

async fn calls_of_one_method_that_is_mapped_go_through(version: Version) {
    let mapped = Mapped::new(version, ONE_METHOD);
    let _stable = mapped.serve(None).await;
    let canary_ledger = Arc::<Ledger>::default();
    let canary = serve(mapped.connect().await, Some("canary"), &canary_ledger).await;
    let lab = LabClient::new(mapped.client(None).await);
    for _ in 0..20 {
        assert_eq!(lab.echo("x").await.unwrap(), "x");
        assert_eq!(lab.sleep(0).await.unwrap(), 0);
    }
    assert_eq!((mapped.ledger.finished(), canary_ledger.finished()), (20, 20));
    canary.shutdown().await;
    let begun = Instant::now();
    let gone = lab.echo("x").retry(Retry::off()).await;
    assert_failed(gone, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

async fn streams_of_one_method_that_is_mapped_are_refused(version: Version) {
    let mapped = Mapped::new(version, ONE_METHOD);
    let _stable = mapped.serve(None).await;
    let _canary = mapped.serve(Some("canary")).await;
    let river = RiverClient::new(mapped.client(None).await);
    let refused = river.numbers(10).await.err().unwrap().to_string();
    assert!(refused.contains("also_served_below"), "{refused}");

    let builder = Client::builder(mapped.connect().await).also_served_below(["canary"]);
    let river = RiverClient::new(builder.build().unwrap());
    let numbers: Vec<u64> = river.numbers(10).await.unwrap().try_collect().await.unwrap();
    assert!(numbers.into_iter().eq(0..10));
}

/// From `front.lab.…` over `shared.lab.…` and another account's `lab.…` to `moved.lab.…`.
const CHAIN: &str = r#"accounts {
    SERVICES {
        users: [{ user: service, password: secret }]
        exports: [{ service: "lab.>", response: stream }, { service: "river.>", response: stream }]
        mappings { "lab.>": "moved.lab.>", "river.>": "moved.river.>" }
    }
    CALLERS {
        users: [{ user: caller, password: secret }]
        imports: [
            { service: { account: SERVICES, subject: "lab.>" }, to: "shared.lab.>" }
            { service: { account: SERVICES, subject: "river.>" }, to: "shared.river.>" }
        ]
        mappings { "front.lab.>": "shared.lab.>", "front.river.>": "shared.river.>" }
    }
}"#;

async fn a_mapping_and_an_import_can_follow_each_other(version: Version) {
    let mapped = Mapped::new(version, CHAIN);
    let client = Client::builder(connect(&mapped.nats, "caller").await).prefix("front").build().unwrap();
    let (lab, river) = (LabClient::new(&client), RiverClient::new(&client));
    let begun = Instant::now();
    assert_failed(lab.echo("x").await, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());

    let _server = serve(connect(&mapped.nats, "service").await, Some("moved"), &mapped.ledger).await;
    assert_eq!(lab.echo("x").await.unwrap(), "x");
    let many = join_all((0..256).map(|_| lab.echo("together"))).await;
    assert!(many.iter().all(Result::is_ok), "{many:?}");
    let numbers: Vec<u64> = river.numbers(5000).await.unwrap().try_collect().await.unwrap();
    assert!(numbers.into_iter().eq(0..5000));
}

/// A NATS server looks at the permissions of a publisher after the mappings.
async fn permissions_are_those_for_the_mapped_subject(version: Version) {
    let users = r#"
        mappings { "lab.>": "canary.lab.>" }
        authorization { users: [
            { user: service, password: secret }
            { user: caller, password: secret, permissions: { publish: ["canary.lab.>"], subscribe: ["_INBOX.>"] } }
            { user: outsider, password: secret, permissions: { publish: ["lab.>"], subscribe: ["_INBOX.>"] } }
        ] }"#;
    let mapped = Mapped::new(version, users);
    let _server = serve(connect(&mapped.nats, "service").await, Some("canary"), &mapped.ledger).await;
    let lab = LabClient::new(connect(&mapped.nats, "caller").await);
    assert_eq!(lab.echo("x").await.unwrap(), "x");
    let options =
        async_nats::ConnectOptions::with_user_and_password("outsider".to_owned(), "secret".to_owned());
    let lab = LabClient::new(nats_rpc::connect_with(options, mapped.nats.url()).await.unwrap());
    assert!(lab.echo("x").timeout(Duration::from_millis(500)).await.is_err());
    assert_eq!(mapped.ledger.started(), 1);
}
