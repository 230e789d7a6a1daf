//! A NATS server with the accounts and users that the section prints, and a service whose jobs they submit, execute and watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::jobs::{Job, JobSettings, JobStatus};
use nats_rpc::{Connection, Context, Error, Progress, Server, connect_with};
use tempfile::TempDir;
use tests::{NatsServer, Version};
use tokio::sync::Notify;

use crate::bed::soon;
use crate::connecting::deploy;
use crate::document;

pub(super) const USERS: [&str; 5] = ["deploy", "video", "web", "board", "support"];

/// A film whose job runs until the test says so, and one that nobody survives.
pub(super) const LONG: &str = "long.mp4";
pub(super) const CURSED: &str = "cursed.mp4";

/// The service of the section.
#[nats_rpc::service]
pub(super) trait Video {
    #[rpc(durable)]
    async fn transcode(&self, cx: &Context, film: &str) -> u64;
    #[rpc(durable)]
    async fn remove(&self, film: &str) -> bool;
    #[rpc(oneway)]
    async fn forget(&self, film: &str);
}

/// What ran.
#[derive(Clone, Default)]
pub(super) struct Studio {
    pub(super) transcoded: Arc<AtomicUsize>,
    pub(super) removed: Arc<AtomicUsize>,
    pub(super) forgotten: Arc<AtomicUsize>,
    pub(super) release: Arc<Notify>,
}

impl Video for Studio {
    async fn transcode(&self, cx: &Context, film: &str) -> u64 {
        assert_ne!(film, CURSED, "nobody survives watching this");
        cx.report_progress(Progress::of(1, 2));
        if film == LONG {
            self.release.notified().await;
        }
        self.transcoded.fetch_add(1, Ordering::SeqCst);
        40
    }

    async fn remove(&self, _film: &str) -> bool {
        self.removed.fetch_add(1, Ordering::SeqCst);
        true
    }

    async fn forget(&self, _film: &str) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

/// A NATS server on which nobody may do more than the section grants.
pub(super) struct Media {
    pub(super) nats: NatsServer,
    pub(super) studio: Studio,
    _store: TempDir,
}

/// The configuration that is printed.
pub(super) fn config() -> &'static str {
    document::config(&["user: deploy"])
}

impl Media {
    /// Without streams and bucket.
    pub(super) fn empty(version: Version) -> Self {
        Media::of(version, config())
    }

    pub(super) fn of(version: Version, config: &str) -> Self {
        // The users' passwords are their names. Variables that nobody uses are errors.
        let used = USERS.iter().filter(|user| config.contains(&format!("user: {user},")));
        let passwords: Vec<_> =
            used.map(|user| format!("{}_PASSWORD: {user}", user.to_uppercase())).collect();
        let store = tempfile::tempdir().unwrap();
        let config = config.replace("/var/lib/nats", &store.path().display().to_string());
        let nats =
            NatsServer::builder().version(version).config(&passwords.join("\n")).config(&config).start();
        Media { nats, studio: Studio::default(), _store: store }
    }

    /// With all that there has to be.
    pub(super) async fn deployed(version: Version) -> Self {
        let media = Media::empty(version);
        media.deploy().await.unwrap();
        media
    }

    pub(super) async fn deploy(&self) -> Result<(), Error> {
        deploy(self.connect("deploy").await, self.service()).await
    }

    pub(super) fn service(&self) -> VideoServer<Studio> {
        VideoServer::new(self.studio.clone())
    }

    pub(super) async fn connect(&self, user: &str) -> Connection {
        self.try_connect(user).await.unwrap()
    }

    pub(super) async fn try_connect(&self, user: &str) -> Result<Connection, Error> {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
        let options = options.custom_inbox_prefix(format!("_INBOX_{user}"));
        connect_with(options, self.nats.url()).await
    }

    /// A worker on a connection, which tries each job once.
    pub(super) async fn serve_on(&self, connection: Connection) -> Result<Server, Error> {
        let settings = JobSettings::new().attempts(1);
        Server::builder(connection).jobs(settings).add(self.service()).start().await
    }

    pub(super) async fn serve(&self) -> Server {
        self.serve_on(self.connect("video").await).await.unwrap()
    }

    pub(super) async fn client(&self, user: &str) -> VideoClient {
        VideoClient::new(self.connect(user).await)
    }
}

/// Waits until a job is where it should be.
pub(super) async fn until<T, E>(job: &Job<T, E>, what: &str, is_there: impl Fn(&JobStatus) -> bool) {
    soon(Box::pin(reach(job, is_there))).await.unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// The same without an end, and not for who may not look.
pub(super) async fn reach<T, E>(job: &Job<T, E>, is_there: impl Fn(&JobStatus) -> bool) -> Result<(), Error> {
    while !is_there(&job.status().await?) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
