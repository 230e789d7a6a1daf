//! Traces that cross services, with OpenTelemetry.

use nats_rpc::{Client, Codec};
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::bed::{DeskClient, Site, StockClient};

/// Runs a test in a runtime of one thread, all of whose spans are exported to memory.
fn traced<F: Future<Output = ()>>(test: impl FnOnce(InMemorySpanExporter, Site) -> F, site: Site) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(test(exporter, site)));
}

/// The finished span of this name and kind.
fn find(exporter: &InMemorySpanExporter, name: &str, kind: &SpanKind) -> SpanData {
    let spans = exporter.get_finished_spans().unwrap();
    let mut found = spans.iter().filter(|span| span.name == name && span.span_kind == *kind);
    found.next().unwrap_or_else(|| panic!("{name} {kind:?} among {spans:?}")).clone()
}

fn id(span: &SpanData) -> SpanId {
    span.span_context.span_id()
}

fn trace(span: &SpanData) -> TraceId {
    span.span_context.trace_id()
}

on_both_brokers! { traced:
    nested_calls_are_children_across_services,
    a_detached_task_keeps_the_trace,
    a_plain_call_continues_and_carries_the_trace,
    without_a_span_of_its_own_a_call_has_a_trace_of_its_own,
    a_trace_costs_no_call_its_headers,
    names_of_headers_may_be_capitalized,
}

async fn nested_calls_are_children_across_services(exporter: InMemorySpanExporter, site: Site) {
    let servers = site.serve().await;
    let desk = DeskClient::new(site.connect().await);
    // A call belongs to the span that it is made in.
    let request = async { desk.order("lamp").await.unwrap() };
    request.instrument(tracing::info_span!("request")).await;
    desk.order("chair").await.unwrap_err();
    for server in servers {
        server.shutdown().await;
    }
    let chain = [
        ("request", SpanKind::Internal),
        ("desk/order", SpanKind::Client),
        ("desk/order", SpanKind::Server),
        ("stock/take", SpanKind::Client),
        ("stock/take", SpanKind::Server),
    ];
    let spans: Vec<_> = chain.iter().map(|(name, kind)| find(&exporter, name, kind)).collect();
    for pair in spans.windows(2) {
        assert_eq!(trace(&pair[0]), trace(&pair[1]));
        assert_eq!(id(&pair[0]), pair[1].parent_span_id, "{} below {}", pair[1].name, pair[0].name);
    }
    let far = [&spans[2], &spans[4]].map(|span| span.parent_span_is_remote);
    assert_eq!(far, [true, true], "the parents of server spans are elsewhere");
    assert!(spans.iter().all(|span| span.status == Status::Unset));
    let all = exporter.get_finished_spans().unwrap();
    assert!(all.iter().any(|span| trace(span) != trace(&spans[0])), "the second call is another trace");
}

async fn a_detached_task_keeps_the_trace(exporter: InMemorySpanExporter, site: Site) {
    let servers = site.serve().await;
    DeskClient::new(site.connect().await).order_later("lamp").await.unwrap();
    for server in servers {
        server.shutdown().await;
    }
    let server = find(&exporter, "desk/order_later", &SpanKind::Server);
    let nested = find(&exporter, "stock/take", &SpanKind::Client);
    assert_eq!((trace(&server), id(&server)), (trace(&nested), nested.parent_span_id));
}

async fn a_plain_call_continues_and_carries_the_trace(exporter: InMemorySpanExporter, site: Site) {
    let servers = site.serve().await;
    let client = Client::builder(site.connect().await).plain().codec(Codec::Json).build().unwrap();
    let stock = StockClient::new(&client);
    let response = stock.take("lamp").detailed().await.unwrap();
    let seen = response.headers().get("seen").unwrap().to_owned();
    for server in servers {
        server.shutdown().await;
    }
    let (client, server) =
        (find(&exporter, "stock/take", &SpanKind::Client), find(&exporter, "stock/take", &SpanKind::Server));
    assert_eq!((trace(&client), id(&client)), (trace(&server), server.parent_span_id));
    assert_eq!(seen, format!("00-{}-{}-01", trace(&client), id(&client)), "W3C Trace Context");
}

async fn without_a_span_of_its_own_a_call_has_a_trace_of_its_own(exporter: InMemorySpanExporter, site: Site) {
    let servers = site.serve().await;
    let stock = StockClient::new(site.connect().await);
    // What a caller says itself is continued, and what it says wrong is not.
    let (given, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let header = format!("00-{given}-{parent}-01");
    stock.take("lamp").header("traceparent", header).header("tracestate", "a=1").await.unwrap();
    stock.take("lamp").header("traceparent", "nonsense").await.unwrap();
    for server in servers {
        server.shutdown().await;
    }
    let spans = exporter.get_finished_spans().unwrap();
    let servers: Vec<_> = spans.iter().filter(|span| span.span_kind == SpanKind::Server).collect();
    assert_eq!(trace(servers[0]).to_string(), given);
    assert_eq!(servers[0].parent_span_id.to_string(), parent);
    assert_eq!(servers[0].span_context.trace_state().header(), "a=1");
    assert_eq!(servers[1].parent_span_id, SpanId::INVALID);
}

/// Who observes a call must not make it fail: as many headers as may travel leave no place for a trace.
async fn a_trace_costs_no_call_its_headers(_: InMemorySpanExporter, site: Site) {
    let _servers = site.serve().await;
    let connection = site.connect().await;
    let framed = StockClient::new(&connection);
    let plain = StockClient::new(Client::builder(&connection).plain().build().unwrap());
    for stock in [framed, plain] {
        let many = (0..62).fold(stock.take("lamp"), |call, number| call.header(format!("h{number}"), "x"));
        assert_eq!(many.await.unwrap(), 7);
        let large = "x".repeat(8 * 1024 - 60);
        assert_eq!(stock.take("lamp").header("h", large).await.unwrap(), 7);
    }
}

/// Clients in Go write the names of headers as HTTP does.
async fn names_of_headers_may_be_capitalized(exporter: InMemorySpanExporter, site: Site) {
    let servers = site.serve().await;
    let stock = StockClient::new(site.connect().await);
    let (given, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let header = format!("00-{given}-{parent}-01");
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        stock.take("lamp").header("Traceparent", header)
    })
    .await
    .unwrap();
    for server in servers {
        server.shutdown().await;
    }
    let server = find(&exporter, "stock/take", &SpanKind::Server);
    assert_eq!(
        (trace(&server).to_string(), server.parent_span_id.to_string()),
        (given.into(), parent.into())
    );
}
