//! Counters, gauges and histograms, as Prometheus reads them.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use nats_rpc::Retry;

use crate::bed::{DeskClient, Site, StockClient};

/// Runs a test in a runtime of one thread, all of whose metrics go to a recorder of its own.
fn recorded<F: Future<Output = ()>>(test: impl FnOnce(PrometheusHandle, Site) -> F, site: Site) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(test(handle, site)));
}

#[test]
fn calls_are_counted_and_timed_on_memory() {
    recorded(calls_are_counted_and_timed, Site::memory());
}

#[test]
fn calls_are_counted_and_timed_on_nats_server() {
    recorded(calls_are_counted_and_timed, Site::nats());
}

/// The value of a line of the page, by the beginning of the line.
#[track_caller]
fn value(page: &str, line: &str) -> f64 {
    let found = page.lines().find_map(|candidate| candidate.strip_prefix(line));
    let found = found.unwrap_or_else(|| panic!("{line} is not in\n{page}"));
    found.trim().parse().unwrap()
}

async fn calls_are_counted_and_timed(handle: PrometheusHandle, site: Site) {
    let _servers = site.serve().await;
    let connection = site.connect().await;
    let (desk, stock) = (DeskClient::new(&connection), StockClient::new(&connection));
    stock.take("lamp").await.unwrap();
    stock.take("lamp").await.unwrap();
    stock.take("chair").await.unwrap_err();
    let held = [desk.sleep(500), desk.sleep(500)].map(|call| tokio::spawn(call.into_future()));
    // Two places are taken, and none is left to wait in.
    let labels = "{service=\"desk\",method=\"sleep\"}";
    let mut page = handle.render();
    for _ in 0..200 {
        if page.contains(&format!("nats_rpc_server_in_flight{labels} 2")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        page = handle.render();
    }
    assert_eq!(value(&page, &format!("nats_rpc_server_in_flight{labels}")), 2.0);
    assert_eq!(value(&page, &format!("nats_rpc_client_in_flight{labels}")), 2.0);
    desk.sleep(1).retry(Retry::off()).await.unwrap_err();
    for held in held {
        held.await.unwrap().unwrap();
    }
    let page = handle.render();
    for side in ["client", "server"] {
        let calls = |service: &str, method: &str, outcome: &str| {
            let labels = format!("{{service=\"{service}\",method=\"{method}\",outcome=\"{outcome}\"}}");
            value(&page, &format!("nats_rpc_{side}_calls_total{labels}"))
        };
        assert_eq!(calls("stock", "take", "ok"), 2.0, "{side}");
        assert_eq!(calls("stock", "take", "service_error"), 1.0, "{side}");
        assert_eq!(calls("desk", "sleep", "ok"), 2.0, "{side}");
        assert_eq!(calls("desk", "sleep", "overloaded"), 1.0, "{side}");
        assert_eq!(value(&page, &format!("nats_rpc_{side}_in_flight{labels}")), 0.0, "{side}");
    }
    for name in ["server_handler", "server_queue_wait", "client_call"] {
        let line = |part| format!("nats_rpc_{name}_seconds_{part}{labels}");
        let calls = if name == "client_call" { 3.0 } else { 2.0 };
        assert_eq!(value(&page, &line("count")), calls, "{name}");
        let took = value(&page, &line("sum"));
        assert_eq!(took > 0.9, name != "server_queue_wait", "{name} took {took} s");
    }
    assert!(!page.contains("panic"), "there are no lines about what never happened");
}
