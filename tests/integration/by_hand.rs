//! Services that are written without the macro.

use std::collections::HashMap;

use nats_rpc::{
    CallError, ErrorKind, Execution, Method, MethodRegistry, RawCall, Service, ServiceDescriptor,
};

use crate::bed::{Bed, assert_failed, raw_request};
use crate::on_every_broker;

on_every_broker! {
    a_service_must_match_its_description,
    a_service_can_be_written_by_hand,
    the_error_of_a_nested_call_says_nothing_about_its_handler,
    a_panic_before_the_future_exists_is_a_panic_like_any_other,
}

/// A service whose registration is a function.
struct ByHand<F>(F);

static BY_HAND: ServiceDescriptor = ServiceDescriptor::new("by-hand", &[Method::unary("join")]);

impl<F: Fn(&mut MethodRegistry) + Send + Sync + 'static> Service for ByHand<F> {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &BY_HAND
    }

    fn register(&self, registry: &mut MethodRegistry) {
        self.0(registry);
    }
}

/// The same as a trait, for its client.
#[nats_rpc::service(name = "by-hand")]
trait Joiner {
    async fn join(&self, words: Vec<String>) -> String;
}

fn join(registry: &mut MethodRegistry, name: &'static str) {
    registry.method(name, |call: RawCall| async move {
        let [words]: [Vec<String>; 1] = call.decode()?;
        call.reply(words.join(" "))
    });
}

async fn a_service_must_match_its_description(bed: Bed) {
    for handlers in [&[][..], &["other"], &["join", "other"], &["join", "join"]] {
        let service =
            ByHand(|registry: &mut MethodRegistry| handlers.iter().for_each(|name| join(registry, name)));
        let error = bed.server_builder().await.add(service).start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{handlers:?}: {error}");
    }
}

async fn a_service_can_be_written_by_hand(bed: Bed) {
    let service = ByHand(|registry: &mut MethodRegistry| join(registry, "join"));
    let _server = bed.server_builder().await.add(service).start().await.unwrap();
    let answer = raw_request(&bed.connect().await, "by-hand.join", &[], r#"[["a","b"]]"#).await;
    assert_eq!(answer.payload, "\"a b\"");
}

/// The nested call was not executed; the handler that made it has been.
async fn the_error_of_a_nested_call_says_nothing_about_its_handler(bed: Bed) {
    let missing = bed.client().await;
    let service = ByHand(move |registry: &mut MethodRegistry| {
        let missing = missing.clone();
        registry.method("join", move |call: RawCall| {
            let missing = missing.clone();
            async move {
                match missing.echo("anybody?").await {
                    Ok(text) => call.reply(text),
                    Err(CallError::Rpc(error)) => Err(error),
                    Err(CallError::Service(never)) => match never {},
                }
            }
        });
    });
    let _server = bed.server_builder().await.add(service).start().await.unwrap();
    let result = JoinerClient::new(bed.connect().await).join(Vec::new()).await;
    let error = assert_failed(result, ErrorKind::Unavailable, Execution::MaybeExecuted);
    assert!(!error.is_retryable());
}

async fn a_panic_before_the_future_exists_is_a_panic_like_any_other(bed: Bed) {
    let service = ByHand(|registry: &mut MethodRegistry| {
        registry.method("join", |call: RawCall| {
            let arguments: HashMap<String, Vec<String>> = call.decode().unwrap();
            let words = arguments["words"].join(" ");
            assert!(!words.is_empty(), "nothing to join");
            async move { call.reply(words) }
        });
    });
    let server = bed.server_builder().await.add(service).start().await.unwrap();
    let joiner = JoinerClient::new(bed.connect().await);
    for cheap_calls in [0, 300] {
        for _ in 0..cheap_calls {
            joiner.join(vec!["a".to_owned()]).await.unwrap();
        }
        assert_failed(joiner.join(Vec::new()).await, ErrorKind::Internal, Execution::MaybeExecuted);
    }
    assert_eq!(server.counters().panicked, 2);
    assert_eq!(joiner.join(vec!["still there".to_owned()]).await.unwrap(), "still there");
}
