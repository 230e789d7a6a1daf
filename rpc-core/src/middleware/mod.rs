//! Layers around calls, as of the crate [`tower`](https://docs.rs/tower).
//!
//! # At the client
//!
//! [`ClientBuilder::layer`](crate::ClientBuilder::layer) puts a layer around every call of a client, oneway calls included.
//! It sees the call as a [`ClientRequest`], encoded and not sent, and what comes back as a [`ClientResponse`], not decoded; what
//! is inside of it is a [`ClientService`]. Layers of tower itself work as they are (`Timeout`, `ConcurrencyLimit`, `LoadShed`, `MapRequest`,
//! `Retry`), and so does one of your own, if its service is `Clone + Send + Sync`:
//!
//! ```
//! use std::future::Future;
//! use std::pin::Pin;
//! use std::task::{Context, Poll};
//!
//! use nats_rpc::middleware::{ClientRequest, ClientResponse, Layer, Service};
//! use nats_rpc::{Client, Error, ErrorKind, Execution};
//!
//! /// Lets calls of methods pass whose names are known.
//! #[derive(Clone)]
//! struct Only(&'static [&'static str]);
//!
//! #[derive(Clone)]
//! struct OnlyService<S> {
//!     methods: &'static [&'static str],
//!     inner: S,
//! }
//!
//! impl<S> Layer<S> for Only {
//!     type Service = OnlyService<S>;
//!
//!     fn layer(&self, inner: S) -> OnlyService<S> {
//!         OnlyService { methods: self.0, inner }
//!     }
//! }
//!
//! impl<S> Service<ClientRequest> for OnlyService<S>
//! where
//!     S: Service<ClientRequest, Response = ClientResponse, Error = Error>,
//!     S::Future: Send + 'static,
//! {
//!     type Response = ClientResponse;
//!     type Error = Error;
//!     type Future = Pin<Box<dyn Future<Output = Result<ClientResponse, Error>> + Send>>;
//!
//!     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
//!         self.inner.poll_ready(cx)
//!     }
//!
//!     fn call(&mut self, request: ClientRequest) -> Self::Future {
//!         if !self.methods.contains(&request.method()) {
//!             let message = format!("nobody may call {} from here", request.method());
//!             return Box::pin(async { Err(Error::new(ErrorKind::PermissionDenied, message)) });
//!         }
//!         Box::pin(self.inner.call(request))
//!     }
//! }
//!
//! # #[nats_rpc::service]
//! # trait Files {
//! #     async fn read(&self) -> String;
//! #     async fn delete(&self);
//! # }
//! # struct Disk;
//! # impl Files for Disk {
//! #     async fn read(&self) -> String { "text".to_owned() }
//! #     async fn delete(&self) {}
//! # }
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let nats = nats_rpc::memory::Broker::new().connect();
//! # let server = nats_rpc::Server::builder(&nats).add(FilesServer::new(Disk)).start().await?;
//! let files = FilesClient::new(Client::builder(&nats).layer(Only(&["read"])).build()?);
//! assert_eq!(files.read().await?, "text");
//!
//! let error: Error = files.delete().await.unwrap_err().into();
//! assert_eq!((error.kind(), error.execution()), (ErrorKind::PermissionDenied, Execution::NotExecuted));
//! # server.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! Whatever layers do, these hold:
//!
//! - **What an error says about the handler is true.** A layer need not say it, and what it says does not count: without a call of
//!   the inner service the error says [`NotExecuted`](crate::Execution::NotExecuted); after one, or several, it says what these have
//!   shown together. One that a layer has dropped may have been executed. Once a caller has been told that nothing was executed,
//!   nothing is: the inner service refuses further attempts of that call.
//! - **The deadline bounds the layers too.** A call that they hold ends at its deadline.
//! - **Calls in layers are in flight**, and count against [`max_in_flight`](crate::ClientBuilder::max_in_flight); oneway calls
//!   without a receipt do not, as ever.
//! - A call whose arguments do not encode fails before the layers, and one whose result does not decode after them.

pub use tower::{Layer, Service};

pub use crate::client::{ClientRequest, ClientResponse, ClientService};
pub use crate::server::ServerService;
