//! What a service is to the runtime: its description, and a handler for each method.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::Deserialize;
use serde::ser::Serialize;

use crate::codec::Codec;
use crate::codec::as_bytes::{self, BytesLike};
use crate::codec::scan::ScanLimits;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::reply::Reply;

/// A service that a [`Server`](crate::Server) can run.
///
/// `#[nats_rpc::service]` implements it on the server type that it generates; by hand it is written for services whose
/// methods are not known as a trait.
///
/// ```
/// use nats_rpc::{Method, MethodRegistry, RawCall, Service, ServiceDescriptor};
///
/// struct Echo;
///
/// const METHODS: &[Method] = &[Method::unary("say")];
/// static ECHO: ServiceDescriptor = ServiceDescriptor::new("echo", METHODS);
///
/// impl Service for Echo {
///     fn descriptor(&self) -> &'static ServiceDescriptor {
///         &ECHO
///     }
///
///     fn register(&self, registry: &mut MethodRegistry) {
///         registry.method("say", |call: RawCall| async move {
///             let words: Vec<String> = call.decode()?;
///             call.reply(words.join(" "))
///         });
///     }
/// }
/// ```
pub trait Service: Send + Sync + 'static {
    /// What the service is called and which methods it has.
    fn descriptor(&self) -> &'static ServiceDescriptor;

    /// Registers a handler for each method of the descriptor.
    fn register(&self, registry: &mut MethodRegistry);
}

/// A generated client of a service.
pub trait ServiceClient: Sized {
    /// The service's stub on this client.
    fn from_client(client: crate::Client) -> Self;

    /// The client that the stub calls through.
    fn client(&self) -> &crate::Client;

    /// What the service is called and which methods it has.
    fn descriptor() -> &'static ServiceDescriptor;
}

/// The description of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceDescriptor {
    name: &'static str,
    version: &'static str,
    subject: &'static str,
    description: &'static str,
    methods: &'static [Method],
}

impl ServiceDescriptor {
    /// A service whose subject is its name, of version 0.0.0.
    pub const fn new(name: &'static str, methods: &'static [Method]) -> Self {
        ServiceDescriptor { name, version: "0.0.0", subject: name, description: "", methods }
    }

    /// Sets the version: three numbers after semver.org.
    #[must_use]
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Sets the subject that methods hang below.
    #[must_use]
    pub const fn subject(mut self, subject: &'static str) -> Self {
        self.subject = subject;
        self
    }

    /// Sets the description for humans.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The service's name.
    pub const fn get_name(&self) -> &'static str {
        self.name
    }

    /// The service's version.
    pub const fn get_version(&self) -> &'static str {
        self.version
    }

    /// The subject that methods hang below, without the prefix of a deployment.
    pub const fn get_subject(&self) -> &'static str {
        self.subject
    }

    /// The description for humans; may be empty.
    pub const fn get_description(&self) -> &'static str {
        self.description
    }

    /// The methods.
    pub const fn methods(&self) -> &'static [Method] {
        self.methods
    }
}

/// The description of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    name: &'static str,
    kind: MethodKind,
    idempotent: bool,
    spawn: bool,
    bare: bool,
    timeout_ms: Option<u64>,
}

/// How a method answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MethodKind {
    /// One call, one reply.
    Unary,
    /// Nobody waits for the handler.
    Oneway,
}

impl Method {
    /// A method with one reply.
    pub const fn unary(name: &'static str) -> Self {
        Method {
            name,
            kind: MethodKind::Unary,
            idempotent: false,
            spawn: false,
            bare: false,
            timeout_ms: None,
        }
    }

    /// A method whose result nobody waits for.
    pub const fn oneway(name: &'static str) -> Self {
        Method { kind: MethodKind::Oneway, ..Method::unary(name) }
    }

    /// It may be executed twice without harm.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Its handler always gets a task of its own, however cheap it is.
    #[must_use]
    pub const fn spawn(mut self) -> Self {
        self.spawn = true;
        self
    }

    /// Its single argument is the whole body, not a field of a map.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// How long a client waits for it unless the call says otherwise, in milliseconds.
    #[must_use]
    pub const fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// The name on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How it answers.
    pub const fn kind(&self) -> MethodKind {
        self.kind
    }

    /// Whether it may be executed twice without harm.
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Whether its handler always gets a task of its own.
    pub const fn is_spawned(&self) -> bool {
        self.spawn
    }

    /// Whether its single argument is the whole body.
    pub const fn is_bare(&self) -> bool {
        self.bare
    }

    /// How long a client waits for it unless the call says otherwise.
    pub const fn timeout(&self) -> Option<Duration> {
        match self.timeout_ms {
            Some(ms) => Some(Duration::from_millis(ms)),
            None => None,
        }
    }
}

/// The future of a handler: boxed once per call, here.
pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

/// What serves a method.
pub(crate) type Handler = Arc<dyn Fn(RawCall) -> HandlerFuture + Send + Sync>;

/// Collects the handlers of a service.
#[derive(Default)]
pub struct MethodRegistry {
    handlers: HashMap<&'static str, Handler>,
    twice: Option<&'static str>,
}

impl MethodRegistry {
    /// Registers the handler of the method with this name on the wire.
    pub fn method<F, H>(&mut self, name: &'static str, handler: H)
    where
        F: Future<Output = Result<Reply, Error>> + Send + 'static,
        H: Fn(RawCall) -> F + Send + Sync + 'static,
    {
        let handler: Handler = Arc::new(move |call| Box::pin(handler(call)));
        if self.handlers.insert(name, handler).is_some() {
            self.twice = Some(name);
        }
    }

    /// Pairs each method of the descriptor with its handler.
    pub(crate) fn resolve(mut self, descriptor: &ServiceDescriptor) -> Result<Vec<(Method, Handler)>, Error> {
        let broken = |problem: &str, name: &str| {
            let message = format!("the service {:?} {problem} {name:?}", descriptor.name);
            Err(Error::not_executed(ErrorKind::InvalidArgument, message))
        };
        if let Some(name) = self.twice {
            return broken("registers two handlers for the method", name);
        }
        let mut resolved = Vec::with_capacity(descriptor.methods.len());
        for method in descriptor.methods {
            match self.handlers.remove(method.name) {
                Some(handler) => resolved.push((*method, handler)),
                None => return broken("has no handler, or two descriptions, for the method", method.name),
            }
        }
        match self.handlers.keys().next() {
            Some(name) => broken("registers a handler for the undescribed method", name),
            None => Ok(resolved),
        }
    }
}

impl fmt::Debug for MethodRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

/// A call before its arguments are decoded and after its result is: what a handler is given.
#[derive(Debug)]
pub struct RawCall {
    context: Context,
    body: Bytes,
    bare: bool,
    limits: ScanLimits,
}

impl RawCall {
    pub(crate) fn new(context: Context, body: Bytes, method: &Method, limits: ScanLimits) -> Self {
        RawCall { context, body, bare: method.bare, limits }
    }

    /// What is known about the call.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The encoded arguments.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The codec of arguments and result.
    pub fn codec(&self) -> Codec {
        self.context.reply_path().format.codec()
    }

    /// Decodes the arguments, which may borrow from the message.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if they are not of this type, or so large or so deep that decoding them could
    /// harm the process.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let codec = self.codec();
        let body = match &self.body[..] {
            empty if !self.bare && codec.means_no_arguments(empty) => codec.no_arguments(),
            body => body,
        };
        codec.scan(body, self.limits).and_then(|()| codec.decode(body)).map_err(|error| {
            Error::not_executed(ErrorKind::InvalidArgument, format!("the arguments do not decode: {error}"))
        })
    }

    /// Encodes the handler's result.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it does not encode, [`ErrorKind::PayloadTooLarge`] if the broker would not take it.
    pub fn reply<T: Serialize>(&self, value: T) -> Result<Reply, Error> {
        self.succeed(|codec, bytes| codec.encode(&value, bytes))
    }

    /// The same for a result that travels as bytes.
    ///
    /// # Errors
    /// Those of [`reply`](Self::reply).
    pub fn reply_bytes<T: BytesLike>(&self, value: T) -> Result<Reply, Error> {
        self.succeed(|codec, bytes| codec.encode(&AsBytes(value), bytes))
    }

    /// Encodes what a fallible handler returned.
    ///
    /// # Errors
    /// Those of [`reply`](Self::reply); the service's own error is a reply like any other.
    pub fn reply_result<T: Serialize, E: Serialize + fmt::Display>(
        &self,
        result: Result<T, E>,
    ) -> Result<Reply, Error> {
        match result {
            Ok(value) => self.reply(value),
            Err(error) => self.fail(&error),
        }
    }

    /// The same for a result that travels as bytes.
    ///
    /// # Errors
    /// Those of [`reply`](Self::reply).
    pub fn reply_result_bytes<T: BytesLike, E: Serialize + fmt::Display>(
        &self,
        result: Result<T, E>,
    ) -> Result<Reply, Error> {
        match result {
            Ok(value) => self.reply_bytes(value),
            Err(error) => self.fail(&error),
        }
    }

    /// Ends a oneway call.
    ///
    /// # Errors
    /// None; it is a `Result` like all the others.
    pub fn done(&self) -> Result<Reply, Error> {
        Ok(Reply { payload: Bytes::new(), headers: None })
    }

    fn succeed(
        &self,
        encode: impl FnOnce(Codec, &mut bytes::BytesMut) -> Result<(), Error>,
    ) -> Result<Reply, Error> {
        let time = self.context.handler_time().unwrap_or_default();
        self.context.reply_path().success(&self.reply_headers()?, time, encode)
    }

    fn fail<E: Serialize + fmt::Display>(&self, error: &E) -> Result<Reply, Error> {
        let time = self.context.handler_time().unwrap_or_default();
        let message = error.to_string();
        self.context
            .reply_path()
            .service_error(&self.reply_headers()?, time, &message, |codec, bytes| codec.encode(error, bytes))
    }

    fn reply_headers(&self) -> Result<crate::Headers, Error> {
        let headers = self.context.reply_headers();
        let executed = |error: Error| {
            Error::new(ErrorKind::Internal, format!("in the reply: {}", error.message()))
                .with_execution(crate::Execution::Executed)
        };
        headers.check().map_err(executed)?;
        Ok(headers)
    }
}

/// A value that travels as bytes.
struct AsBytes<T>(T);

impl<T: BytesLike> Serialize for AsBytes<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_bytes::serialize(&self.0, serializer)
    }
}
