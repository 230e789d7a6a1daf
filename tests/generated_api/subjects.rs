//! Values in subjects: of all types that can be there, under names that generated code has too, and in generic services.

#![allow(clippy::ptr_arg, reason = "all reference types are to be tested")]

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::str::FromStr;

use nats_rpc::{Context, ErrorKind, Service as _, ServiceClient as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::support::serve;

/// What has neither serde's traits nor those of text, and needs only these two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part(u8);

impl Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "part-{}", self.0)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("part-").and_then(|number| number.parse().ok());
        number.map(Part).ok_or_else(|| format!("{text:?} is no part"))
    }
}

#[nats_rpc::service]
pub(crate) trait Values {
    #[rpc(subject = "owned.{number}.{text}.{id}.x.{part}.{flag}")]
    async fn owned(&self, number: i64, text: String, id: Uuid, part: Part, flag: bool) -> String;
    /// Their order is another one in the subject.
    #[rpc(subject = "lent.{text}.{string}.{number}.{part}")]
    async fn lent(&self, part: &Part, number: &u64, string: &String, text: &str) -> String;
    #[rpc(subject = "both.{id}")]
    async fn both(
        &self,
        more: &[u8],
        id: u64,
        #[serde(default)] words: Vec<String>,
    ) -> Result<String, String>;
    #[rpc(bare, subject = "bare.{id}")]
    async fn bare(&self, id: u8, words: &[String]) -> usize;
    #[rpc(subject = "of.{type}")]
    async fn keyword(&self, cx: &Context, r#type: u8) -> Option<String>;
    #[rpc(oneway, subject = "seen.{text}")]
    async fn seen(&self, text: &str);
    #[rpc(subject = "v2.defaulted.{text}")]
    async fn defaulted(&self, text: &str) -> String {
        format!("default {text}")
    }
    #[rpc(subject = "v2.fixed")]
    async fn fixed(&self) -> u8;
}

struct Here;

impl Values for Here {
    async fn owned(&self, number: i64, text: String, id: Uuid, part: Part, flag: bool) -> String {
        format!("{number} {text} {id} {part} {flag}")
    }

    async fn lent(&self, part: &Part, number: &u64, string: &String, text: &str) -> String {
        format!("{part} {number} {string} {text}")
    }

    async fn both(&self, more: &[u8], id: u64, words: Vec<String>) -> Result<String, String> {
        Ok(format!("{id} {} {}", more.len(), words.concat()))
    }

    async fn bare(&self, id: u8, words: &[String]) -> usize {
        usize::from(id) + words.len()
    }

    async fn keyword(&self, cx: &Context, r#type: u8) -> Option<String> {
        cx.subject_value("type").map(|text| format!("{text} {type}"))
    }

    async fn seen(&self, text: &str) {
        assert_eq!(text, "seen");
    }

    async fn fixed(&self) -> u8 {
        7
    }
}

/// Every name that is that of a local in generated code, as one of the service or of an argument.
#[nats_rpc::service(subject = "clashing.{client}.{subject_values}.{value}.{new}.{Upper}")]
pub(crate) trait Clashing {
    #[rpc(subject = "locals.{call}.{args}.{service}.{stub}.{registry}.{name}.{this}")]
    #[allow(clippy::too_many_arguments)]
    async fn locals(
        &self,
        call: u8,
        args: &str,
        service: &u8,
        stub: u8,
        registry: u8,
        name: u8,
        this: u8,
        values: u8,
    ) -> String;
}

/// Those that the service above has for itself.
#[nats_rpc::service(name = "clashing-too")]
pub(crate) trait ClashingToo {
    #[rpc(subject = "more.{client}.{value}.{self_}.{values}.{S}")]
    #[allow(non_snake_case)]
    async fn more(&self, client: u8, value: u8, self_: u8, values: u8, S: u8, types: u8) -> u8;
}

impl Clashing for Here {
    async fn locals(
        &self,
        call: u8,
        args: &str,
        service: &u8,
        stub: u8,
        registry: u8,
        name: u8,
        this: u8,
        values: u8,
    ) -> String {
        format!("{call} {args} {service} {stub} {registry} {name} {this} {values}")
    }
}

impl ClashingToo for Here {
    #[allow(non_snake_case)]
    async fn more(&self, client: u8, value: u8, self_: u8, values: u8, S: u8, types: u8) -> u8 {
        client + value + self_ + values + S + types
    }
}

pub(crate) trait Key: Display + FromStr<Err: Display> + Send + Sync + 'static {}
impl<T: Display + FromStr<Err: Display> + Send + Sync + 'static> Key for T {}

pub(crate) trait Value: Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Value for T {}

#[nats_rpc::service(name = "cache", subject = "cache.{tenant}")]
pub(crate) trait Cache<K: Key, V: Value> {
    #[rpc(subject = "get.{key}")]
    async fn get(&self, cx: &Context, key: &K) -> String;
    #[rpc(subject = "put.{key}")]
    async fn put(&self, key: K, value: &V) -> bool;
}

impl<K: Key, V: Value> Cache<K, V> for Here {
    async fn get(&self, cx: &Context, key: &K) -> String {
        format!("{key} of {}", cx.subject_value("tenant").unwrap_or("nobody"))
    }

    async fn put(&self, key: K, _value: &V) -> bool {
        key.to_string().len() == 1
    }
}

#[tokio::test]
async fn values_arrive_whatever_their_type() {
    let served = serve(ValuesServer::new(Here)).await;
    let client: ValuesClient = served.client();

    let owned = client.owned(-5, "a_b".to_owned(), Uuid::nil(), Part(3), true).await.unwrap();
    assert_eq!(owned, format!("-5 a_b {} part-3 true", Uuid::nil()));
    assert_eq!(client.lent(&Part(1), &2, &"three".to_owned(), "four").await.unwrap(), "part-1 2 three four");
    assert_eq!(client.both(b"abc", 17, vec!["w".to_owned()]).await.unwrap(), "17 3 w");
    assert_eq!(client.bare(40, &["w".to_owned()]).await.unwrap(), 41);
    assert_eq!(client.keyword(5).await.unwrap().as_deref(), Some("5 5"));
    client.seen("seen").acked().await.unwrap();
    assert_eq!(client.defaulted("text").await.unwrap(), "default text");
    assert_eq!(client.fixed().await.unwrap(), 7);
}

#[tokio::test]
async fn values_that_are_no_tokens_are_refused() {
    let served = serve(ValuesServer::new(Here)).await;
    let client: ValuesClient = served.client();
    for bad in ["", "a.b", "*", ">", "_a", "a b", "a\r\nPUB"] {
        let error = client.defaulted(bad).await.unwrap_err();
        assert_eq!(error.rpc().map(nats_rpc::Error::kind), Some(ErrorKind::InvalidArgument), "{bad:?}");
        let error = ClashingClient::new(served.connect(), "a", "b", "c", bad, "d").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
    }
    let error = ClashingClient::from_client(served.connect().into(), &["a"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn the_description_has_the_subjects_and_what_is_in_the_body() {
    assert_eq!(
        ClashingClient::descriptor().subject(),
        "clashing.{client}.{subject_values}.{value}.{new}.{Upper}"
    );
    let methods = ValuesClient::descriptor().methods().iter().map(|method| {
        let parameters: Vec<_> = method.parameters().iter().map(|parameter| parameter.name()).collect();
        (method.name(), method.subject(), parameters)
    });
    let methods: Vec<_> = methods.filter(|(_, _, parameters)| !parameters.is_empty()).collect();
    assert_eq!(methods, [("both", "both.{id}", vec!["more", "words"]), ("bare", "bare.{id}", vec!["words"])]);
}

#[tokio::test]
async fn names_of_locals_are_free() {
    let server = ClashingServer::new(Here).with_client("a").with_new("d").with_value("c").with_Upper("e");
    let served = serve(server.clone()).await;
    let client = ClashingClient::new(served.connect(), "a", "b", "c", "d", "e").unwrap();
    assert_eq!(client.locals(1, "2", &3, 4, 5, 6, 7, 8).await.unwrap(), "1 2 3 4 5 6 7 8");

    let served = serve(ClashingTooServer::new(Here)).await;
    assert_eq!(served.client::<ClashingTooClient>().more(1, 2, 3, 4, 5, 6).await.unwrap(), 21);
}

#[test]
fn a_server_tells_the_values_that_it_serves() {
    let all = ClashingServer::new(Here);
    assert!(all.subject_values().is_empty());
    let some = all.with_new("first").with_client(String::from("a")).with_new("last");
    let expected = [("client", "a".to_owned()), ("new", "last".to_owned())];
    assert_eq!(some.clone().subject_values(), expected);
    assert_eq!(format!("{some:?}"), "ClashingServer { .. }");
}

#[tokio::test]
async fn a_generic_service_has_values_of_its_types() {
    let served = serve(CacheServer::<_, u32, String>::new(Here).with_tenant("acme")).await;
    let cache = CacheClient::<u32, String>::new(served.connect(), "acme").unwrap();
    assert_eq!(cache.clone().get(&17).await.unwrap(), "17 of acme");
    assert!(cache.put(1, &"one".to_owned()).await.unwrap());

    let other = CacheClient::<u32, String>::new(served.connect(), "other").unwrap();
    let error = other.get(&17).await.unwrap_err();
    assert_eq!(error.rpc().map(nats_rpc::Error::kind), Some(ErrorKind::NoResponders));
}

/// The error of a call is that of any other method.
#[tokio::test]
async fn a_call_with_values_is_a_call_like_any_other() {
    fn is_call(_: &nats_rpc::Call<String, Infallible>) {}
    let served = serve(ValuesServer::new(Here)).await;
    let call = {
        let client: ValuesClient = served.client();
        client.lent(&Part(1), &2, &"three".to_owned(), "four").header("a", "b")
    };
    is_call(&call);
    assert_eq!(tokio::spawn(call).await.unwrap().unwrap(), "part-1 2 three four");
}
