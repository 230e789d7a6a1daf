//! Layers around calls, as of the crate [`tower`](https://docs.rs/tower): what calls pass through before they are sent, and
//! before their handlers run. [`from_fn`] makes one of a function; those of tower itself work as they are (`Timeout`,
//! `ConcurrencyLimit`, `LoadShed`, `MapRequest`, `Retry`), and so does any other whose service is `Clone + Send + Sync`. The layer that was
//! added first sees a call first.
//!
//! # At the server
//!
//! [`ServerBuilder::layer`](crate::ServerBuilder::layer) puts a layer around the handlers of all methods. It sees a call as a [`RawCall`](crate::RawCall), not
//! decoded, with its [`Context`](crate::Context), and what comes back as a [`Reply`](crate::Reply), encoded; what is inside of it is a [`ServerService`]. What it
//! finds out about the caller, it tells the handler with [`Context::set_extension`](crate::Context::set_extension).
//!
//! - **A call that a layer refuses was not executed**, whatever the layer's error says, and the caller learns that; nor is it later, even if
//!   the layer has kept it. One that has got to its handler may have been, whatever becomes of it in the layers.
//! - Layers run in the places of handlers and with their time: limits, deadlines and cancellation hold for them, and the time that they take counts
//!   as the handler's.
//!
//! # At the client
//!
//! [`ClientBuilder::layer`](crate::ClientBuilder::layer) puts a layer around every call of a client, oneway calls included.
//! It sees the call as a [`ClientRequest`], encoded and not sent, and what comes back as a [`ClientResponse`], not decoded; what
//! is inside of it is a [`ClientService`].
//!
//! ```
//! use nats_rpc::middleware::{ClientRequest, ClientService, from_fn};
//! use nats_rpc::{Client, Error, ErrorKind, Execution};
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
//! let read_only = from_fn(|request: ClientRequest, next: ClientService| async move {
//!     match request.method() {
//!         "read" => next.run(request).await,
//!         method => Err(Error::new(ErrorKind::PermissionDenied, format!("nobody calls {method} from here"))),
//!     }
//! });
//! let files = FilesClient::new(Client::builder(&nats).layer(read_only).build()?);
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

mod from_fn;

pub use tower::{Layer, Service};

pub use self::from_fn::{FnService, FromFn, from_fn};
pub use crate::client::{ClientRequest, ClientResponse, ClientService};
pub use crate::server::ServerService;
