//! The spans that a subscriber of `tracing` sees.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::bed::{DeskClient, Site, StockClient};

/// A span that has been seen: its name, its parent's name, and its fields.
#[derive(Debug, Clone, Default, PartialEq)]
struct Seen {
    name: String,
    parent: Option<String>,
    fields: BTreeMap<String, String>,
    closed: bool,
}

impl Seen {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// The text of an event, and the name of the span that it happened in.
type Happened = (String, Option<String>);

/// Keeps what happens to spans of this library, and the spans of other events.
#[derive(Clone, Default)]
struct Recorder {
    spans: Arc<Mutex<Vec<(Id, Seen)>>>,
    events: Arc<Mutex<Vec<Happened>>>,
}

impl Recorder {
    /// The spans so far, of both sides of calls of a method.
    fn of(&self, method: &str) -> Vec<Seen> {
        let spans = self.spans.lock().unwrap();
        let of_method = spans.iter().filter(|(_, seen)| seen.field("rpc.method") == Some(method));
        of_method.map(|(_, seen)| seen.clone()).collect()
    }

    /// The only span of this name for a method, once it is closed.
    async fn closed(&self, name: &str, method: &str) -> Seen {
        for _ in 0..400 {
            let found = self.of(method).into_iter().find(|seen| seen.name == name && seen.closed);
            match found {
                Some(seen) => return seen,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("no {name} of {method} is closed: {:?}", self.of(method));
    }
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != "nats_rpc" {
            return;
        }
        let parent = context.span(id).unwrap().parent().map(|parent| parent.name().to_owned());
        let mut seen = Seen { name: attributes.metadata().name().to_owned(), parent, ..Seen::default() };
        attributes.record(&mut Fields(&mut seen.fields));
        self.spans.lock().unwrap().push((id.clone(), seen));
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, _: Context<'_, S>) {
        if let Some((_, seen)) = self.spans.lock().unwrap().iter_mut().rfind(|(own, _)| own == id) {
            record.record(&mut Fields(&mut seen.fields));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        if let Some((_, seen)) = self.spans.lock().unwrap().iter_mut().rfind(|(own, _)| *own == id) {
            seen.closed = true;
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let within = context.event_span(event).map(|span| span.name().to_owned());
        self.events.lock().unwrap().push((fields.remove("message").unwrap_or_default(), within));
    }
}

/// Runs a test in a runtime of one thread, all of whose spans go to the recorder.
fn observed<F: Future<Output = ()>>(test: impl FnOnce(Recorder, Site) -> F, site: Site) {
    let recorder = Recorder::default();
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(test(recorder, site)));
}

on_both_brokers! { observed:
    a_call_has_a_span_on_each_side,
    each_end_of_a_call_is_named,
    what_a_handler_does_belongs_to_its_call,
    a_call_that_is_dropped_says_so,
}

async fn a_call_has_a_span_on_each_side(recorder: Recorder, site: Site) {
    let _servers = site.serve().await;
    let stock = StockClient::new(site.connect().await);
    stock.take("lamp").await.unwrap();
    for (name, kind) in [("client_call", "client"), ("server_call", "server")] {
        let span = recorder.closed(name, "take").await;
        assert_eq!(span.field("rpc.system"), Some("nats-rpc"));
        assert_eq!(span.field("rpc.service"), Some("stock"));
        assert_eq!(span.field("rpc.instance"), Some("s"), "{name}");
        assert_eq!(span.field("rpc.outcome"), Some("ok"), "{name}");
        assert_eq!(span.field("otel.name"), Some("stock/take"));
        assert_eq!(span.field("otel.kind"), Some(kind));
        assert_eq!(span.field("otel.status_code"), None);
    }
    assert_eq!(recorder.of("take").len(), 2);
}

async fn each_end_of_a_call_is_named(recorder: Recorder, site: Site) {
    let [_desk, stock_server] = site.serve().await;
    let connection = site.connect().await;
    let (desk, stock) = (DeskClient::new(&connection), StockClient::new(&connection));
    stock.take("chair").await.unwrap_err();
    for name in ["client_call", "server_call"] {
        let span = recorder.closed(name, "take").await;
        assert_eq!(span.field("rpc.outcome"), Some("service_error"), "{name}");
        assert_eq!(span.field("rpc.instance"), Some("s"), "{name}");
    }
    desk.sleep(10_000).timeout(Duration::from_millis(50)).await.unwrap_err();
    for name in ["client_call", "server_call"] {
        let span = recorder.closed(name, "sleep").await;
        assert_eq!(span.field("rpc.outcome"), Some("deadline_exceeded"), "{name}");
        assert_eq!(span.field("otel.status_code"), Some("ERROR"), "{name}");
    }
    desk.note("x").await.unwrap();
    assert_eq!(recorder.closed("client_call", "note").await.field("rpc.outcome"), Some("ok"));
    assert_eq!(recorder.closed("server_call", "note").await.field("rpc.outcome"), Some("ok"));
    stock_server.shutdown().await;
    let closed = recorder.of("take").len();
    stock.take("lamp").retry(nats_rpc::Retry::off()).await.unwrap_err();
    let spans = recorder.of("take");
    assert_eq!(spans.len(), closed + 1, "nobody else has the call");
    assert_eq!(spans[closed].field("rpc.outcome"), Some("no_responders"));
}

async fn what_a_handler_does_belongs_to_its_call(recorder: Recorder, site: Site) {
    let _servers = site.serve().await;
    let desk = DeskClient::new(site.connect().await);
    desk.order("lamp").await.unwrap();
    desk.order_later("lamp").await.unwrap();
    let within = recorder.events.lock().unwrap().iter().find(|(text, _)| text == "a clerk looks").cloned();
    assert_eq!(within.unwrap().1.as_deref(), Some("server_call"));
    let nested = recorder.of("take").into_iter().filter(|seen| seen.name == "client_call");
    let parents: Vec<_> = nested.map(|seen| seen.parent).collect();
    let server = Some("server_call".to_owned());
    assert_eq!(parents, [server.clone(), server], "also in a task of its own");
}

async fn a_call_that_is_dropped_says_so(recorder: Recorder, site: Site) {
    let _servers = site.serve().await;
    let desk = DeskClient::new(site.connect().await);
    drop(desk.order("lamp"));
    assert_eq!(recorder.closed("client_call", "order").await.field("rpc.outcome"), None, "it never began");
    let call = desk.sleep(60_000).timeout(Duration::from_secs(120));
    tokio::time::timeout(Duration::from_millis(600), call).await.unwrap_err();
    assert_eq!(recorder.closed("client_call", "sleep").await.field("rpc.outcome"), Some("dropped"));
    let server = recorder.closed("server_call", "sleep").await;
    assert_eq!(server.field("rpc.outcome"), Some("dropped"), "it was cancelled");
}

/// Nobody listens: there is no span to make.
#[test]
fn what_nobody_observes_is_not_made() {
    let recorder = Recorder::default();
    let off = tracing_subscriber::registry().with(
        recorder
            .clone()
            .with_filter(tracing_subscriber::filter::filter_fn(|metadata| metadata.target() != "nats_rpc")),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(off, || {
        runtime.block_on(async {
            let site = Site::memory();
            let _servers = site.serve().await;
            DeskClient::new(site.connect().await).order("lamp").await.unwrap();
        });
    });
    assert!(recorder.spans.lock().unwrap().is_empty());
}
