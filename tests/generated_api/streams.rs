//! Streams in both directions: what they may borrow, how they fail, and what their items travel as.

use std::convert::Infallible;
use std::fmt::Display;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::{
    CallError, ClientStreamingCall, Context, Incoming, MethodKind, ServiceClient as _, Streaming,
    StreamingCall,
};

use crate::support::serve;

/// Its error is known, as that of most modules is.
pub(crate) type Result<T> = std::result::Result<T, String>;

#[nats_rpc::service]
pub(crate) trait Feed {
    fn nothing(&self) -> impl Stream<Item = ()>;
    fn borrowing(&self, cx: &Context, prefix: &str, times: &u8) -> impl Stream<Item = String>;
    fn failing(&self, after: u8) -> impl Stream<Item = Result<u8>>;
    fn bytes(&self, chunk: &[u8]) -> impl Stream<Item = Bytes>;
    fn failing_bytes(&self, chunk: Vec<u8>) -> impl Stream<Item = std::result::Result<Option<Vec<u8>>, u8>>;
    async fn opened(&self, cx: &Context, last: &u8) -> Result<impl Stream<Item = u8>>;
    async fn opened_failing(&self, last: u8) -> Result<impl Stream<Item = Result<u8>>>;
    async fn opened_bytes(&self, open: bool) -> std::result::Result<impl Stream<Item = Vec<u8>> + Unpin, u8>;

    async fn sum(&self, numbers: Incoming<u64>) -> u64;
    async fn quiet(&self, cx: &Context, numbers: Incoming<u64>);
    async fn upload(&self, name: &str, chunks: Incoming<Bytes>) -> Result<u64>;
    #[rpc(no_cancel)]
    async fn hold(&self, chunks: Incoming<Option<Vec<u8>>>) -> Option<Vec<u8>>;
    #[rpc(bare, subject = "joined.{with}")]
    async fn joined(&self, with: &str, first: &str, more: Incoming<String>) -> String;

    fn doubled(&self, numbers: Incoming<u64>) -> impl Stream<Item = u64>;
    #[rpc(subject = "copied.{times}")]
    async fn copied(
        &self,
        times: usize,
        chunks: Incoming<Vec<u8>>,
    ) -> Result<impl Stream<Item = Result<Bytes>>>;

    fn default_stream(&self, last: u8) -> impl Stream<Item = u8> {
        stream::iter(1..=last).chain(self.default_further())
    }
    fn default_further(&self) -> impl Stream<Item = u8> {
        stream::iter([0])
    }
    async fn default_opened(&self, last: u8) -> Result<impl Stream<Item = u8>> {
        if last == 0 {
            return Err(format!("{:?}", self.sum_of(0).await));
        }
        Ok(self.default_stream(last).map(|number| number * 2))
    }
    async fn default_sum(&self, mut_numbers: Incoming<u8>) -> Result<u8> {
        let mut numbers = mut_numbers;
        let mut sum = self.sum_of(0).await;
        while let Some(number) = numbers.next().await {
            sum += number.map_err(|error| error.to_string())?;
        }
        Ok(sum)
    }
    async fn sum_of(&self, start: u8) -> u8 {
        start
    }
}

struct Here {
    words: Vec<String>,
}

fn here() -> FeedServer<Here> {
    FeedServer::new(Here { words: ["one", "two", "three"].map(str::to_owned).into() })
}

impl Feed for Here {
    fn nothing(&self) -> impl Stream<Item = ()> {
        stream::empty()
    }

    fn borrowing(&self, cx: &Context, prefix: &str, times: &u8) -> impl Stream<Item = String> {
        let begins = move |word: &&String| word.starts_with(prefix);
        let times = stream::iter(0..*times).map(move |number| format!("{prefix}{number}{}", cx.method()));
        times.chain(stream::iter(self.words.iter().filter(begins).cloned()))
    }

    fn failing(&self, after: u8) -> impl Stream<Item = Result<u8>> {
        stream::iter((0..after).map(Ok)).chain(stream::iter([Err("over".to_owned()), Ok(99)]))
    }

    fn bytes(&self, chunk: &[u8]) -> impl Stream<Item = Bytes> {
        stream::iter(chunk).map(|byte| Bytes::copy_from_slice(&[*byte]))
    }

    fn failing_bytes(&self, chunk: Vec<u8>) -> impl Stream<Item = std::result::Result<Option<Vec<u8>>, u8>> {
        stream::iter([Ok(Some(chunk)), Ok(None), Err(7)])
    }

    async fn opened(&self, cx: &Context, last: &u8) -> Result<impl Stream<Item = u8>> {
        if *last == 0 {
            return Err(cx.method().to_owned());
        }
        Ok(stream::iter(0..).take_while(move |number| std::future::ready(number <= last)))
    }

    async fn opened_failing(&self, last: u8) -> Result<impl Stream<Item = Result<u8>>> {
        if last == 0 { Err("not opened".to_owned()) } else { Ok(self.failing(last)) }
    }

    async fn opened_bytes(&self, open: bool) -> std::result::Result<impl Stream<Item = Vec<u8>> + Unpin, u8> {
        open.then(|| stream::iter([b"a".to_vec(), Vec::new()])).ok_or(3)
    }

    async fn sum(&self, numbers: Incoming<u64>) -> u64 {
        numbers.try_fold(0, |sum, number| async move { Ok(sum + number) }).await.unwrap()
    }

    async fn quiet(&self, cx: &Context, mut numbers: Incoming<u64>) {
        while let Some(number) = numbers.next().await {
            assert!(number.is_ok(), "in {}", cx.method());
        }
    }

    async fn upload(&self, name: &str, chunks: Incoming<Bytes>) -> Result<u64> {
        let bytes = chunks.try_fold(0, |bytes, chunk| async move { Ok(bytes + chunk.len()) }).await;
        match bytes.unwrap() {
            0 => Err(format!("{name} is empty")),
            bytes => Ok(bytes as u64),
        }
    }

    async fn hold(&self, chunks: Incoming<Option<Vec<u8>>>) -> Option<Vec<u8>> {
        let chunks: Vec<_> = chunks.try_collect().await.unwrap();
        chunks.into_iter().collect::<Option<Vec<_>>>().map(|chunks| chunks.concat())
    }

    async fn joined(&self, with: &str, first: &str, more: Incoming<String>) -> String {
        let mut words: Vec<String> = more.try_collect().await.unwrap();
        words.insert(0, first.to_owned());
        words.join(with)
    }

    fn doubled(&self, numbers: Incoming<u64>) -> impl Stream<Item = u64> {
        numbers.map(|number| number.unwrap() * 2)
    }

    async fn copied(
        &self,
        times: usize,
        chunks: Incoming<Vec<u8>>,
    ) -> Result<impl Stream<Item = Result<Bytes>>> {
        if times == 0 {
            return Err("no copies".to_owned());
        }
        Ok(chunks.map(move |chunk| chunk.map(|chunk| chunk.repeat(times).into()).map_err(|e| e.to_string())))
    }
}

/// All that a stream has, up to its end or its error.
pub(crate) async fn all<T, E: Display>(
    opened: std::result::Result<Streaming<T, E>, CallError<E>>,
) -> (Vec<T>, Option<String>) {
    let mut items = Vec::new();
    let mut stream = match opened {
        Ok(stream) => stream,
        Err(error) => return (items, Some(format!("not opened: {error}"))),
    };
    while let Some(item) = stream.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => return (items, Some(error.to_string())),
        }
    }
    (items, None)
}

pub(crate) fn failed(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn results_come_as_a_stream() {
    let served = serve(here()).await;
    let feed: FeedClient = served.client();

    assert_eq!(all(feed.nothing().await).await, (vec![], None));
    let words = ["t0borrowing", "t1borrowing", "two", "three"].map(str::to_owned);
    assert_eq!(all(feed.borrowing("t", &2).await).await, (words.into(), None));
    assert_eq!(all(feed.failing(3).await).await, (vec![0, 1, 2], failed("over")));
    assert_eq!(all(feed.bytes(b"ab").await).await, (vec![Bytes::from("a"), Bytes::from("b")], None));
    let bytes = vec![Some(b"ab".to_vec()), None];
    assert_eq!(all(feed.failing_bytes(b"ab".to_vec()).await).await, (bytes, failed("7")));
}

#[tokio::test]
async fn opening_a_stream_can_fail() {
    let served = serve(here()).await;
    let feed: FeedClient = served.client();

    assert_eq!(all(feed.opened(&2).await).await, (vec![0, 1, 2], None));
    assert!(matches!(feed.opened(&0).await, Err(CallError::Service(error)) if error == "opened"));
    assert_eq!(all(feed.opened_failing(2).await).await, (vec![0, 1], failed("over")));
    assert_eq!(all(feed.opened_failing(0).await).await, (vec![], failed("not opened: not opened")));
    assert_eq!(all(feed.opened_bytes(true).await).await, (vec![b"a".to_vec(), vec![]], None));
    assert!(matches!(feed.opened_bytes(false).await, Err(CallError::Service(3))));
}

#[tokio::test]
async fn a_caller_can_stream() {
    let served = serve(here()).await;
    let feed: FeedClient = served.client();

    assert_eq!(feed.sum(stream::iter([1, 2, 3])).await.unwrap(), 6);
    feed.quiet(stream::empty()).await.unwrap();
    let chunks = [Bytes::from("ab"), Bytes::from("c")];
    assert_eq!(feed.upload("it", stream::iter(chunks)).await.unwrap(), 3);
    let error = feed.upload("it", stream::empty()).await.unwrap_err();
    assert!(matches!(error, CallError::Service(error) if error == "it is empty"));
    let held = feed.hold(stream::iter([Some(b"a".to_vec()), Some(b"b".to_vec())])).await.unwrap();
    assert_eq!(held.as_deref(), Some(&b"ab"[..]));
    assert_eq!(feed.hold(stream::iter([None])).await.unwrap(), None);
    let words = stream::iter(["b".to_owned(), "c".to_owned()]);
    assert_eq!(feed.joined("-", "a", words).await.unwrap(), "a-b-c");
}

#[tokio::test]
async fn both_can_stream() {
    let served = serve(here()).await;
    let feed: FeedClient = served.client();

    assert_eq!(all(feed.doubled(stream::iter([1, 2])).await).await, (vec![2, 4], None));
    let chunks = || stream::iter([b"ab".to_vec(), b"c".to_vec()]);
    let copied = vec![Bytes::from("abab"), Bytes::from("cc")];
    assert_eq!(all(feed.copied(2, chunks()).await).await, (copied, None));
    assert_eq!(all(feed.copied(0, chunks()).await).await, (vec![], failed("not opened: no copies")));
}

#[tokio::test]
async fn a_default_body_streams() {
    let served = serve(here()).await;
    let feed: FeedClient = served.client();

    assert_eq!(all(feed.default_stream(2).await).await, (vec![1, 2, 0], None));
    assert_eq!(all(feed.default_opened(2).await).await, (vec![2, 4, 0], None));
    assert_eq!(all(feed.default_opened(0).await).await, (vec![], failed("not opened: 0")));
    assert_eq!(feed.default_sum(stream::iter([1, 2])).await.unwrap(), 3);
}

/// What a client has depends on the types that are written, and not on how they are.
#[tokio::test]
async fn calls_are_typed() {
    fn streams<T, E>(_: StreamingCall<T, E>) {}
    fn answers<T, E>(_: ClientStreamingCall<T, E>) {}

    let served = serve(here()).await;
    let feed: FeedClient = served.client();
    streams::<(), Infallible>(feed.nothing());
    streams::<u8, String>(feed.failing(1));
    streams::<Option<Vec<u8>>, u8>(feed.failing_bytes(Vec::new()));
    streams::<u8, String>(feed.opened(&1));
    streams::<u8, String>(feed.opened_failing(1));
    answers::<u64, Infallible>(feed.sum(stream::empty()));
    answers::<u64, String>(feed.upload("", stream::empty()));
    streams::<Bytes, String>(feed.copied(1, stream::empty()));
}

#[tokio::test]
async fn calls_outlive_their_client_and_their_arguments() {
    let served = serve(here()).await;
    let (opening, sending) = {
        let feed: FeedClient = served.client();
        let (prefix, name) = ("t".to_owned(), "it".to_owned());
        (feed.borrowing(&prefix, &0), feed.upload(&name, stream::iter([Bytes::from("a")])))
    };
    assert_eq!(all(tokio::spawn(opening).await.unwrap()).await.0, ["two", "three"]);
    assert_eq!(tokio::spawn(sending).await.unwrap().unwrap(), 1);
}

#[test]
fn methods_are_described_by_their_streams() {
    let methods = FeedClient::descriptor().methods();
    let kind = |name: &str| methods.iter().find(|method| method.name() == name).map(|method| method.kind());
    assert_eq!(kind("bytes"), Some(MethodKind::ServerStreaming));
    assert_eq!(kind("opened"), Some(MethodKind::ServerStreaming));
    assert_eq!(kind("quiet"), Some(MethodKind::ClientStreaming));
    assert_eq!(kind("doubled"), Some(MethodKind::BidiStreaming));
    assert_eq!(kind("copied"), Some(MethodKind::BidiStreaming));
    assert_eq!(kind("sum_of"), Some(MethodKind::Unary));
    let parameters = |name: &str| -> Vec<_> {
        let method = methods.iter().find(|method| method.name() == name).unwrap();
        method.parameters().iter().map(|parameter| parameter.name()).collect()
    };
    assert_eq!(parameters("upload"), ["name"], "what is streamed is no argument");
    assert_eq!(parameters("joined"), ["first"]);
}
