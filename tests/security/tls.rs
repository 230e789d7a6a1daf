//! TLS with a private certificate authority, and certificates as credentials.

use std::fs;
use std::path::{Path, PathBuf};

use futures::future::join;
use nats_rpc::{Connection, Error, ErrorKind, connect};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tests::{NatsServer, Version};

use crate::bed::{GreeterClient, failure};
use crate::connecting::{connect_with_a_certificate, connect_with_a_private_ca};
use crate::document;
use crate::secrets::assert_web;

/// A certificate authority, and a folder with what it has signed.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "private authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { folder, issuer }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs a certificate; its files are `<name>.pem` and `<name>-key.pem`.
    fn sign(&self, name: &str, hosts: &[&str]) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{name}-key.pem")), key.serialize_pem()).unwrap();
    }

    /// A server with the document's configuration, and its address.
    fn serve(&self, version: Version, config: &str) -> (NatsServer, String) {
        self.sign("server", &["localhost", "127.0.0.1"]);
        let config = config.replace("/etc/nats/", &format!("{}/", self.folder.path().display()));
        let server = NatsServer::builder().version(version).config(&config).start();
        let url = format!("tls://localhost:{}", server.client_port());
        (server, url)
    }
}

#[track_caller]
fn assert_unavailable(connections: [Result<Connection, Error>; 2]) {
    for connection in connections {
        let error = connection.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    }
}

const VERSIONS: [Version; 2] = [Version::Current, Version::Oldest];

#[tokio::test]
async fn a_server_with_a_certificate_of_a_private_authority() {
    for version in VERSIONS {
        let authority = Authority::new();
        let (_server, url) = authority.serve(version, document::config(&["tls {", "key.pem\"\n}"]));
        let connection = connect_with_a_private_ca(&url, authority.file("ca.pem")).await.unwrap();
        let result = GreeterClient::new(connection).hello("Ann").await;
        assert_eq!(failure(result).kind(), ErrorKind::NoResponders);

        // Nobody vouches for the server, or somebody else does not.
        let stranger = Authority::new();
        let failed = join(connect(url.as_str()), connect_with_a_private_ca(&url, stranger.file("ca.pem")));
        assert_unavailable(failed.await.into());
    }
}

#[tokio::test]
async fn who_wants_tls_does_not_connect_without() {
    let (authority, server) = (Authority::new(), NatsServer::start());
    let url = format!("tls://localhost:{}", server.client_port());
    let required = connect_with_a_private_ca(server.url(), authority.file("ca.pem"));
    assert_unavailable(join(connect(url.as_str()), required).await.into());
}

#[tokio::test]
async fn a_certificate_is_who_a_client_is() {
    for version in VERSIONS {
        let authority = Authority::new();
        let (_server, url) = authority.serve(version, document::config(&["verify_and_map"]));
        authority.sign("web", &[]);
        authority.sign("stranger", &[]);
        let connect = async |name: &str, folder: &Path| {
            let certificate = folder.join(format!("{name}.pem"));
            let key = folder.join(format!("{name}-key.pem"));
            connect_with_a_certificate(&url, authority.file("ca.pem"), certificate, key).await
        };
        assert_web(connect("web", authority.folder.path()).await).await;
        let error = connect("stranger", authority.folder.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "no such user: {error:?}");

        // Signed by another authority, or no certificate at all.
        let other = Authority::new();
        other.sign("web", &[]);
        let none = connect_with_a_private_ca(&url, authority.file("ca.pem"));
        let (forged, none) = join(connect("web", other.folder.path()), none).await;
        for error in [forged.unwrap_err(), none.unwrap_err()] {
            assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unauthenticated), "{error:?}");
        }
    }
}
