//! A client checks the instances that run against its own trait.

use std::time::Duration;

use futures::StreamExt;
use nats_rpc::contract::{Basis, CheckReport, Report, Verdict};
use nats_rpc::{Client, ErrorKind, Server, ServiceClient};
use serde_json::json;

use crate::bed::{Bed, outbound};
use crate::foreign::settle;
use crate::on_every_broker;

on_every_broker! {
    an_instance_of_the_same_version_is_not_asked_for_its_contract,
    two_versions_get_two_verdicts,
    instances_of_one_version_are_asked_once,
    what_breaks_is_told,
    without_schemas_names_are_compared,
    other_deployments_are_left_out,
    nobody_is_an_error,
    a_foreign_service_is_told_apart,
    a_contract_that_cannot_be_read_leaves_the_names,
    instances_that_do_not_tell_are_not_waited_for_one_by_one,
}

macro_rules! version {
    ($version:ident, [$($options:tt)*], { $($methods:tt)* }) => {
        pub(crate) mod $version {
            #[nats_rpc::service(name = "shop", version = "1.0.0" $($options)*)]
            pub(crate) trait Shop {
                $($methods)*
            }

            pub(crate) struct Here;

            impl Shop for Here {}

            pub(crate) fn server() -> ShopServer<Here> {
                ShopServer::new(Here)
            }
        }
    };
}

version!(old, [, schema], {
    async fn order(&self, _item: &str) -> u32 { 1 }
    #[rpc(bare)]
    async fn restock(&self, _items: &[String]) {}
});
version!(new, [, schema], {
    async fn order(&self, _item: &str, #[serde(default)] _count: u16) -> u32 { 1 }
    #[rpc(bare)]
    async fn restock(&self, _items: &[String]) {}
    async fn cancel(&self, _order: u32) -> Result<(), String> { Ok(()) }
});
version!(broken, [, schema], {
    async fn order(&self, _item: u32) -> u32 { 1 }
    #[rpc(bare)]
    async fn restock(&self, _items: &[String]) {}
});
version!(undescribed, [], {
    async fn order(&self, _item: u32) -> u32 {
        1
    }
    #[rpc(bare)]
    async fn restock(&self, _goods: &[u8]) {}
});

/// How long instances may take to be found. There are as many as each test says, so that none waits for so long.
const WAIT: Duration = Duration::from_secs(20);

async fn check<C: ServiceClient + 'static>(bed: &Bed, instances: usize) -> CheckReport {
    Client::from(bed.connect().await).check::<C>().within(WAIT).at_most(instances).await.unwrap()
}

/// The reports by instance.
fn reports(checked: &CheckReport) -> Vec<(&str, &Report)> {
    let instances = checked.instances.iter();
    let compared = instances.map(|instance| match &instance.verdict {
        Verdict::Compared(report) => (instance.id.as_str(), report),
        other => panic!("{other:?}"),
    });
    compared.collect()
}

async fn start(bed: &Bed, service: impl nats_rpc::Service, id: &str) -> Server {
    bed.server_builder().await.add(service).id(id).start().await.unwrap()
}

async fn an_instance_of_the_same_version_is_not_asked_for_its_contract(bed: Bed) {
    let _server = start(&bed, old::server(), "one").await;
    let connection = bed.connect().await;
    let mut questions = connection.subscribe("shop._meta.>", None).await.unwrap();
    settle(&connection).await;
    let checked = check::<old::ShopClient>(&bed, 1).await;
    assert!(checked.is_compatible());
    let [("one", report)] = reports(&checked)[..] else { panic!("{checked}") };
    assert_eq!((report.basis, report.differences.len()), (Basis::Schema, 0));
    connection.publish(outbound("shop._meta.end", None, "")).await.unwrap();
    assert_eq!(questions.next().await.unwrap().subject.as_str(), "shop._meta.end");
}

async fn two_versions_get_two_verdicts(bed: Bed) {
    let _one = start(&bed, old::server(), "one").await;
    let _two = start(&bed, new::server(), "two").await;

    let checked = check::<old::ShopClient>(&bed, 2).await;
    assert!(checked.is_compatible(), "{checked}");
    let [("one", one), ("two", two)] = reports(&checked)[..] else { panic!("{checked}") };
    assert!(one.differences.is_empty());
    let found: Vec<_> =
        two.differences.iter().map(|found| (found.method.as_str(), found.place.as_str())).collect();
    assert_eq!(found, [("order", "parameters._count"), ("cancel", "")]);

    let checked = check::<new::ShopClient>(&bed, 2).await;
    assert!(!checked.is_compatible());
    let [("one", one), ("two", two)] = reports(&checked)[..] else { panic!("{checked}") };
    assert!(!one.is_compatible() && two.is_compatible(), "{checked}");
}

async fn instances_of_one_version_are_asked_once(bed: Bed) {
    let _one = start(&bed, new::server(), "one").await;
    let _two = start(&bed, new::server(), "two").await;
    let connection = bed.connect().await;
    let mut questions = connection.subscribe("shop._meta.>", None).await.unwrap();
    settle(&connection).await;
    let checked = check::<old::ShopClient>(&bed, 2).await;
    let [(_, one), (_, two)] = reports(&checked)[..] else { panic!("{checked}") };
    assert_eq!((one, one.basis), (two, Basis::Schema));
    connection.publish(outbound("shop._meta.end", None, "")).await.unwrap();
    assert_ne!(questions.next().await.unwrap().subject.as_str(), "shop._meta.end");
    assert_eq!(questions.next().await.unwrap().subject.as_str(), "shop._meta.end");
}

async fn what_breaks_is_told(bed: Bed) {
    let _server = start(&bed, broken::server(), "one").await;
    let checked = check::<old::ShopClient>(&bed, 1).await;
    assert!(!checked.is_compatible());
    assert_eq!(
        checked.to_string(),
        "one (version 1.0.0): breaking, compared by schema\n  \
         breaking: order parameters._item: a string may be written, where an integer (uint32) is read"
    );
}

async fn without_schemas_names_are_compared(bed: Bed) {
    let _server = start(&bed, undescribed::server(), "one").await;
    // The types differ, but nobody knows them.
    let checked = check::<old::ShopClient>(&bed, 1).await;
    assert!(checked.is_compatible(), "{checked}");
    let [("one", report)] = reports(&checked)[..] else { panic!("{checked}") };
    assert_eq!((report.basis, report.differences.len()), (Basis::Names, 0), "{checked}");

    let checked = check::<new::ShopClient>(&bed, 1).await;
    let [("one", report)] = reports(&checked)[..] else { panic!("{checked}") };
    let breaking: Vec<_> = report.differences.iter().filter(|found| found.method == "cancel").collect();
    assert_eq!((breaking.len(), report.is_compatible()), (1, false), "{checked}");

    let _described = start(&bed, new::server(), "two").await;
    let checked = check::<undescribed::ShopClient>(&bed, 2).await;
    assert!(reports(&checked).iter().all(|(_, report)| report.basis == Basis::Names), "{checked}");
    assert!(checked.is_compatible(), "{checked}");
}

async fn other_deployments_are_left_out(bed: Bed) {
    let _production = start(&bed, old::server(), "one").await;
    let builder = bed.server_builder().await.prefix("staging");
    let _staging = builder.add(broken::server()).id("two").start().await.unwrap();
    let checked = check::<old::ShopClient>(&bed, 2).await;
    assert_eq!(reports(&checked).iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["one"]);
    let staging = Client::builder(bed.connect().await).prefix("staging").build().unwrap();
    let checked = staging.check::<old::ShopClient>().within(WAIT).at_most(2).await.unwrap();
    assert_eq!(reports(&checked).iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["two"]);
    let testing = Client::builder(bed.connect().await).prefix("testing").build().unwrap();
    let nobody = testing.check::<old::ShopClient>().within(WAIT).at_most(2).await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NoResponders);
}

async fn nobody_is_an_error(bed: Bed) {
    let client = Client::from(bed.connect().await);
    let error = client.check::<old::ShopClient>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoResponders);
}

/// Answers one question of discovery with this, and the question for the contract with that.
async fn pretend(bed: &Bed, info: serde_json::Value, contract: &'static str) {
    let connection = bed.connect().await;
    let mut infos = connection.subscribe("$SRV.INFO.shop", None).await.unwrap();
    let mut contracts = connection.subscribe("shop._meta.fake", None).await.unwrap();
    settle(&connection).await;
    tokio::spawn(async move {
        let question = infos.next().await.unwrap();
        connection.publish(outbound(&question.reply.unwrap(), None, info.to_string())).await.unwrap();
        if let Some(question) = contracts.next().await {
            connection.publish(outbound(&question.reply.unwrap(), None, contract)).await.unwrap();
        }
    });
}

fn info(subject: &str, metadata: &serde_json::Value, endpoint: &serde_json::Value) -> serde_json::Value {
    json!({
        "type": "io.nats.micro.v1.info_response", "name": "shop", "id": "fake", "version": "0.1.0",
        "description": "", "metadata": metadata,
        "endpoints": [{ "name": "order", "subject": subject, "queue_group": "q", "metadata": endpoint }],
    })
}

async fn a_foreign_service_is_told_apart(bed: Bed) {
    let _server = start(&bed, old::server(), "one").await;
    pretend(&bed, info("order", &json!({}), &json!(null)), "").await;
    let checked = check::<old::ShopClient>(&bed, 2).await;
    assert_eq!(checked.instances[0].verdict, Verdict::Elsewhere);
    assert!(checked.is_compatible(), "{checked}");

    pretend(&bed, info("shop.order", &json!({}), &json!(null)), "").await;
    let checked = check::<old::ShopClient>(&bed, 2).await;
    assert_eq!((checked.instances.len(), &checked.instances[0].verdict), (2, &Verdict::Unknown));
    assert!(!checked.is_compatible(), "{checked}");

    // Endpoints of others may have wildcards.
    for (pattern, verdict) in
        [("shop.*", Verdict::Unknown), ("shop.>", Verdict::Unknown), ("shop.*.x", Verdict::Elsewhere)]
    {
        pretend(&bed, info(pattern, &json!({}), &json!(null)), "").await;
        assert_eq!(check::<old::ShopClient>(&bed, 2).await.instances[0].verdict, verdict, "{pattern}");
    }
}

async fn a_contract_that_cannot_be_read_leaves_the_names(bed: Bed) {
    let metadata = json!({ "nats-rpc.contract": "orders.delete" });
    let endpoint = json!({
        "nats-rpc.protocol": "1", "nats-rpc.codecs": "json,cbor", "nats-rpc.kind": "unary",
        "nats-rpc.parameters": "_item", "nats-rpc.fingerprint": "schema:0",
    });
    let connection = bed.connect().await;
    let mut deletions = connection.subscribe("orders.delete", None).await.unwrap();
    pretend(&bed, info("shop.order", &metadata, &endpoint), "[[[").await;
    let checked =
        Client::from(connection.clone()).check::<old::ShopClient>().within(WAIT).at_most(1).await.unwrap();
    let [("fake", report)] = reports(&checked)[..] else { panic!("{checked}") };
    assert_eq!(report.basis, Basis::Names);
    let breaking: Vec<_> = report.differences.iter().map(|found| found.method.as_str()).collect();
    assert_eq!(breaking, ["restock"]);
    // What it says about subjects leads the client nowhere.
    connection.publish(outbound("orders.delete", None, "end")).await.unwrap();
    assert_eq!(deletions.next().await.unwrap().payload, "end");
}

async fn instances_that_do_not_tell_are_not_waited_for_one_by_one(bed: Bed) {
    const FAKES: usize = 20;
    let connection = bed.connect().await;
    let mut infos = connection.subscribe("$SRV.INFO.shop", None).await.unwrap();
    let _silent = connection.subscribe("shop._meta.*", None).await.unwrap();
    settle(&connection).await;
    tokio::spawn(async move {
        let question = infos.next().await.unwrap();
        for number in 0..FAKES {
            let mut info = info(
                "shop.order",
                &json!({ "nats-rpc.contract": "shop._meta" }),
                &json!({ "nats-rpc.protocol": "1", "nats-rpc.fingerprint": format!("schema:{number}") }),
            );
            info["id"] = json!(format!("fake{number}"));
            let reply = question.reply.as_deref();
            connection.publish(outbound(reply.unwrap(), None, info.to_string())).await.unwrap();
        }
    });
    let client = Client::builder(bed.connect().await).timeout(Duration::from_millis(500)).build().unwrap();
    let began = std::time::Instant::now();
    let checked = client.check::<old::ShopClient>().within(WAIT).at_most(FAKES).await.unwrap();
    assert_eq!(checked.instances.len(), FAKES);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
