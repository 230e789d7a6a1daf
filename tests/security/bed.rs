//! A NATS server with the permissions that docs/security.md prints, and a service and its callers on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use nats_rpc::async_nats::message::OutboundMessage;
use nats_rpc::async_nats::{ConnectOptions, Message};
use nats_rpc::{
    CallError, Client, Connection, ConnectionEvent, Error, ErrorKind, Execution, Server, ServerBuilder,
    connect_with,
};
use tests::{NatsServer, Version};
use tokio::sync::{Notify, mpsc};

use crate::document;

/// The service of the document.
#[nats_rpc::service(schema)]
pub(crate) trait Greeter {
    async fn hello(&self, name: &str) -> String;
    async fn forget(&self, name: &str) -> bool;
}

/// Whom the service lets wait until the test says so.
pub(crate) const PATIENT: &str = "a patient one";

/// What ran.
#[derive(Default)]
pub(crate) struct Ledger {
    started: AtomicUsize,
    finished: AtomicUsize,
    /// Lets a greeting of [`PATIENT`] end.
    pub(crate) release: Notify,
}

impl Ledger {
    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    pub(crate) fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }
}

pub(crate) struct Greetings(Arc<Ledger>);

impl Greeter for Greetings {
    async fn hello(&self, name: &str) -> String {
        self.0.started.fetch_add(1, Ordering::SeqCst);
        if name == PATIENT {
            self.0.release.notified().await;
        }
        self.0.finished.fetch_add(1, Ordering::SeqCst);
        format!("Hello, {name}!")
    }

    async fn forget(&self, _name: &str) -> bool {
        self.0.started.fetch_add(1, Ordering::SeqCst);
        true
    }
}

/// A NATS server on which nobody may do more than the document grants.
pub(crate) struct Estate {
    server: NatsServer,
    /// The prefix of the deployment, if there is one.
    deployment: Option<&'static str>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Estate {
    /// The permissions of a deployment without a prefix.
    pub(crate) fn plain(version: Version) -> Self {
        Estate::of(version, None, Estate::config())
    }

    /// Those of one with a prefix.
    pub(crate) fn staging(version: Version) -> Self {
        Estate::of(version, Some("staging"), document::config(&["user: batch", "staging.greeter.>"]))
    }

    /// The accounts of the service and of a caller, with changes, which have to be there.
    pub(crate) fn accounts(version: Version, changes: &[(&str, &str)]) -> Self {
        Estate::of(version, None, &changed(document::config(&["SERVICES"]), changes))
    }

    /// The permissions of a deployment without a prefix, as they are printed.
    pub(crate) fn config() -> &'static str {
        document::config(&["user: batch", "\"greeter.>\""])
    }

    /// With permissions changed, which have to be there.
    pub(crate) fn changed(changes: &[(&str, &str)]) -> Self {
        Estate::changed_on(Version::Current, changes)
    }

    pub(crate) fn changed_on(version: Version, changes: &[(&str, &str)]) -> Self {
        Estate::of(version, None, &changed(Estate::config(), changes))
    }

    fn of(version: Version, deployment: Option<&'static str>, config: &str) -> Self {
        // The users' passwords are their names.
        let users = ["greeter", "web", "batch", "ops"]
            .map(|user| (format!("{}_PASSWORD", user.to_uppercase()), user));
        let named = users.iter().filter(|(name, _)| config.contains(name));
        let passwords: Vec<_> = named.map(|(name, user)| format!("{name}: {user}")).collect();
        let server =
            NatsServer::builder().version(version).config(&passwords.join("\n")).config(config).start();
        Estate { server, deployment, ledger: Arc::default() }
    }

    pub(crate) fn server(&self) -> &NatsServer {
        &self.server
    }

    /// A subject of the service.
    pub(crate) fn subject(&self, rest: &str) -> String {
        let prefix = self.deployment.map(|deployment| format!("{deployment}.")).unwrap_or_default();
        format!("{prefix}greeter.{rest}")
    }

    /// A subject below the inbox prefix of a user.
    pub(crate) fn inbox(&self, user: &str, rest: &str) -> String {
        let deployment = self.deployment.map(|deployment| format!("_{deployment}")).unwrap_or_default();
        format!("_INBOX{deployment}_{user}{rest}")
    }

    /// A connection of a user.
    pub(crate) async fn connect(&self, user: &str) -> Connection {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
        connect_with(options.custom_inbox_prefix(self.inbox(user, "")), self.server.url()).await.unwrap()
    }

    pub(crate) fn server_builder(&self, connection: Connection) -> ServerBuilder {
        let server = Server::builder(connection).add(Estate::service(&self.ledger));
        match self.deployment {
            Some(prefix) => server.prefix(prefix),
            None => server,
        }
    }

    /// The service by itself.
    pub(crate) fn service(ledger: &Arc<Ledger>) -> GreeterServer<Greetings> {
        GreeterServer::new(Greetings(Arc::clone(ledger)))
    }

    /// An instance of the service.
    pub(crate) async fn serve(&self) -> Server {
        self.server_builder(self.connect("greeter").await).start().await.unwrap()
    }

    /// Calls of a user.
    pub(crate) async fn caller(&self, user: &str) -> GreeterClient {
        self.caller_on(self.connect(user).await)
    }

    pub(crate) fn caller_on(&self, connection: Connection) -> GreeterClient {
        let client = Client::builder(connection);
        let client = match self.deployment {
            Some(prefix) => client.prefix(prefix),
            None => client,
        };
        GreeterClient::new(client.build().unwrap())
    }
}

fn changed(config: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(config.to_owned(), |config, (from, to)| {
        assert!(config.contains(from), "{from} is not in\n{config}");
        config.replace(from, to)
    })
}

/// What the NATS server refuses one user.
pub(crate) struct Refusals(mpsc::UnboundedReceiver<ConnectionEvent>);

impl Refusals {
    pub(crate) fn of(connection: &Connection) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        connection.on_event(move |event| drop(sender.send(event.clone())));
        Refusals(receiver)
    }

    pub(crate) async fn next(&mut self) -> ConnectionEvent {
        soon(self.0.recv()).await.unwrap()
    }
}

/// Waits for what has to happen.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it happens soon")
}

/// Waits for what happens soon, and is told by nobody.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The error of a failed call that is no error of the service.
#[track_caller]
pub(crate) fn failure<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> Error {
    match result {
        Err(CallError::Rpc(error)) => error,
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// Asserts that the NATS server has not let a call through.
#[track_caller]
pub(crate) fn assert_denied<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) {
    let error = failure(result);
    let what = (error.kind(), error.execution());
    assert_eq!(what, (ErrorKind::PermissionDenied, Execution::NotExecuted), "{error}");
}

/// A message of any NATS client.
pub(crate) async fn publish(
    connection: &Connection,
    subject: &str,
    reply: Option<&str>,
    payload: impl Into<Vec<u8>>,
) {
    let payload = payload.into().into();
    let message =
        OutboundMessage { subject: subject.into(), reply: reply.map(Into::into), payload, headers: None };
    connection.publish(message).await.unwrap();
}

/// Sees the next call of a method, which the service's own user may.
pub(crate) struct Witness(nats_rpc::Subscription);

impl Witness {
    /// Returns when the NATS server knows of it.
    pub(crate) async fn new(estate: &Estate, method: &str) -> Self {
        let connection = estate.connect("greeter").await;
        let calls = connection.subscribe(estate.subject(method), None).await.unwrap();
        let inbox = estate.inbox("greeter", ".settled");
        let mut settled = connection.subscribe(inbox.as_str(), None).await.unwrap();
        publish(&connection, &inbox, None, "").await;
        soon(settled.next()).await.unwrap();
        Witness(calls)
    }

    pub(crate) async fn next(&mut self) -> Message {
        soon(self.0.next()).await.unwrap()
    }
}
