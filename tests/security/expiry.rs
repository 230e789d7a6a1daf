//! Credentials that expire while calls are out.

use std::sync::Arc;
use std::time::Duration;

use nats_rpc::async_nats::{Auth, ConnectOptions};
use nats_rpc::{ConnectionEvent, ErrorKind, Execution, Server, connect_with};
use tests::{NatsServer, Version};

use crate::bed::{Estate, GreeterClient, PATIENT, Refusals, eventually, failure, soon};
use crate::keys::{Operator, User};

async fn credentials_expire(version: Version) {
    let operator = Operator::new();
    let server = NatsServer::builder().version(version).config(&operator.config()).start();
    let connect = async |user: User| {
        let options = ConnectOptions::with_credentials(&operator.creds(&user)).unwrap();
        connect_with(options, server.url()).await.unwrap()
    };
    let trusted = connect(User::trusted()).await;
    let _server = Server::builder(trusted).add(Estate::service(&Arc::default())).start().await.unwrap();

    let expiring = connect(User::trusted().for_only(Duration::from_secs(3))).await;
    let mut events = Refusals::of(&expiring);
    let greeter = GreeterClient::new(expiring);
    assert_eq!(greeter.hello("Ann").await.unwrap(), "Hello, Ann!");
    let calls =
        (0..10).map(|_| tokio::spawn(greeter.hello(PATIENT).timeout(Duration::from_secs(60)).into_future()));
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let error = failure(soon(call).await.unwrap());
        assert_eq!(
            (error.kind(), error.execution()),
            (ErrorKind::Unauthenticated, Execution::MaybeExecuted),
            "{error}"
        );
    }
    assert_eq!(events.next().await, ConnectionEvent::Unauthenticated);
    // A service that has answered before is waited for, as long as there may be a connection again.
    for _ in 0..3 {
        let error = failure(greeter.hello("Ann").await);
        assert_eq!(
            (error.kind(), error.execution()),
            (ErrorKind::Unauthenticated, Execution::NotExecuted),
            "{error}"
        );
    }
}

#[tokio::test]
async fn calls_fail_when_their_credentials_expire() {
    credentials_expire(Version::Current).await;
}

#[tokio::test]
async fn calls_fail_when_their_credentials_expire_on_the_oldest_nats_server() {
    credentials_expire(Version::Oldest).await;
}

/// The NATS server closes the connection without a word: only the next attempt to connect shows why.
#[tokio::test]
async fn calls_fail_when_their_user_is_removed() {
    let user = |name: &str| format!("{{ user: {name}, password: x }}");
    let users = |users: &[String]| format!("authorization {{ users = [{}] }}", users.join(", "));
    let server = NatsServer::builder().config(&users(&[user("service"), user("caller")])).start();
    let connect = async |user: &str| {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), "x".to_owned());
        connect_with(options, server.url()).await.unwrap()
    };
    let ledger = Arc::default();
    let service = Server::builder(connect("service").await).add(Estate::service(&ledger));
    let _server = service.start().await.unwrap();
    let greeter = GreeterClient::new(connect("caller").await);
    greeter.hello("Ann").await.unwrap();
    let call = tokio::spawn(greeter.hello(PATIENT).timeout(Duration::from_secs(60)).into_future());
    eventually("its handler runs", || ledger.started() == 2).await;
    server.reconfigure(&users(&[user("service")]));
    let error = failure(soon(call).await.unwrap());
    assert_eq!((error.kind(), error.execution()), (ErrorKind::Unavailable, Execution::MaybeExecuted));
    let error = failure(greeter.hello("Ann").await);
    assert_eq!((error.kind(), error.execution()), (ErrorKind::Unauthenticated, Execution::NotExecuted));
}

#[tokio::test]
async fn a_connection_is_there_again_with_renewed_credentials() {
    let operator = Arc::new(Operator::new());
    let server = NatsServer::builder().config(&operator.config()).start();
    // Each time others, which are valid for two seconds.
    let renew = move |nonce: Vec<u8>| {
        let (jwt, key) = operator.admit(&User::trusted().for_only(Duration::from_secs(2)));
        let mut auth = Auth::new();
        auth.signature = Some(key.sign(&nonce).unwrap());
        auth.jwt = Some(jwt);
        async { Ok(auth) }
    };
    let connection = connect_with(ConnectOptions::with_auth_callback(renew), server.url()).await.unwrap();
    let mut events = Refusals::of(&connection);
    let _server = Server::builder(&connection).add(Estate::service(&Arc::default())).start().await.unwrap();
    let greeter = GreeterClient::new(connection);
    assert_eq!(greeter.hello("Ann").await.unwrap(), "Hello, Ann!");
    while events.next().await != ConnectionEvent::Connected {}
    assert_eq!(greeter.hello("Ann").await.unwrap(), "Hello, Ann!");
}
