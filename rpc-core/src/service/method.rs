//! The description of a method.

use std::time::Duration;

/// The description of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    name: &'static str,
    subject: &'static str,
    kind: MethodKind,
    idempotent: bool,
    broadcast: bool,
    durable: bool,
    spawn: bool,
    no_cancel: bool,
    bare: bool,
    max_coalesced: usize,
    timeout_ms: Option<u64>,
    description: &'static str,
    parameters: &'static [Parameter],
}

/// How a method is called and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MethodKind {
    /// One call, one reply.
    Unary,
    /// Nobody waits for the handler.
    Oneway,
    /// One call, a stream of results.
    ServerStreaming,
    /// A stream of items, one result.
    ClientStreaming,
    /// A stream of items, a stream of results.
    BidiStreaming,
}

impl MethodKind {
    /// Whether results come one after the other.
    pub const fn streams_results(self) -> bool {
        matches!(self, MethodKind::ServerStreaming | MethodKind::BidiStreaming)
    }

    /// Whether its callers send items one after the other.
    pub const fn takes_items(self) -> bool {
        matches!(self, MethodKind::ClientStreaming | MethodKind::BidiStreaming)
    }

    /// Whether there is a stream in either direction.
    pub const fn is_streaming(self) -> bool {
        self.streams_results() || self.takes_items()
    }
}

/// What a method takes under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameter {
    name: &'static str,
    optional: bool,
}

impl Method {
    /// A method with one reply.
    pub const fn unary(name: &'static str) -> Self {
        Method {
            name,
            subject: name,
            kind: MethodKind::Unary,
            idempotent: false,
            broadcast: false,
            durable: false,
            spawn: false,
            no_cancel: false,
            bare: false,
            max_coalesced: usize::MAX,
            timeout_ms: None,
            description: "",
            parameters: &[],
        }
    }

    /// A method whose result nobody waits for.
    pub const fn oneway(name: &'static str) -> Self {
        Method { kind: MethodKind::Oneway, ..Method::unary(name) }
    }

    /// A method that answers with a stream.
    pub const fn server_streaming(name: &'static str) -> Self {
        Method { kind: MethodKind::ServerStreaming, ..Method::unary(name) }
    }

    /// A method that takes a stream of items and answers once.
    pub const fn client_streaming(name: &'static str) -> Self {
        Method { kind: MethodKind::ClientStreaming, ..Method::unary(name) }
    }

    /// A method that takes a stream of items and answers with a stream.
    pub const fn bidi_streaming(name: &'static str) -> Self {
        Method { kind: MethodKind::BidiStreaming, ..Method::unary(name) }
    }

    /// It may be executed twice without harm.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// What its subject has behind that of the service, in place of its name: tokens, of which `{parameter}` stands for a
    /// value that each call chooses. The first one is no parameter.
    ///
    /// ```
    /// const GET: nats_rpc::Method = nats_rpc::Method::unary("get").with_subject("get.{id}");
    /// assert_eq!((GET.name(), GET.subject()), ("get", "get.{id}"));
    /// ```
    #[must_use]
    pub const fn with_subject(mut self, subject: &'static str) -> Self {
        self.subject = subject;
        self
    }

    /// Every instance gets each call, whatever the queue group of its server; its caller takes the first answer.
    #[must_use]
    pub const fn broadcast(mut self) -> Self {
        self.broadcast = true;
        self
    }

    /// Its calls can be submitted, to be kept by JetStream until they are executed.
    #[must_use]
    pub const fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Its handler always gets a task of its own, however cheap it is.
    #[must_use]
    pub const fn spawn(mut self) -> Self {
        self.spawn = true;
        self
    }

    /// Its handler runs to its end once it has begun, though its caller cancels the call or the deadline passes. It can learn of
    /// that from [`Context::cancelled`](crate::Context::cancelled). Only the end of a server's grace time aborts it.
    #[must_use]
    pub const fn no_cancel(mut self) -> Self {
        self.no_cancel = true;
        self
    }

    /// Its single argument is the whole body, not a field of a map.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// How many calls of it one message may carry at most, whatever the client's own limit; with 1, each call is a message
    /// of its own. See [`ClientBuilder::coalesce`](crate::ClientBuilder::coalesce).
    #[must_use]
    pub const fn coalesce(mut self, calls: usize) -> Self {
        self.max_coalesced = calls;
        self
    }

    /// How long a client waits for it unless the call says otherwise, in milliseconds. Of a oneway method, how long its
    /// handler may take.
    #[must_use]
    pub const fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// Sets the description for humans.
    #[must_use]
    pub const fn with_description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets what it takes, in order. A bare method has one, whose name does not travel.
    ///
    /// ```
    /// use nats_rpc::{Method, Parameter};
    ///
    /// const SAY: Method = Method::unary("say")
    ///     .with_parameters(&[Parameter::required("words"), Parameter::optional("volume")]);
    ///
    /// assert!(SAY.parameters().iter().any(|parameter| parameter.name() == "volume"));
    /// ```
    #[must_use]
    pub const fn with_parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    /// The name on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What its subject has behind that of the service: its name, unless it has parameters or other tokens.
    pub const fn subject(&self) -> &'static str {
        self.subject
    }

    /// Whether every instance gets each call.
    pub const fn is_broadcast(&self) -> bool {
        self.broadcast
    }

    /// Whether its calls can be submitted.
    pub const fn is_durable(&self) -> bool {
        self.durable
    }

    /// How it is called and how it answers.
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

    /// Whether its handler runs to its end once it has begun.
    pub const fn is_no_cancel(&self) -> bool {
        self.no_cancel
    }

    /// Whether its single argument is the whole body.
    pub const fn is_bare(&self) -> bool {
        self.bare
    }

    /// How many calls of it one message may carry at most.
    pub const fn max_coalesced(&self) -> usize {
        self.max_coalesced
    }

    /// How long a client waits for it unless the call says otherwise.
    pub const fn timeout(&self) -> Option<Duration> {
        match self.timeout_ms {
            Some(ms) => Some(Duration::from_millis(ms)),
            None => None,
        }
    }

    /// The description for humans; may be empty.
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// What it takes, in order.
    pub const fn parameters(&self) -> &'static [Parameter] {
        self.parameters
    }
}

impl Parameter {
    /// One that every call carries.
    pub const fn required(name: &'static str) -> Self {
        Parameter { name, optional: false }
    }

    /// One that a call may lack.
    pub const fn optional(name: &'static str) -> Self {
        Parameter { name, optional: true }
    }

    /// The name on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a call may lack it.
    pub const fn is_optional(&self) -> bool {
        self.optional
    }
}
