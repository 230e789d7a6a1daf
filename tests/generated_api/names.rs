//! Names that are also those of generated items and locals, keywords, and methods of every type.

#![allow(non_camel_case_types)]
#![allow(clippy::too_many_arguments, clippy::upper_case_acronyms, clippy::wrong_self_convention)]

use nats_rpc::ServiceClient as _;

use crate::support::serve;

/// The helpers of the generated code, as types of the user's.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Send_hello(u8);

pub(crate) type METHODS = u8;
pub(crate) type DESCRIPTOR = u8;

#[nats_rpc::service(name = "names")]
pub(crate) trait Clashing {
    async fn locals(
        &self,
        call: u8,
        args: u8,
        service: u8,
        registry: u8,
        stub: u8,
        client: u8,
        this: u8,
    ) -> u8;
    async fn more_locals(
        &self,
        formatter: u8,
        reply: u8,
        context: u8,
        types: u8,
        methods: u8,
        descriptor: u8,
    ) -> u8;
    async fn lent(&self, call: &str, args: &[u8], service: &u8, self_: &str) -> usize;
    async fn types(&self, methods: METHODS, descriptor: DESCRIPTOR, hello: Send_hello) -> Send_hello;
    async fn keywords(&self, r#type: u8, r#match: &str) -> String;
    async fn r#move(&self, r#async: u8) -> u8;
    #[rpc(name = "renamed-on_wire1")]
    async fn renamed(&self) -> u8;
    async fn get_it(&self, one: u8) -> u8;
    #[allow(non_snake_case)]
    async fn getIt(&self, two: u8) -> u8;
    #[allow(non_snake_case)]
    async fn get__it(&self, three: u8) -> u8;
}

/// Methods that `Arc`, the client and its traits have too.
#[nats_rpc::service(schema)]
pub(crate) trait Common {
    async fn client(&self) -> u8;
    async fn descriptor(&self) -> u8;
    async fn contract(&self) -> u8;
    async fn role(&self) -> u8;
    async fn description(&self) -> u8;
    async fn from_client(&self) -> u8;
    async fn register(&self) -> u8;
    async fn fmt(&self) -> u8;
    async fn borrow(&self) -> u8;
    async fn as_ref(&self) -> u8;
    async fn deref(&self) -> u8;
    async fn to_string(&self) -> u8;
    async fn drop(&self) -> u8;
    async fn call(&self) -> u8;
    async fn stub(&self) -> u8;
    async fn service(&self) -> u8;
    async fn hash(&self) -> u8;
}

struct Here;

impl Clashing for Here {
    async fn locals(
        &self,
        call: u8,
        args: u8,
        service: u8,
        registry: u8,
        stub: u8,
        client: u8,
        this: u8,
    ) -> u8 {
        call + args + service + registry + stub + client + this
    }

    async fn more_locals(
        &self,
        formatter: u8,
        reply: u8,
        context: u8,
        types: u8,
        methods: u8,
        descriptor: u8,
    ) -> u8 {
        formatter + reply + context + types + methods + descriptor
    }

    async fn lent(&self, call: &str, args: &[u8], service: &u8, self_: &str) -> usize {
        call.len() + args.len() + usize::from(*service) + self_.len()
    }

    async fn types(&self, methods: u8, descriptor: u8, hello: Send_hello) -> Send_hello {
        Send_hello(methods + descriptor + hello.0)
    }

    async fn keywords(&self, r#type: u8, r#match: &str) -> String {
        format!("{type} {match}")
    }

    async fn r#move(&self, r#async: u8) -> u8 {
        r#async
    }

    async fn renamed(&self) -> u8 {
        1
    }

    async fn get_it(&self, one: u8) -> u8 {
        one
    }

    async fn getIt(&self, two: u8) -> u8 {
        two
    }

    async fn get__it(&self, three: u8) -> u8 {
        three
    }
}

macro_rules! common {
    ($($method:ident)*) => {
        impl Common for Here {
            $(async fn $method(&self) -> u8 { 1 })*
        }
    };
}

common! {
    client descriptor from_client register fmt borrow as_ref deref to_string drop call stub service hash contract role description
}

#[tokio::test]
async fn names_of_locals_are_free() {
    let served = serve(ClashingServer::new(Here)).await;
    let client: ClashingClient = served.client();

    assert_eq!(client.locals(1, 1, 1, 1, 1, 1, 1).await.unwrap(), 7);
    assert_eq!(client.more_locals(1, 1, 1, 1, 1, 1).await.unwrap(), 6);
    assert_eq!(client.lent("a", b"b", &1, "c").await.unwrap(), 4);
    assert_eq!(client.types(1, 2, Send_hello(3)).await.unwrap(), Send_hello(6));
}

#[tokio::test]
async fn keywords_can_be_names() {
    let served = serve(ClashingServer::new(Here)).await;
    let client: ClashingClient = served.client();

    assert_eq!(client.keywords(1, "x").await.unwrap(), "1 x");
    assert_eq!(client.r#move(2).await.unwrap(), 2);
    let methods: Vec<_> = ClashingClient::descriptor().methods().iter().map(|method| method.name()).collect();
    assert!(methods.contains(&"move") && methods.contains(&"renamed-on_wire1"), "{methods:?}");
}

#[tokio::test]
async fn similar_names_stay_apart() {
    let served = serve(ClashingServer::new(Here)).await;
    let client: ClashingClient = served.client();

    assert_eq!(client.get_it(1).await.unwrap(), 1);
    assert_eq!(client.getIt(2).await.unwrap(), 2);
    assert_eq!(client.get__it(3).await.unwrap(), 3);
}

#[tokio::test]
async fn methods_of_common_traits_are_free() {
    #[allow(unused_imports)]
    use std::{borrow::Borrow as _, ops::Deref as _};

    let served = serve(CommonServer::new(Here)).await;
    let common: CommonClient = served.client();
    for call in [common.client(), common.borrow(), common.to_string(), common.call(), common.fmt()] {
        assert_eq!(call.await.unwrap(), 1);
    }
}
