//! A module in which every name of the prelude, and those of the standard crates, mean something else.

#![allow(dead_code)]

macro_rules! shadow {
    ($($name:ident)*) => { $(struct $name;)* };
}

shadow! {
    Result Option String Vec Box Some None Ok Err Send Sync Sized Clone Debug Into From Default Future Arc Cow Infallible
    PhantomData Serialize Deserialize Service ServiceClient Client Server Call Cast Method MethodRegistry RawCall Stub
    Returns NoArgs ServiceDescriptor Display FromStr ToString Error Stream Streaming StreamingCall ClientStreamingCall
    Incoming Items ItemResult MethodResult
}

mod core {}
mod std {}
mod alloc {}
mod serde {}
mod nats_rpc {}
mod futures {}
mod futures_core {}
mod __private {}

#[::nats_rpc::service]
pub(super) trait Shadowed {
    async fn hello(&self, name: &str, items: &[u16], bytes: &[u8], maybe: ::core::option::Option<u8>) -> u8;
    async fn fails(&self, cx: &::nats_rpc::Context) -> ::core::result::Result<u8, u8>;
    #[rpc(oneway)]
    async fn log(&self, line: &str);
}

#[::nats_rpc::service(subject = "valued.{town}")]
pub(super) trait Valued {
    #[rpc(subject = "hello.{name}.{times}", durable)]
    async fn hello(&self, name: &str, times: &u16, how: &str) -> u8;
    #[rpc(oneway, broadcast, subject = "log.{number}")]
    async fn log(&self, number: u64);
}

#[::nats_rpc::service]
pub(super) trait Streamed {
    fn watch(&self, name: &str) -> impl ::futures::Stream<Item = ::core::result::Result<u8, u8>>;
    async fn open(
        &self,
        name: &str,
    ) -> ::core::result::Result<impl ::futures::Stream<Item = ::core::result::Result<u8, u8>>, u8>;
    async fn upload(&self, chunks: ::nats_rpc::Incoming<::bytes::Bytes>) -> u8;
    #[rpc(subject = "both.{name}")]
    fn both(
        &self,
        name: u8,
        bytes: ::nats_rpc::Incoming<u8>,
    ) -> impl ::futures::Stream<Item = ::bytes::Bytes>;
}

struct Here;

impl Shadowed for Here {
    async fn hello(&self, name: &str, items: &[u16], bytes: &[u8], maybe: ::core::option::Option<u8>) -> u8 {
        (name.len() + items.len() + bytes.len()) as u8 + maybe.unwrap_or(0)
    }

    async fn fails(&self, _cx: &::nats_rpc::Context) -> ::core::result::Result<u8, u8> {
        ::core::result::Result::Err(7)
    }

    async fn log(&self, _line: &str) {}
}

impl Valued for Here {
    async fn hello(&self, name: &str, times: &u16, how: &str) -> u8 {
        (name.len() + how.len()) as u8 + *times as u8
    }

    async fn log(&self, _number: u64) {}
}

impl Streamed for Here {
    fn watch(&self, _name: &str) -> impl ::futures::Stream<Item = ::core::result::Result<u8, u8>> {
        ::futures::stream::iter([::core::result::Result::Err(7)])
    }

    async fn open(
        &self,
        name: &str,
    ) -> ::core::result::Result<impl ::futures::Stream<Item = ::core::result::Result<u8, u8>>, u8> {
        ::core::result::Result::Ok(self.watch(name))
    }

    async fn upload(&self, _chunks: ::nats_rpc::Incoming<::bytes::Bytes>) -> u8 {
        5
    }

    fn both(
        &self,
        name: u8,
        _bytes: ::nats_rpc::Incoming<u8>,
    ) -> impl ::futures::Stream<Item = ::bytes::Bytes> {
        ::futures::stream::iter([::bytes::Bytes::from(::std::vec![name])])
    }
}

#[::tokio::test]
async fn the_users_names_are_not_used_by_accident() {
    let served = crate::support::serve(ShadowedServer::new(Here)).await;
    let client: ShadowedClient = served.client();
    assert_eq!(client.hello("a", &[1], b"b", ::core::option::Option::Some(1)).await.unwrap(), 4);
    assert!(client.fails().await.is_err());

    let served = crate::support::serve(ValuedServer::new(Here).with_town("rome")).await;
    let client = ValuedClient::new(served.connect(), "rome").unwrap();
    assert_eq!(client.hello("a", &2, "b").await.unwrap(), 4);
    client.log(1).acked().await.unwrap();

    let served = crate::support::serve(StreamedServer::new(Here)).await;
    let client: StreamedClient = served.client();
    assert_eq!(::futures::StreamExt::count(client.watch("a").await.unwrap()).await, 1);
    assert_eq!(::futures::StreamExt::count(client.open("a").await.unwrap()).await, 1);
    assert_eq!(client.upload(::futures::stream::empty()).await.unwrap(), 5);
    assert_eq!(
        ::futures::StreamExt::count(client.both(1, ::futures::stream::empty()).await.unwrap()).await,
        1
    );
}
