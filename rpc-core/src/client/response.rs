//! A value with what came beside it.

use std::time::Duration;

use crate::wire::headers::Headers;

/// A value with what came beside it.
///
/// ```
/// # #[nats_rpc::service]
/// # trait Greeter {
/// #     async fn hello(&self, name: &str) -> String;
/// # }
/// # struct English;
/// # impl Greeter for English {
/// #     async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") }
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
/// let response = GreeterClient::new(&nats).hello("Ann").detailed().await?;
/// assert_eq!(response.instance(), Some(server.id()));
/// println!("{} took {:?}", response.value(), response.handler_time());
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<T> {
    value: T,
    headers: Headers,
    instance: Option<Box<str>>,
    handler_time: Duration,
}

impl<T> Response<T> {
    pub(super) fn new(
        value: T,
        headers: Headers,
        instance: Option<Box<str>>,
        handler_time: Duration,
    ) -> Self {
        Response { value, headers, instance, handler_time }
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value, without the rest.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The headers that the handler set with [`Context::set_header`](crate::Context::set_header).
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The id of the instance that answered, if it named itself.
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// How long the handler ran, by the server's clock.
    pub fn handler_time(&self) -> Duration {
        self.handler_time
    }
}
