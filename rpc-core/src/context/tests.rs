//! A context ends with its call, unless it is detached.

use futures_util::FutureExt;

use super::*;
use crate::connection::Joining;
use crate::reply::{Audience, ContentType, Format, Replier};

fn context(budget: Duration) -> Context {
    let connection = crate::memory::Broker::new().connect();
    let reply = ReplyPath {
        replier: Arc::new(Replier { connection, instance: "i".into() }),
        to: None,
        joining: Joining::Lone,
        together: None,
        format: Format::Plain { codec: crate::Codec::Json, content_type: ContentType::Implied },
        audience: Audience::One,
    };
    Context::new(Arrival {
        subject: "s.m".into(),
        places: None,
        service: "s",
        method: "m",
        deadline: Deadline::after(budget),
        attempt: 1,
        headers: Headers::from_iter([("traceparent", "00-1")]),
        reply,
        span: None,
        calls: Bond::Bound,
    })
}

#[tokio::test(start_paused = true)]
async fn a_context_ends_at_its_deadline_or_before() {
    let cx = context(Duration::from_secs(2));
    assert!(cx.cancelled().now_or_never().is_none());
    tokio::time::timeout(Duration::from_millis(2001), cx.cancelled()).await.unwrap();
    assert!(cx.cancelled().now_or_never().is_some(), "it has passed already");

    let (cx, started) = (context(Duration::from_secs(2)), tokio::time::Instant::now());
    let waiting = tokio::spawn({
        let cx = cx.clone();
        async move { cx.cancelled().await }
    });
    let token = cx.cancellation().unwrap();
    cx.cancel();
    waiting.await.unwrap();
    assert!(token.is_cancelled() && cx.cancellation().unwrap().is_cancelled());
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_detached_context_keeps_the_trace_and_nothing_else() {
    let cx = context(Duration::from_secs(2));
    let detached = cx.detached();
    cx.cancel();
    assert!(detached.cancellation().is_none() && detached.inherited_deadline().is_none());
    assert!(tokio::time::timeout(Duration::from_secs(10_000), detached.cancelled()).await.is_err());
    assert!(detached.remaining() > Duration::from_secs(100_000_000));
    assert_eq!(detached.headers().get("traceparent"), Some("00-1"));
}
