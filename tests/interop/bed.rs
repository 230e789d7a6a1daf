//! A nats-server, the service that every side of this suite has, and programs in other languages.

use std::future::pending;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nats_rpc::{Client, Codec, Connection, Context, Server, ServerBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tests::{NatsServer, Program};

use crate::{javascript, nats_py};

/// Greets.
#[nats_rpc::service(version = "1.2.3")]
pub(crate) trait Greeter {
    /// Says hello.
    async fn hello(&self, name: &str) -> Result<String, GreetError>;
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn reverse(&self, bytes: &[u8]) -> Bytes;
    #[rpc(bare)]
    async fn shout(&self, text: &str) -> String;
    /// The header of that name.
    async fn tenant(&self, cx: &Context) -> Option<String>;
    /// Something that was not foreseen.
    async fn fail(&self) -> String;
    /// An error of the service's own that no nats-rpc wrote.
    async fn refuse(&self) -> Result<String, GreetError>;
    /// Never ends by itself.
    async fn wait(&self);
    #[rpc(oneway)]
    async fn remember(&self, name: &str);
}

/// The service's own error.
#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum GreetError {
    #[error("{0} is not in")]
    Absent(String),
}

#[derive(Debug)]
struct English;

impl Greeter for English {
    async fn hello(&self, name: &str) -> Result<String, GreetError> {
        if name.starts_with("Godot") {
            return Err(GreetError::Absent(name.to_owned()));
        }
        Ok(format!("Hello, {name}!"))
    }

    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn reverse(&self, bytes: &[u8]) -> Bytes {
        bytes.iter().rev().copied().collect()
    }

    async fn shout(&self, text: &str) -> String {
        text.to_uppercase()
    }

    async fn tenant(&self, cx: &Context) -> Option<String> {
        cx.set_header("answered-by", "rust");
        cx.headers().get("tenant").map(str::to_owned)
    }

    async fn fail(&self) -> String {
        panic!("broken")
    }

    async fn refuse(&self) -> Result<String, GreetError> {
        Err(GreetError::Absent("Ann".to_owned()))
    }

    async fn wait(&self) {
        pending::<()>().await;
    }

    async fn remember(&self, _name: &str) {}
}

/// A nats-server.
pub(crate) struct Bed {
    nats: NatsServer,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Bed { nats: NatsServer::start() }
    }

    pub(crate) fn url(&self) -> &str {
        self.nats.url()
    }

    pub(crate) async fn connect(&self) -> Connection {
        async_nats::connect(self.url()).await.unwrap().into()
    }

    /// The service in an instance with this id.
    pub(crate) async fn instance(&self, id: &str) -> ServerBuilder {
        Server::builder(self.connect().await).id(id).add(GreeterServer::new(English))
    }

    /// The service, where the instance does not matter.
    pub(crate) async fn serve(&self) -> Server {
        self.instance("one").await.start().await.unwrap()
    }

    /// A client for services that are not of this library.
    pub(crate) async fn plain_client(&self, codec: Codec) -> GreeterClient {
        GreeterClient::new(Client::builder(self.connect().await).plain().codec(codec).build().unwrap())
    }
}

/// What the programs of this suite are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    JavaScript,
}

impl Language {
    /// Runs a script to its end, and reads what it prints.
    pub(crate) async fn run(self, script: &'static str, bed: &Bed, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = [bed.url()].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
        let run = move || Program::start(self.command(script).args(arguments)).succeed().concat();
        let printed = tokio::task::spawn_blocking(run).await.unwrap();
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Starts the service that is written in this language, and returns its id as well.
    pub(crate) async fn serve(self, bed: &Bed) -> (Program, String) {
        let url = bed.url().to_owned();
        let start = move || {
            let mut service = Program::start(self.command("service").arg(url));
            let line = service.wait_for("serving as ").to_owned();
            (service, line)
        };
        let (service, line) = tokio::task::spawn_blocking(start).await.unwrap();
        (service, line.rsplit(' ').next().unwrap().to_owned())
    }

    fn command(self, script: &str) -> std::process::Command {
        match self {
            Language::Python => nats_py::command(script),
            Language::JavaScript => javascript::command(script),
        }
    }
}

/// Waits for what happens soon.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
