//! The functions that docs/security.md prints, to the letter.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{Connection, Error, ErrorKind, Server, ServerBuilder, Service, connect_with};

pub(crate) async fn connect_as_web(servers: &str, password: String) -> Result<Connection, Error> {
    let options = ConnectOptions::with_user_and_password("web".to_owned(), password);
    connect_with(options.custom_inbox_prefix("_INBOX_web"), servers).await
}

pub(crate) async fn connect_with_a_token(servers: &str, token: String) -> Result<Connection, Error> {
    connect_with(ConnectOptions::with_token(token), servers).await
}

pub(crate) async fn connect_with_an_nkey(servers: &str, seed: String) -> Result<Connection, Error> {
    let options = ConnectOptions::with_nkey(seed);
    connect_with(options.custom_inbox_prefix("_INBOX_web"), servers).await
}

pub(crate) async fn connect_with_creds(servers: &str, file: &Path) -> Result<Connection, Error> {
    let options = ConnectOptions::with_credentials_file(file).await.map_err(|error| {
        Error::new(ErrorKind::Unauthenticated, "the credentials cannot be read").with_source(error)
    })?;
    connect_with(options.custom_inbox_prefix("_INBOX_web"), servers).await
}

pub(crate) async fn connect_with_a_private_ca(server: &str, ca: PathBuf) -> Result<Connection, Error> {
    let options = ConnectOptions::new().require_tls(true).add_root_certificates(ca);
    connect_with(options, server).await
}

pub(crate) async fn connect_with_a_certificate(
    server: &str,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
) -> Result<Connection, Error> {
    let options = ConnectOptions::new().require_tls(true).add_root_certificates(ca);
    let options = options.add_client_certificate(certificate, key);
    connect_with(options.custom_inbox_prefix("_INBOX_web"), server).await
}

pub(crate) async fn deploy(connection: Connection, service: impl Service) -> Result<(), Error> {
    let server = Server::builder(connection).without_discovery().add(service).start().await?;
    server.shutdown().await;
    Ok(())
}

pub(crate) fn with_callers(server: ServerBuilder) -> ServerBuilder {
    server
        .reply_prefixes(["_INBOX_greeter", "_INBOX_web", "_INBOX_batch", "_INBOX_ops", "_R_."])
        .max_in_flight_per_caller(256)
        .max_timeout(Duration::from_secs(60))
}
