//! The section "Permissions per region" of docs/security.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{Connection, Context, Error, ErrorKind, Execution, Server, connect_with};
use tests::{NatsServer, Version};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::bed::{Refusals, assert_denied, eventually, failure, publish};
use crate::document;

const USERS: [&str; 5] = ["orders_eu", "orders_us", "shop_eu", "customer_17", "head_office"];

/// The number of an order that takes until the test says so.
const LONG: u64 = 1000;

/// The service of the section.
#[nats_rpc::service(name = "orders", subject = "orders.{region}")]
trait Orders {
    #[rpc(subject = "get.{number}")]
    async fn get(&self, cx: &Context, number: u64) -> String;
    async fn count(&self) -> usize;
}

#[derive(Clone, Default)]
struct Desk {
    started: Arc<AtomicUsize>,
    release: Arc<Notify>,
}

impl Orders for Desk {
    async fn get(&self, cx: &Context, number: u64) -> String {
        self.started.fetch_add(1, Ordering::SeqCst);
        if number == LONG {
            self.release.notified().await;
        }
        format!("order {number} of {}", cx.subject_value("region").unwrap_or_default())
    }

    async fn count(&self) -> usize {
        self.started.fetch_add(1, Ordering::SeqCst);
        100
    }
}

/// A NATS server with the permissions that are printed, and what ran.
struct Regions {
    nats: NatsServer,
    desk: Desk,
}

impl Regions {
    fn new(version: Version) -> Self {
        // The users' passwords are their names.
        let passwords = USERS.map(|user| format!("{}_PASSWORD: {user}", user.to_uppercase()));
        let config = document::config(&["orders.eu.>"]);
        let nats =
            NatsServer::builder().version(version).config(&passwords.join("\n")).config(config).start();
        Regions { nats, desk: Desk::default() }
    }

    async fn connect(&self, user: &str) -> Connection {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
        let options = options.custom_inbox_prefix(format!("_INBOX_{user}"));
        connect_with(options, self.nats.url()).await.unwrap()
    }

    /// Serves a region, or all of them, as a user.
    async fn serve(&self, user: &str, region: Option<&str>) -> Result<Server, Error> {
        let orders = OrdersServer::new(self.desk.clone());
        let orders = match region {
            Some(region) => orders.with_region(region),
            None => orders,
        };
        Server::builder(self.connect(user).await).add(orders).start().await
    }

    /// Calls of a user.
    async fn caller(&self, user: &str, region: &str) -> OrdersClient {
        OrdersClient::new(self.connect(user).await, region).unwrap()
    }

    fn started(&self) -> usize {
        self.desk.started.load(Ordering::SeqCst)
    }
}

/// Makes two tests of each case, one for each version of nats-server.
macro_rules! on_both_versions {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use tests::Version::{Current, Oldest};

            #[tokio::test]
            async fn on_nats_server() {
                super::$case(super::Regions::new(Current)).await;
            }

            #[tokio::test]
            async fn on_the_oldest_nats_server() {
                super::$case(super::Regions::new(Oldest)).await;
            }
        })+
    };
}

on_both_versions! {
    callers_have_their_own_region,
    a_caller_of_one_record_gets_no_other,
    all_regions_are_called_by_who_may,
    a_user_of_one_region_serves_no_other,
    calls_are_cancelled_within_a_region,
    values_do_not_widen_a_subject,
}

async fn callers_have_their_own_region(regions: Regions) {
    let _eu = regions.serve("orders_eu", Some("eu")).await.unwrap();
    let _us = regions.serve("orders_us", Some("us")).await.unwrap();
    let (eu, us) = (regions.caller("shop_eu", "eu").await, regions.caller("shop_eu", "us").await);
    assert_eq!(eu.get(17).await.unwrap(), "order 17 of eu");
    assert_eq!(eu.count().await.unwrap(), 100);
    let begun = Instant::now();
    assert_denied(us.get(17).timeout(Duration::from_secs(60)).await);
    assert_denied(us.count().timeout(Duration::from_secs(60)).await);
    assert!(begun.elapsed() < Duration::from_secs(20), "at once");
    assert_denied(eu.count().at("any").await);
    assert_eq!(regions.started(), 2);
}

async fn a_caller_of_one_record_gets_no_other(regions: Regions) {
    let _eu = regions.serve("orders_eu", Some("eu")).await.unwrap();
    let eu = regions.caller("customer_17", "eu").await;
    assert_eq!(eu.get(17).await.unwrap(), "order 17 of eu");
    assert_denied(eu.get(18).await);
    assert_denied(eu.count().await);
    assert_denied(regions.caller("customer_17", "us").await.get(17).await);
    assert_eq!(regions.started(), 1);
}

async fn all_regions_are_called_by_who_may(regions: Regions) {
    let _eu = [
        regions.serve("orders_eu", Some("eu")).await.unwrap(),
        regions.serve("orders_eu", Some("eu")).await.unwrap(),
    ];
    let _us = regions.serve("orders_us", Some("us")).await.unwrap();
    for (region, instances) in [("eu", 2), ("us", 1)] {
        let orders = regions.caller("head_office", region).await;
        assert_eq!(orders.get(17).await.unwrap(), format!("order 17 of {region}"));
        let counts = orders.count().gather().at_most(instances).collect_map().await.unwrap();
        assert_eq!(counts.len(), instances);
    }
    let asia = regions.caller("head_office", "asia").await;
    assert_eq!(failure(asia.count().await).kind(), ErrorKind::NoResponders);
}

async fn a_user_of_one_region_serves_no_other(regions: Regions) {
    for (region, subject) in [(Some("us"), "\"orders.us."), (None, "\"orders.*.")] {
        let begun = Instant::now();
        let error = regions.serve("orders_eu", region).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.message().contains(subject), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(4), "at once");
    }
    // Callers are no service at all.
    let error = regions.serve("shop_eu", Some("eu")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

async fn calls_are_cancelled_within_a_region(regions: Regions) {
    let eu = regions.serve("orders_eu", Some("eu")).await.unwrap();
    let orders = regions.caller("shop_eu", "eu").await;
    let call = tokio::spawn(orders.get(LONG).timeout(Duration::from_secs(60)).into_future());
    eventually("it runs", || regions.started() == 1).await;
    // It is long once its caller has heard who has it.
    tokio::time::sleep(Duration::from_millis(750)).await;
    call.abort();
    eventually("it is cancelled", || eu.counters().cancelled == 1).await;
}

async fn values_do_not_widen_a_subject(regions: Regions) {
    let eu = regions.serve("orders_eu", Some("eu")).await.unwrap();
    let connection = regions.connect("shop_eu").await;
    for value in ["eu.>", "*", ">", "", "eu.count", "e u", "_all"] {
        let error = OrdersClient::new(connection.clone(), value).unwrap_err();
        assert_eq!(
            (error.kind(), error.execution()),
            (ErrorKind::InvalidArgument, Execution::NotExecuted),
            "{value}: {error}"
        );
    }
    // What another client makes of it is refused by the NATS server, or by the service.
    let mut refusals = Refusals::of(&connection);
    publish(&connection, "orders.us.get.17", Some("_INBOX_shop_eu.x.y"), "").await;
    assert!(format!("{:?}", refusals.next().await).contains("orders.us.get.17"));
    for subject in ["orders.eu.get.x", "orders.eu.get._17"] {
        publish(&connection, subject, Some("_INBOX_shop_eu.x.y"), "").await;
    }
    OrdersClient::new(connection, "eu").unwrap().count().await.unwrap();
    eu.shutdown().await;
    assert_eq!(regions.started(), 1);
}
