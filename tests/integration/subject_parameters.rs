//! Values in subjects, from the trait to the message and back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nats_rpc::{CallError, Context, ErrorKind, Execution, Server};
use serde_json::{Value, json};

use crate::bed::{Bed, assert_failed, assert_plain_error, eventually, raw_request};
use crate::wires::on_every_wire;

on_every_wire! {
    a_handler_sees_the_values,
    tagged calls_reach_those_who_serve_their_value,
    tagged nobody_serves_another_value,
    a_client_refuses_what_is_no_token,
    a_server_refuses_values_that_are_no_tokens,
    a_server_refuses_what_it_cannot_read,
    a_plain_call_has_its_values_in_the_subject,
    one_instance_gets_the_call_that_is_for_it,
    every_instance_gets_what_is_broadcast,
    no_message_is_for_two_services_of_a_server,
}

#[nats_rpc::service(subject = "orders.{region}")]
trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, cx: &Context, id: u64) -> String;
    #[rpc(subject = "items.{order}.by.{name}")]
    async fn rename(&self, cx: &Context, name: &str, to: &str, order: &u64) -> Result<String, String>;
    #[rpc(oneway, broadcast, subject = "forget.{id}")]
    async fn forget(&self, id: u64);
}

/// The same service as somebody sees it who takes numbers for text.
#[nats_rpc::service(name = "orders", subject = "orders.{region}")]
trait Texts {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, id: &str) -> String;
}

/// Counts what was started.
#[derive(Clone, Default)]
struct Shop(Arc<AtomicUsize>);

impl Shop {
    fn started(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn value<'a>(cx: &'a Context, name: &str) -> &'a str {
    cx.subject_value(name).expect("the subject has it")
}

impl Orders for Shop {
    async fn get(&self, cx: &Context, id: u64) -> String {
        self.0.fetch_add(1, Ordering::SeqCst);
        format!("{} {id} {}", value(cx, "region"), value(cx, "id"))
    }

    async fn rename(&self, cx: &Context, name: &str, to: &str, order: &u64) -> Result<String, String> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if name == to {
            return Err(format!("{to} again"));
        }
        Ok(format!("{} {order} {name} {to}", value(cx, "region")))
    }

    async fn forget(&self, _id: u64) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A server of all regions.
async fn serve_all(bed: &Bed, shop: &Shop) -> Server {
    let server = bed.server_builder().await.id("all");
    server.add(OrdersServer::new(shop.clone())).start().await.unwrap()
}

/// A server of one region, called like it.
async fn serve_region(bed: &Bed, shop: &Shop, region: &str) -> Server {
    let server = bed.server_builder().await.id(region);
    server.add(OrdersServer::new(shop.clone()).with_region(region)).start().await.unwrap()
}

async fn client(bed: &Bed, region: &str) -> OrdersClient {
    OrdersClient::new(bed.connect().await, region).unwrap()
}

async fn a_handler_sees_the_values(bed: Bed) {
    let _server = serve_all(&bed, &Shop::default()).await;
    for region in ["eu", "us"] {
        let orders = client(&bed, region).await;
        assert_eq!(orders.get(17).await.unwrap(), format!("{region} 17 17"));
        assert_eq!(orders.rename("pen", "pencil", &3).await.unwrap(), format!("{region} 3 pen pencil"));
        match orders.rename("pen", "pen", &3).await {
            Err(CallError::Service(error)) => assert_eq!(error, "pen again"),
            other => panic!("{other:?}"),
        }
    }
}

/// Each call is executed once, by one of those who serve it.
async fn calls_reach_those_who_serve_their_value(bed: Bed) {
    let shop = Shop::default();
    let _servers = (serve_all(&bed, &shop).await, serve_region(&bed, &shop, "eu").await);
    let instances = async |region| {
        let orders = client(&bed, region).await;
        let mut instances = BTreeSet::new();
        for id in 0..50 {
            let response = orders.get(id).detailed().await.unwrap();
            instances.extend(response.instance().map(str::to_owned));
        }
        instances
    };
    assert_eq!(instances("us").await, BTreeSet::from(["all".to_owned()]));
    assert_eq!(instances("eu").await, BTreeSet::from(["all".to_owned(), "eu".to_owned()]));
    assert_eq!(shop.started(), 100);
}

async fn nobody_serves_another_value(bed: Bed) {
    let _server = serve_region(&bed, &Shop::default(), "eu").await;
    let orders = client(&bed, "us").await;
    let result = orders.get(17).retry(nats_rpc::Retry::off()).await;
    assert_failed(result, ErrorKind::NoResponders, Execution::NotExecuted);
}

const NO_TOKENS: [&str; 7] = ["", "a b", "*", ">", "a.b", "_a", "a\r\nPUB b 0\r\n"];

async fn a_client_refuses_what_is_no_token(bed: Bed) {
    let shop = Shop::default();
    let _server = serve_all(&bed, &shop).await;
    let orders = client(&bed, "eu").await;
    for bad in NO_TOKENS {
        let error = OrdersClient::new(bed.connect().await, bad).unwrap_err();
        assert_eq!(
            (error.kind(), error.execution()),
            (ErrorKind::InvalidArgument, Execution::NotExecuted),
            "{bad:?}"
        );
        let result = orders.rename(bad, "pen", &3).await;
        assert_failed(result, ErrorKind::InvalidArgument, Execution::NotExecuted);
    }
    assert_eq!(shop.started(), 0);
}

async fn a_server_refuses_values_that_are_no_tokens(bed: Bed) {
    for bad in NO_TOKENS {
        let server = bed.server_builder().await.add(OrdersServer::new(Shop::default()).with_region(bad));
        let error = server.start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
    }
}

async fn a_server_refuses_what_it_cannot_read(bed: Bed) {
    let shop = Shop::default();
    let _server = serve_all(&bed, &shop).await;
    let connection = bed.connect().await;
    // No number, too large a number, none of these, and a region that nobody could choose.
    for subject in
        ["orders.eu.get.many", "orders.eu.get.18446744073709551616", "orders.eu.get.-1", "orders.$eu.get.1"]
    {
        let answer = raw_request(&connection, subject, &[], "").await;
        assert_plain_error(&answer, "400", "0");
    }
    let texts = TextsClient::new(connection, "eu").unwrap();
    let error = assert_failed(texts.get("many").await, ErrorKind::InvalidArgument, Execution::NotExecuted);
    assert!(error.to_string().contains("\"many\""), "{error}");
    assert_eq!(texts.get("17").await.unwrap(), "eu 17 17");
    assert_eq!(shop.started(), 1);
}

async fn a_plain_call_has_its_values_in_the_subject(bed: Bed) {
    let _server = serve_all(&bed, &Shop::default()).await;
    let connection = bed.connect().await;
    let answer = raw_request(&connection, "orders.eu.get.17", &[], "").await;
    assert_eq!(answer.payload, "\"eu 17 17\"");
    for body in [r#"{"to": "pencil"}"#, r#"["pencil"]"#] {
        let answer = raw_request(&connection, "orders.us.items.3.by.pen", &[], body).await;
        assert_eq!(
            serde_json::from_slice::<Value>(&answer.payload).unwrap(),
            json!("us 3 pen pencil"),
            "{body}"
        );
    }
}

async fn one_instance_gets_the_call_that_is_for_it(bed: Bed) {
    let shop = Shop::default();
    let _servers = (serve_all(&bed, &shop).await, serve_region(&bed, &shop, "eu").await);
    let orders = client(&bed, "eu").await;
    for instance in ["all", "eu", "all"] {
        let response = orders.get(17).at(instance).detailed().await.unwrap();
        assert_eq!(response.instance(), Some(instance));
        assert_eq!(response.into_inner(), "eu 17 17");
    }
    let elsewhere = client(&bed, "us").await.get(17).at("eu").retry(nats_rpc::Retry::off()).await;
    assert_failed(elsewhere, ErrorKind::NoResponders, Execution::NotExecuted);
    assert_eq!(shop.started(), 3);
}

async fn every_instance_gets_what_is_broadcast(bed: Bed) {
    let shops = [Shop::default(), Shop::default(), Shop::default()];
    let [all, eu, us] = &shops;
    let _servers =
        (serve_all(&bed, all).await, serve_region(&bed, eu, "eu").await, serve_region(&bed, us, "us").await);
    let orders = client(&bed, "eu").await;
    orders.forget(17).await.unwrap();
    eventually("both servers of the region have it", || all.started() == 1 && eu.started() == 1).await;
    orders.forget(18).at("eu").await.unwrap();
    eventually("one has the other", || eu.started() == 2).await;
    assert_eq!((all.started(), us.started()), (1, 0));
}

#[nats_rpc::service(subject = "a")]
trait Short {
    #[rpc(subject = "b.hello")]
    async fn hello(&self) -> u8;
}

#[nats_rpc::service(subject = "a.b")]
trait Long {
    async fn hello(&self) -> u8;
}

/// A method of it would get the probes of `a`.
#[nats_rpc::service(subject = "a.{x}")]
trait Wild {
    async fn any(&self) -> u8;
}

struct One;

impl Short for One {
    async fn hello(&self) -> u8 {
        1
    }
}

impl Long for One {
    async fn hello(&self) -> u8 {
        2
    }
}

impl Wild for One {
    async fn any(&self) -> u8 {
        3
    }
}

async fn no_message_is_for_two_services_of_a_server(bed: Bed) {
    let short = || ShortServer::new(One);
    for builder in [
        bed.server_builder().await.add(short()).add(LongServer::new(One)),
        bed.server_builder().await.add(short()).add(WildServer::new(One)),
        bed.server_builder().await.add(WildServer::new(One).with_x("eu")).add(WildServer::new(One)),
    ] {
        let error = builder.start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    let both = bed.server_builder().await;
    let both = both.add(WildServer::new(One).with_x("eu")).add(WildServer::new(One).with_x("us"));
    both.start().await.unwrap().shutdown().await;
}
