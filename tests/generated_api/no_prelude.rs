//! A module without any prelude: generated code must not need one.

#![no_implicit_prelude]

use ::std::string::String;

#[::nats_rpc::service]
pub(crate) trait Bare {
    async fn hello(&self, name: &str, items: &[u16], bytes: &[u8]) -> String;
    async fn fails(
        &self,
        cx: &::nats_rpc::Context,
        maybe: ::core::option::Option<u8>,
    ) -> ::core::result::Result<u8, String>;
    #[rpc(oneway)]
    async fn log(&self, line: String);
    async fn body(&self) -> ::core::result::Result<u8, String> {
        let number = self.fails_not().await?;
        ::core::result::Result::Ok(number)
    }
    async fn fails_not(&self) -> ::core::result::Result<u8, String>;
}

#[::nats_rpc::service(schema, name = "described")]
pub(crate) trait Described {
    async fn hello(
        &self,
        name: &str,
        items: &[u16],
        bytes: &[u8],
        maybe: ::core::option::Option<::std::vec::Vec<u8>>,
    ) -> ::core::result::Result<u8, String>;
}

#[::nats_rpc::service(subject = "valued.{town}")]
pub(crate) trait Valued {
    #[rpc(subject = "hello.{name}.{times}", durable)]
    async fn hello(&self, name: &str, times: &u16, how: &str) -> ::core::result::Result<u8, String>;
    #[rpc(oneway, broadcast, subject = "log.{line}")]
    async fn log(&self, line: String);
}

#[::nats_rpc::service(name = "generic")]
pub(crate) trait Generic<T: crate::generics::Value> {
    async fn echo(&self, lent: &T, text: &str, owned: T) -> T;
}

#[::nats_rpc::service(schema, subject = "streamed.{town}")]
pub(crate) trait Streamed {
    fn watch(&self, name: &str) -> impl ::futures::Stream<Item = ::core::result::Result<String, u8>>;
    async fn open(
        &self,
        cx: &::nats_rpc::Context,
    ) -> ::core::result::Result<impl ::futures::Stream<Item = ::core::result::Result<String, u8>>, u8>;
    async fn upload(
        &self,
        name: &str,
        chunks: ::nats_rpc::Incoming<::std::vec::Vec<u8>>,
    ) -> ::core::result::Result<u8, String>;
    #[rpc(subject = "both.{name}")]
    fn both(
        &self,
        name: &str,
        lines: ::nats_rpc::Incoming<String>,
    ) -> impl ::futures::Stream<Item = ::std::vec::Vec<u8>>;
    fn body(&self) -> impl ::futures::Stream<Item = u8> {
        ::futures::stream::empty()
    }
}
