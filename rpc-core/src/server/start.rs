//! How a server is started.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::admitted::Admitted;
use super::builder::{Delivery, ServerBuilder};
use super::callers::Callers;
use super::catalog::Catalog;
use super::control::listen;
use super::counters::Counters;
use super::deploy::{deploy, prove, subscribe};
use super::handlers::Handlers;
use super::heartbeats::beat;
#[cfg(feature = "jetstream")]
use super::jobs;
use super::reception::Reception;
use super::replies::LATE_REPLIES;
use super::{Server, ServerService, Shared, discovery, publication};
use crate::connection::closed;
use crate::discovery::check_prefix;
use crate::discovery::metadata::RESERVED;
use crate::error::{Error, ErrorKind};
use crate::reply::Replier;
use crate::wire::reply_prefixes::ReplyPrefixes;
use crate::wire::subject::check_token;

impl ServerBuilder {
    /// Subscribes for all services and proves by a round trip that the broker has the subscriptions.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for names that cannot be part of a
    /// subject, for two services on one subject, for a service whose handlers do not match its
    /// description, for limits of a method that is not there, and for limits that let no handler
    /// run; [`PermissionDenied`](crate::ErrorKind::PermissionDenied) when the broker does not let
    /// this user subscribe, on a connection made by [`connect`](crate::connect);
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it does not answer, or does not let this
    /// user reach its own inbox. Where there are durable methods, also
    /// [`Unimplemented`](crate::ErrorKind::Unimplemented) on a NATS server without JetStream, and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) if a stream, a consumer or a bucket
    /// of theirs is there with other settings than it has to have.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is served.
    pub async fn start(self) -> Result<Server, Error> {
        let instance = match &self.id {
            Some(id) => check_token("the instance id", id).map(|()| id.clone())?,
            None => self.connection.random().token_string::<22>(),
        };
        let group = match &self.delivery {
            Delivery::QueueGroup(group) => {
                check_token("the queue group", group).map(|()| Some(group.as_str()))?
            }
            Delivery::Broadcast => None,
        };
        let listed_prefixes = self.reply_prefixes.map(ReplyPrefixes::new).transpose()?;
        self.limits.check()?;
        check_metadata(&self.metadata)?;
        if let Some(prefix) = &self.discovery_prefix {
            check_prefix(prefix)?;
        }
        let deployed = deploy(
            &self.services,
            self.prefix.as_deref(),
            &self.method_limits,
            self.layers.around(ServerService::innermost).as_ref(),
        )?;
        let started = self.connection.clock().rfc3339();
        let catalog = Catalog::new(instance.clone(), started, self.metadata, group, &deployed);

        let callers = Callers::new(listed_prefixes.as_ref(), &self.limits);
        let shared = Arc::new(Shared {
            replier: Arc::new(Replier { connection: self.connection, instance: instance.into() }),
            reply_prefixes: listed_prefixes.unwrap_or_default(),
            limits: self.limits,
            default_timeout: self.default_timeout.min(self.limits.timeout),
            running: Semaphore::new(self.limits.in_flight.min(Semaphore::MAX_PERMITS)),
            admitted: Arc::new(Admitted::by(&self.limits)),
            streams: Arc::new(Admitted::of_streams(&self.limits)),
            callers,
            late_replies: Arc::new(Semaphore::new(LATE_REPLIES)),
            handlers: Handlers::new(),
            counters: Counters::default(),
            turn_away: CancellationToken::new(),
            catalog,
        });
        let opened = Arc::new(Notify::new());
        let subscribed = subscribe(&shared, deployed, group, &opened).await?;
        let questions = match &self.discovery_prefix {
            Some(prefix) => {
                let contracts = publication::subscribe(&shared, group).await?;
                Some((discovery::subscribe(&shared, prefix).await?, contracts))
            }
            None => None,
        };
        prove(shared.connection(), &subscribed.subjects).await?;

        let mut control = JoinSet::new();
        let peers = subscribed.control.iter().map(|(_, peers)| Arc::clone(peers)).collect();
        control.spawn(beat(peers, opened, Arc::clone(&shared)));
        for (subscription, peers) in subscribed.control {
            control.spawn(listen(subscription, peers, Arc::clone(&shared)));
        }
        let mut answering = JoinSet::new();
        if let Some((questions, contracts)) = questions {
            questions.warn_of_denials(&shared, "discovery does not find this server");
            answering.spawn(discovery::answer(questions, Arc::clone(&shared)));
            contracts.warn_of_denials(&shared, "the contracts of this server are not published");
            answering.spawn(publication::answer(contracts, Arc::clone(&shared)));
        }
        #[cfg(feature = "jetstream")]
        let jobs = match &self.jobs {
            Some(settings) => {
                // Boxed: most servers have none, and need no room for it.
                let started =
                    jobs::Jobs::start(&shared, self.prefix.as_deref(), subscribed.durable, settings);
                Some(Box::pin(started).await?)
            }
            None => None,
        };
        let reception = Some(Reception::new(&shared, subscribed.intake));
        Ok(Server {
            reception,
            control,
            discovery: answering,
            shared,
            grace: self.grace,
            #[cfg(feature = "jetstream")]
            jobs,
        })
    }

    /// Starts, serves until SIGINT or SIGTERM, and shuts down; a second signal aborts the handlers that still run.
    ///
    /// # Errors
    /// Those of [`start`](Self::start); [`Unavailable`](crate::ErrorKind::Unavailable) when the connection is closed for
    /// good; [`Internal`](crate::ErrorKind::Internal) where signals cannot be listened for.
    pub async fn run(self) -> Result<(), Error> {
        let mut signals = super::shutdown::Signals::listen()?;
        let mut server = self.start().await?;
        tokio::select! {
            () = signals.next() => {}
            () = server.closed() => return Err(closed()),
        }
        server.shutdown_or_abort(signals.next()).await;
        Ok(())
    }

    /// Starts, serves until the future is ready, and shuts down.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), and [`Unavailable`](crate::ErrorKind::Unavailable) when the connection is closed for
    /// good.
    pub async fn run_until(self, end: impl Future<Output = ()>) -> Result<(), Error> {
        let mut server = self.start().await?;
        tokio::select! {
            () = end => {}
            () = server.closed() => return Err(closed()),
        }
        server.shutdown().await;
        Ok(())
    }
}

fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    match metadata.keys().find(|name| name.is_empty() || name.starts_with(RESERVED)) {
        Some(name) => {
            let message = format!(
                "the metadata {name:?} is without a name, or begins with {RESERVED:?}, which is reserved"
            );
            Err(Error::not_executed(ErrorKind::InvalidArgument, message))
        }
        None => Ok(()),
    }
}
