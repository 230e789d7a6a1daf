//! What fails tells nobody what is none of their business.

use std::collections::HashMap;
use std::error::Error as _;
use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use nats_rpc::async_nats::{ConnectOptions, HeaderValue};
use nats_rpc::{
    CallError, Client, Codec, Connection, ErrorKind, MethodLimits, Server, connect, connect_with,
    memory::Broker,
};
use tests::NatsServer;

use crate::bed::{Estate, GreeterClient, failure, publish, soon};

/// What only the inside of the service knows.
const PANIC: &str = "the vault is at 10.1.2.3:4222, and its password is hunter2";

/// A service with many ways to fail.
#[nats_rpc::service]
trait Faulty {
    async fn panic(&self) -> String;
    async fn unwrap(&self) -> String;
    async fn unwritable(&self) -> HashMap<(u8, u8), u8>;
    async fn store(&self, secret: Secret) -> u64;
    async fn nested(&self) -> Result<String, Refused>;
    async fn large(&self) -> Vec<u8>;
}

/// The same as a caller has it who is mistaken.
#[nats_rpc::service(name = "faulty")]
trait Mistaken {
    async fn store(&self, secret: &str) -> u64;
}

/// An argument.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Secret {
    number: u64,
}

/// An error of the service's own, which hides what caused it.
#[derive(Debug, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("refused")]
struct Refused;

struct Inside(Connection);

impl Faulty for Inside {
    async fn panic(&self) -> String {
        panic!("{PANIC}")
    }

    async fn unwrap(&self) -> String {
        PANIC.parse::<f64>().map_err(|_| PANIC).unwrap().to_string()
    }

    async fn unwritable(&self) -> HashMap<(u8, u8), u8> {
        HashMap::from([((1, 2), 3)])
    }

    async fn store(&self, secret: Secret) -> u64 {
        secret.number
    }

    async fn nested(&self) -> Result<String, Refused> {
        GreeterClient::new(&self.0).hello("nobody").await.map_err(|_| Refused)
    }

    async fn large(&self) -> Vec<u8> {
        vec![0; 2 * 1024 * 1024]
    }
}

/// Asserts that a text tells nothing about the inside of a process.
#[track_caller]
fn assert_silent(text: &str, server: &NatsServer) {
    let port = format!(":{}", server.client_port());
    let secrets = [
        "vault",
        "hunter2",
        "127.0.0.1",
        "localhost",
        "::",
        ".rs",
        "src/",
        "/",
        "panicked at",
        "Secret",
        &port,
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret:?} in {text}");
    }
}

/// Everything that an error can be asked for.
fn told<T: Debug, E: Debug>(result: Result<T, CallError<E>>) -> String {
    let error = failure(result);
    assert!(error.source().is_none(), "what came from the wire has no source here");
    format!("{error} {error:?} {}", error.message())
}

async fn serve(server: &NatsServer) -> (Server, Connection) {
    let connection = connect(server.url()).await.unwrap();
    let limits = MethodLimits::new().max_in_flight(1).max_queued(0);
    let instance = Server::builder(&connection)
        .max_depth(8)
        .max_request(1000)
        .limit_method("faulty", "store", limits)
        .add(FaultyServer::new(Inside(connection.clone())));
    (instance.start().await.unwrap(), connect(server.url()).await.unwrap())
}

#[tokio::test]
async fn callers_learn_nothing_about_the_inside_of_a_service() {
    let server = NatsServer::start();
    let (_server, connection) = serve(&server).await;
    let faulty = FaultyClient::new(&connection);
    let in_json = FaultyClient::new(Client::builder(&connection).codec(Codec::Json).build().unwrap());
    let mistaken = MistakenClient::new(&connection);
    for text in [
        told(faulty.panic().await),
        told(faulty.unwrap().await),
        told(in_json.unwritable().await),
        told(faulty.large().await),
        told(mistaken.store("seven").await),
        told(mistaken.store(&"x".repeat(2000)).await),
    ] {
        assert_silent(&text, &server);
    }
    let Err(CallError::Service(Refused)) = faulty.nested().await else { panic!("its own error") };
}

/// What any client of NATS gets: headers and all.
#[tokio::test]
async fn plain_callers_learn_nothing_either() {
    let server = NatsServer::start();
    let (_server, connection) = serve(&server).await;
    let mut answers = connection.subscribe("_INBOX.here", None).await.unwrap();
    let deep = format!(r#"{{"secret":{}1{}}}"#, "[".repeat(20), "]".repeat(20));
    let long = format!(r#"{{"secret":{{"number":"{}"}}}}"#, "x".repeat(2000));
    for (method, body) in [
        ("panic", "{}"),
        ("unwrap", "{}"),
        ("unwritable", "{}"),
        ("large", "{}"),
        ("nested", "{}"),
        ("store", "{}"),
        ("store", r#"{"secret":7}"#),
        ("store", r#"{"secret":{"number":"seven"}}"#),
        ("store", r#"{"secret":{"number":-1}}"#),
        ("store", "\u{1}"),
        ("store", "{\"secret\""),
        ("store", "\u{c1}"),
        ("store", &deep),
        ("store", &long),
    ] {
        publish(&connection, &format!("faulty.{method}"), Some("_INBOX.here"), body).await;
        let answer = soon(answers.next()).await.unwrap();
        let headers = answer.headers.expect("an error has headers");
        let code = headers.get("Nats-Service-Error-Code").map(HeaderValue::as_str);
        assert!(code.is_some(), "{method} {body}: {headers:?}");
        let all = headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}: {value}\n")));
        assert_silent(&all.collect::<String>(), &server);
        assert_silent(&String::from_utf8_lossy(&answer.payload), &server);
    }
}

/// What a process says of itself, in logs.
fn assert_keeps(secrets: &[&str], text: &str) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret:?} in {text}");
    }
}

#[tokio::test]
async fn passwords_do_not_show_in_debug_output() {
    const SECRETS: [&str; 2] = ["hunter2", "opensesame"];
    let server = NatsServer::builder().config("authorization { user: ann, password: hunter2 }").start();
    let url = format!("nats://ann:hunter2@127.0.0.1:{}", server.client_port());
    for connection in [
        connect(url.as_str()).await.unwrap(),
        connect_with(ConnectOptions::with_user_and_password("ann".into(), "hunter2".into()), server.url())
            .await
            .unwrap(),
    ] {
        let client = Client::builder(&connection);
        assert_keeps(&SECRETS, &format!("{connection:?} {connection:#?} {client:?}"));
        let client = client.build().unwrap();
        let greeter = GreeterClient::new(&client);
        assert_keeps(
            &SECRETS,
            &format!("{client:?} {:?} {:?}", greeter.hello("Ann"), connection.on_event(|_| {})),
        );
        let builder = Server::builder(&connection).add(Estate::service(&Arc::default()));
        assert_keeps(&SECRETS, &format!("{builder:?}"));
        assert_keeps(&SECRETS, &format!("{:?}", builder.start().await.unwrap()));
    }
    let options =
        ConnectOptions::with_user_and_password("ann".into(), "hunter2".into()).token("opensesame".into());
    assert_keeps(&SECRETS, &format!("{options:?}"));
    assert_keeps(&SECRETS, &format!("{:?}", Broker::new().connect()));
}

#[tokio::test]
async fn passwords_do_not_show_in_the_errors_of_connecting() {
    let server = NatsServer::builder().config("authorization { user: ann, password: other }").start();
    let port = server.client_port();
    let good = format!("127.0.0.1:{port}");
    let addresses = [
        (format!("nats://ann:hunter2@{good}"), ErrorKind::Unauthenticated),
        (format!("ann:hunter2@{good}"), ErrorKind::Unauthenticated),
        ("nats://ann:hunter2@127.0.0.1:9".to_owned(), ErrorKind::Unavailable),
        ("nats://ann:hunter2@nowhere.invalid".to_owned(), ErrorKind::Unavailable),
        (format!("nats://ann:hunter2@127.0.0.1:{port}0000"), ErrorKind::InvalidArgument),
        ("http://ann:hunter2@127.0.0.1".to_owned(), ErrorKind::InvalidArgument),
        ("nats://ann:hunter2@[::1".to_owned(), ErrorKind::InvalidArgument),
        ("nats://ann:hunter2@".to_owned(), ErrorKind::InvalidArgument),
        ("nats://ann:hunter2@a b".to_owned(), ErrorKind::InvalidArgument),
    ];
    let connections = addresses.iter().map(|(address, _)| connect(address.as_str()));
    let errors = soon(join_all(connections)).await;
    for ((address, kind), connection) in addresses.iter().zip(errors) {
        let error = connection.unwrap_err();
        assert_eq!(error.kind(), *kind, "{address}: {error:?}");
        let mut told = format!("{error} {error:?} {error:#?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            told.push_str(&format!("{error} {error:?}"));
            cause = error.source();
        }
        assert_keeps(&["hunter2"], &told);
    }
}
