//! Each kind of credentials that docs/security.md names, at a server that asks for it.

use nats_rpc::{Connection, Error, ErrorKind};
use nkeys::KeyPair;
use tests::{NatsServer, Version};

use crate::bed::{Estate, GreeterClient, failure};
use crate::connecting::{connect_as_web, connect_with_a_token, connect_with_an_nkey, connect_with_creds};
use crate::document;
use crate::keys::{Operator, User};

const VERSIONS: [Version; 2] = [Version::Current, Version::Oldest];

/// A server that the document's configuration is for; what it leaves open is defined first.
fn server(version: Version, definition: &str, config: &str) -> NatsServer {
    NatsServer::builder().version(version).config(definition).config(config).start()
}

/// Asserts that somebody is connected as the user `web` of the document: nobody answers, and nothing else may be called.
pub(crate) async fn assert_web(connection: Result<Connection, Error>) {
    let greeter = GreeterClient::new(connection.unwrap());
    assert_eq!(failure(greeter.hello("Ann").await).kind(), ErrorKind::NoResponders);
    assert_eq!(failure(greeter.forget("Ann").await).kind(), ErrorKind::PermissionDenied);
}

#[track_caller]
pub(crate) fn assert_refused(connection: Result<Connection, Error>) {
    let error = connection.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
}

#[tokio::test]
async fn a_user_and_a_password() {
    for version in VERSIONS {
        let estate = Estate::plain(version);
        let url = estate.server().url();
        assert_web(connect_as_web(url, "web".to_owned()).await).await;
        assert_refused(connect_as_web(url, "wrong".to_owned()).await);
    }
}

#[tokio::test]
async fn a_token() {
    for version in VERSIONS {
        let server = server(version, "NATS_TOKEN: opensesame", document::config(&["token:"]));
        let connection = connect_with_a_token(server.url(), "opensesame".to_owned()).await.unwrap();
        let result = GreeterClient::new(connection).hello("Ann").await;
        assert_eq!(failure(result).kind(), ErrorKind::NoResponders);
        assert_refused(connect_with_a_token(server.url(), "wrong".to_owned()).await);
    }
}

#[tokio::test]
async fn an_nkey() {
    for version in VERSIONS {
        let web = KeyPair::new_user();
        let definition = format!("WEB_PUBLIC_KEY: {}", web.public_key());
        let server = server(version, &definition, document::config(&["nkey:"]));
        assert_web(connect_with_an_nkey(server.url(), web.seed().unwrap()).await).await;
        assert_refused(connect_with_an_nkey(server.url(), KeyPair::new_user().seed().unwrap()).await);
    }
}

#[tokio::test]
async fn a_creds_file() {
    for version in VERSIONS {
        let operator = Operator::new();
        let server = NatsServer::builder().version(version).config(&operator.config()).start();
        let write = |name: &str, creds: String| {
            let file = server.directory().join(name);
            std::fs::write(&file, creds).unwrap();
            file
        };
        let web = write("web.creds", operator.creds(&User::web()));
        assert_web(connect_with_creds(server.url(), &web).await).await;
        let stranger = write("stranger.creds", Operator::new().creds(&User::web()));
        assert_refused(connect_with_creds(server.url(), &stranger).await);
        let missing = server.directory().join("missing.creds");
        assert_refused(connect_with_creds(server.url(), &missing).await);
    }
}
