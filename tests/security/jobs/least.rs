//! That each list of the section is as short as it can be: whoever has one entry less is refused something.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use nats_rpc::jobs::{DeadLetters, Job, JobStatus};
use nats_rpc::{Connection, ConnectionEvent, Error, Server};
use tests::Version;

use super::bed::{CURSED, LONG, Media, USERS, VideoClient, config, reach};

/// What is only needed for many records at a time, and for who is discovered.
const OTHERS: [&str; 4] = ["$JS.FC.KV_rpc_jobs_video.>", "$SRV.*", "$SRV.*.video", "$SRV.*.video.*"];

/// What a user may, and where that stands.
struct Entry {
    user: &'static str,
    subject: &'static str,
    at: std::ops::Range<usize>,
}

/// All entries of the lists that are printed.
fn entries() -> Vec<Entry> {
    let text = config();
    let mut entries = Vec::new();
    let mut user = "";
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some((_, rest)) = line.split_once("{ user: ") {
            user = rest.split(',').next().unwrap();
        } else if !user.is_empty() && !line.trim_start().starts_with('#') {
            let mut begin = 0;
            while let Some(open) = line[begin..].find('"').map(|open| begin + open) {
                let close = open + 1 + line[open + 1..].find('"').unwrap();
                entries.push(Entry { user, subject: &line[open + 1..close], at: at + open..at + close + 1 });
                begin = close + 1;
            }
        }
        at += line.len();
    }
    entries
}

/// Notes whether the NATS server has refused a user something.
#[derive(Clone, Default)]
struct Denied(Arc<AtomicBool>);

impl Denied {
    fn listen(&self, user: &str, connection: &Connection) {
        let denied = self.clone();
        // Who deploys asks for jobs and for cancels as well, and shall get none. Who submits asks for news, and looks for them where it gets none.
        let passed_over: &[&str] = match user {
            "deploy" => &["$JS.API.CONSUMER.MSG.NEXT.", "$JS.API.CONSUMER.CREATE.KV_"],
            "web" => &["$JS.API.CONSUMER.CREATE.KV_"],
            _ => &[],
        };
        connection.on_event(move |event| {
            let is_refusal = matches!(
                event,
                ConnectionEvent::PublishDenied(subject) | ConnectionEvent::SubscriptionDenied(subject)
                    if !passed_over.iter().any(|begin| subject.starts_with(begin))
            );
            denied.0.fetch_or(is_refusal, Ordering::SeqCst);
        });
    }
}

/// A worker, whose refusals are noted.
async fn serve(media: &Media, user: &str, denied: &Denied) -> Result<Server, Error> {
    let connection = media.try_connect(user).await?;
    denied.listen(user, &connection);
    media.serve_on(connection).await
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What one user is there for, from the beginning to the end.
async fn part(media: &Media, user: &str, denied: &Denied) -> Outcome {
    let own = async |name: &str| -> Result<Connection, Error> {
        let connection = media.try_connect(name).await?;
        if name == user {
            denied.listen(user, &connection);
        }
        Ok(connection)
    };
    if user == "deploy" {
        let server =
            Server::builder(own(user).await?).without_discovery().add(media.service()).start().await?;
        server.shutdown().await;
    } else {
        media.deploy().await?;
    }
    let others = Denied::default();
    let _worker = serve(media, "video", if user == "video" { denied } else { &others }).await?;
    let video = VideoClient::new(own("web").await?);
    let long = video.transcode(LONG).submit().await?;
    reach(&long, |status| matches!(status, JobStatus::Running { .. })).await?;
    if user == "board" {
        let job = Job::<u64, Infallible>::open(own(user).await?, long.id().to_string())?;
        let watching = tokio::spawn(async move { job.result().await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        media.studio.release.notify_one();
        watching.await??;
        return Ok(());
    }
    long.cancel().await?;
    reach(&long, |status| *status == JobStatus::Cancelled).await?;
    let cursed = video.transcode(CURSED).submit().await?;
    let failed = cursed.result().await.is_err_and(|error| error.to_string().contains("incident"));
    if user == "support" {
        let dead = DeadLetters::of(own(user).await?, "video").await?;
        for letter in dead.list().try_collect::<Vec<_>>().await? {
            dead.replay(&letter).await?;
        }
    }
    failed.then_some(()).ok_or_else(|| "its worker has not told why it failed".into())
}

/// Whether a user can do its part with a configuration, within some time and without being refused something.
async fn can(version: Version, user: &str, config: &str, within: Duration) -> bool {
    let media = Media::of(version, config);
    let denied = Denied::default();
    let done = tokio::time::timeout(within, Box::pin(part(&media, user, &denied))).await;
    matches!(done, Ok(Ok(()))) && !denied.0.load(Ordering::SeqCst)
}

#[tokio::test]
async fn everybody_can_do_what_it_is_there_for() {
    for version in [Version::Current, Version::Oldest] {
        for user in USERS {
            assert!(can(version, user, config(), Duration::from_secs(20)).await, "{user}");
        }
    }
}

#[tokio::test]
async fn nobody_can_do_it_with_less() {
    let entries = entries();
    assert!(entries.len() > 40, "{}", entries.len());
    let examined = entries.into_iter().filter(|entry| !OTHERS.contains(&entry.subject));
    let able = futures::stream::iter(examined).map(async |Entry { user, subject, at }| {
        let mut less = config().to_owned();
        less.replace_range(at, "\"nothing\"");
        let able = can(Version::Current, user, &less, Duration::from_secs(4)).await;
        able.then_some((user, subject))
    });
    let superfluous: Vec<_> = able.buffer_unordered(6).filter_map(std::future::ready).collect().await;
    assert!(superfluous.is_empty(), "{superfluous:?}");
}
