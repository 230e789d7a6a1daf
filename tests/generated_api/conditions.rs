//! Attributes on traits and methods: conditions, deprecation, lints, and those that the macro does not know.

#![deny(warnings)]

use nats_rpc::ServiceClient as _;

use crate::support::serve;

#[cfg(not(test))]
pub(crate) struct Absent;

/// Two methods share a name and others a subject under conditions that exclude each other, and one has a type that cannot travel.
#[nats_rpc::service]
#[cfg(test)]
pub(crate) trait Conditional {
    async fn always(&self) -> u8;
    #[cfg(not(test))]
    async fn never(&self, absent: Absent) -> Absent;
    #[cfg(test)]
    async fn either(&self) -> u8;
    #[cfg(not(test))]
    async fn either(&self) -> Absent;
    #[cfg(test)]
    #[rpc(subject = "find.{id}", durable)]
    async fn find(&self, id: u8) -> u8;
    #[cfg(not(test))]
    #[rpc(subject = "find.{absent}", durable)]
    async fn find_absent(&self, absent: Absent);
    #[rpc(subject = "old.{number}")]
    #[deprecated = "use `always`"]
    async fn old(&self, number: u8) -> u8;
    #[allow(non_snake_case)]
    async fn camelCase(&self, someNumber: u8) -> u8;
    #[must_use = "the macro does not know this attribute"]
    async fn unknown(&self) -> u8;
}

struct Here;

impl Conditional for Here {
    async fn always(&self) -> u8 {
        1
    }

    async fn either(&self) -> u8 {
        2
    }

    async fn find(&self, id: u8) -> u8 {
        id
    }

    async fn old(&self, number: u8) -> u8 {
        number
    }

    async fn camelCase(&self, some_number: u8) -> u8 {
        some_number
    }

    async fn unknown(&self) -> u8 {
        3
    }
}

#[nats_rpc::service]
#[cfg(not(test))]
pub(crate) trait Missing {
    async fn method(&self, absent: Absent) -> Absent;
}

#[nats_rpc::service(subject = "styled.{someTown}")]
#[allow(non_snake_case, non_camel_case_types)]
pub(crate) trait styled_Otherwise {
    async fn camelCase(&self, someNumber: u8) -> u8;
    #[rpc(subject = "other.{someNumber}")]
    async fn other(&self, someNumber: u8) -> u8;
}

#[nats_rpc::service]
#[deprecated = "use `Conditional`"]
pub(crate) trait Old {
    async fn method(&self);
}

#[tokio::test]
async fn a_method_exists_on_both_sides_or_on_none() {
    let served = serve(ConditionalServer::new(Here)).await;
    let client: ConditionalClient = served.client();

    assert_eq!(client.always().await.unwrap(), 1);
    assert_eq!(client.either().await.unwrap(), 2);
    assert_eq!(client.find(6).await.unwrap(), 6);
    assert_eq!(client.camelCase(4).await.unwrap(), 4);
    assert_eq!(client.unknown().await.unwrap(), 3);
    let methods: Vec<_> =
        ConditionalClient::descriptor().methods().iter().map(|method| method.name()).collect();
    assert_eq!(methods, ["always", "either", "find", "old", "camelCase", "unknown"]);
}

#[tokio::test]
async fn a_deprecated_method_warns_those_who_call_it() {
    let served = serve(ConditionalServer::new(Here)).await;
    let client: ConditionalClient = served.client();

    #[expect(deprecated)]
    let call = client.old(5);
    assert_eq!(call.await.unwrap(), 5);

    #[expect(deprecated)]
    fn _takes(_: OldClient) {}
}
