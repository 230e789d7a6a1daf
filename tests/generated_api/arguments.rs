//! Every way to take an argument: owned, lent, as bytes, with serde's options, from the context.

#![allow(clippy::ptr_arg, reason = "all reference types are to be tested")]

use std::collections::BTreeMap;

use bytes::Bytes;
use nats_rpc::Context;
use serde::{Deserialize, Serialize};

use crate::support::serve;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    x: i32,
    y: i32,
}

/// A codec as users write them for serde's `with`.
mod hexadecimal {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

fn upper<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text.to_uppercase())
}

fn reversed<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.chars().rev().collect())
}

fn nobody() -> String {
    "nobody".to_owned()
}

#[nats_rpc::service]
pub(crate) trait Everything {
    async fn owned(&self, text: String, number: u64, point: Point, list: Vec<Point>) -> String;
    async fn lent(
        &self,
        text: &str,
        point: &Point,
        list: &[Point],
        string: &String,
        array: &[u8; 2],
    ) -> String;
    async fn nested(&self, map: &BTreeMap<String, Vec<Option<u8>>>, pair: &(u8, String)) -> usize;
    async fn bytes(
        &self,
        lent: &[u8],
        vec: Vec<u8>,
        bytes: Bytes,
        lent_bytes: &Bytes,
        lent_vec: &Vec<u8>,
    ) -> Bytes;
    async fn maybe_bytes(
        &self,
        vec: Option<Vec<u8>>,
        bytes: Option<Bytes>,
        lent: &Option<Bytes>,
    ) -> Option<Bytes>;
    async fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    async fn refuse(&self, bytes: &[u8]) -> Result<Vec<u8>, String>;
    async fn coded(&self, #[serde(with = "hexadecimal")] number: u32) -> u32;
    async fn coded_lent(&self, #[serde(with = "hexadecimal")] number: &u32) -> u32;
    async fn named(
        &self,
        #[serde(rename = "type", alias = "kind")] of: &str,
        #[serde(default)] more: u8,
    ) -> String;
    async fn defaulted(&self, #[serde(default = "nobody")] name: &str) -> String;
    async fn one_sided(
        &self,
        #[serde(serialize_with = "upper")] loud: &str,
        #[serde(deserialize_with = "reversed")] back: &str,
    ) -> String;
    #[rpc(bare)]
    async fn bare(&self, point: &Point) -> i32;
    #[rpc(bare)]
    async fn bare_text(&self, text: &str) -> usize;
    #[rpc(bare)]
    async fn bare_bytes(&self, bytes: Option<Bytes>) -> bool;
    async fn context(&self, cx: &Context) -> String;
    async fn context_unused(&self, _: &Context, number: u8) -> u8;
    async fn nothing(&self);
}

struct Here;

impl Everything for Here {
    async fn owned(&self, text: String, number: u64, point: Point, list: Vec<Point>) -> String {
        format!("{text} {number} {point:?} {}", list.len())
    }

    async fn lent(
        &self,
        text: &str,
        point: &Point,
        list: &[Point],
        string: &String,
        array: &[u8; 2],
    ) -> String {
        format!("{text} {point:?} {} {string} {array:?}", list.len())
    }

    async fn nested(&self, map: &BTreeMap<String, Vec<Option<u8>>>, pair: &(u8, String)) -> usize {
        map.len() + pair.1.len()
    }

    async fn bytes(
        &self,
        lent: &[u8],
        vec: Vec<u8>,
        bytes: Bytes,
        lent_bytes: &Bytes,
        lent_vec: &Vec<u8>,
    ) -> Bytes {
        [lent, &vec, &bytes, lent_bytes, lent_vec].concat().into()
    }

    async fn maybe_bytes(
        &self,
        vec: Option<Vec<u8>>,
        bytes: Option<Bytes>,
        lent: &Option<Bytes>,
    ) -> Option<Bytes> {
        assert_eq!(vec, None);
        bytes.or_else(|| lent.clone())
    }

    async fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    async fn refuse(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        String::from_utf8(bytes.to_vec()).map(String::into_bytes).map_err(|error| error.to_string())
    }

    async fn coded(&self, number: u32) -> u32 {
        number
    }

    async fn coded_lent(&self, number: &u32) -> u32 {
        *number
    }

    async fn named(&self, of: &str, more: u8) -> String {
        format!("{of} {more}")
    }

    async fn defaulted(&self, name: &str) -> String {
        name.to_owned()
    }

    async fn one_sided(&self, loud: &str, back: &str) -> String {
        format!("{loud} {back}")
    }

    async fn bare(&self, point: &Point) -> i32 {
        point.x + point.y
    }

    async fn bare_text(&self, text: &str) -> usize {
        text.len()
    }

    async fn bare_bytes(&self, bytes: Option<Bytes>) -> bool {
        bytes.is_some()
    }

    async fn context(&self, cx: &Context) -> String {
        cx.method().to_owned()
    }

    async fn context_unused(&self, _: &Context, number: u8) -> u8 {
        number
    }

    async fn nothing(&self) {}
}

#[tokio::test]
async fn owned_arguments_are_moved_and_lent_ones_are_lent() {
    let served = serve(EverythingServer::new(Here)).await;
    let client: EverythingClient = served.client();
    let point = Point { x: 1, y: 2 };

    let owned = client.owned("a".to_owned(), 7, point.clone(), vec![point.clone()]).await.unwrap();
    assert_eq!(owned, "a 7 Point { x: 1, y: 2 } 1");

    let lent =
        client.lent("a", &point, std::slice::from_ref(&point), &"b".to_owned(), &[3, 4]).await.unwrap();
    assert_eq!(lent, "a Point { x: 1, y: 2 } 1 b [3, 4]");

    let map = BTreeMap::from([("k".to_owned(), vec![Some(1), None])]);
    assert_eq!(client.nested(&map, &(1, "text".to_owned())).await.unwrap(), 5);
    client.nothing().await.unwrap();
}

#[tokio::test]
async fn bytes_arrive_whatever_type_holds_them() {
    let served = serve(EverythingServer::new(Here)).await;
    let client: EverythingClient = served.client();

    let all =
        client.bytes(b"a", b"b".to_vec(), Bytes::from("c"), &Bytes::from("d"), &b"e".to_vec()).await.unwrap();
    assert_eq!(all, "abcde");
    assert_eq!(
        client.maybe_bytes(None, Some(Bytes::from("x")), &None).await.unwrap(),
        Some(Bytes::from("x"))
    );
    assert_eq!(
        client.maybe_bytes(None, None, &Some(Bytes::from("y"))).await.unwrap(),
        Some(Bytes::from("y"))
    );
    assert_eq!(client.maybe_bytes(None, None, &None).await.unwrap(), None);
    assert_eq!(client.echo(b"\x00\x01").await.unwrap(), b"\x00\x01");
    assert_eq!(client.refuse(b"fine").await.unwrap(), b"fine");
    assert!(client.refuse(b"\xff").await.is_err());
}

#[tokio::test]
async fn options_of_serde_apply_to_the_argument() {
    let served = serve(EverythingServer::new(Here)).await;
    let client: EverythingClient = served.client();

    assert_eq!(client.coded(0xbeef).await.unwrap(), 0xbeef);
    assert_eq!(client.coded_lent(&0xbeef).await.unwrap(), 0xbeef);
    assert_eq!(client.named("rose", 2).await.unwrap(), "rose 2");
    assert_eq!(client.defaulted("Ann").await.unwrap(), "Ann");
    assert_eq!(client.one_sided("loud", "back").await.unwrap(), "LOUD kcab");
}

#[tokio::test]
async fn a_bare_argument_is_the_whole_message() {
    let served = serve(EverythingServer::new(Here)).await;
    let client: EverythingClient = served.client();

    assert_eq!(client.bare(&Point { x: 3, y: 4 }).await.unwrap(), 7);
    assert_eq!(client.bare_text("four").await.unwrap(), 4);
    assert!(!client.bare_bytes(None).await.unwrap());
    assert!(client.bare_bytes(Some(Bytes::from("x"))).await.unwrap());
}

#[tokio::test]
async fn the_context_is_no_argument_of_the_client() {
    let served = serve(EverythingServer::new(Here)).await;
    let client: EverythingClient = served.client();

    assert!(client.context().await.is_ok());
    assert_eq!(client.context_unused(5).await.unwrap(), 5);
}
