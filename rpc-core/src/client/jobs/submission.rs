//! A call that is about to be submitted.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Job, Order, submit};
use crate::client::layers::Passage;
use crate::client::outgoing::Outgoing;
use crate::client::returns::Returns;
use crate::client::watch::Watch;
use crate::error::{CallError, Error, ErrorKind};
use crate::wire::frame::CallBuffer;

/// A call that was made to be executed later: awaited, it yields a [`Job`] once JetStream has stored the call. See
/// [`Call::submit`](crate::Call::submit).
///
/// It takes no longer than the call's time, and is tried again within that. It belongs to the trace of the handler that it is made in, but neither
/// ends with it nor has its deadline.
///
/// # Errors
/// [`Unimplemented`](ErrorKind::Unimplemented) for a method that is not `#[rpc(durable)]`, on a broker in this process and on a NATS server
/// without JetStream; [`NoResponders`](ErrorKind::NoResponders) if no server has ever executed jobs of the service;
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for a [key](Self::key) that stands for another call;
/// [`PayloadTooLarge`](ErrorKind::PayloadTooLarge); [`PermissionDenied`](ErrorKind::PermissionDenied), on a connection made by
/// [`connect`](crate::connect); and [`Unavailable`](ErrorKind::Unavailable) or [`DeadlineExceeded`](ErrorKind::DeadlineExceeded) if JetStream does not
/// answer: whether it has the job is not known if the error [may have been executed](crate::Execution::MaybeExecuted). With a key, submitting once more is always safe.
///
/// # Cancel safety
/// Dropped before it is ready, the job may have been stored, and is executed then. With a key, submitting it again leads to it.
#[must_use = "nothing is submitted until it is awaited"]
pub struct Submission<T, E> {
    outgoing: Outgoing,
    built: Result<CallBuffer, Error>,
    returns: Returns<T, E>,
    watch: Option<Box<Watch>>,
    key: Option<String>,
}

impl<T, E> Submission<T, E> {
    pub(in crate::client) fn new(
        outgoing: Outgoing,
        built: Result<CallBuffer, Error>,
        returns: Returns<T, E>,
        watch: Option<Box<Watch>>,
    ) -> Self {
        Submission { outgoing, built, returns, watch, key: None }
    }

    /// Gives the job a key: all submissions of calls of this method with this key lead to one job, as long as its status is
    /// [kept](crate::jobs::JobSettings::keep), also when it was cancelled or has failed: its [status](Job::status) tells. It may be any text
    /// that is not empty. Where the method's subject has parameters, other values of them are another job.
    ///
    /// With other arguments than before, or an empty key, the submission fails as [`InvalidArgument`](ErrorKind::InvalidArgument).
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    async fn run(mut self) -> Result<Job<T, E>, Error> {
        let submitted = self.submit().await;
        if let Some(watch) = &mut self.watch {
            watch.conclude::<_, E>(
                &submitted.as_ref().map(drop).map_err(|error| CallError::from(error.clone())),
            );
        }
        submitted
    }

    async fn submit(&mut self) -> Result<Job<T, E>, Error> {
        if let Some(watch) = &mut self.watch {
            // That it begins; what follows is not polled in one piece.
            drop(watch.enter());
        }
        let refused = || Error::new(ErrorKind::Cancelled, "polled after it had been answered");
        let (_, args) = std::mem::replace(&mut self.built, Err(refused()))?.into_parts();
        if !self.outgoing.is_durable() {
            let (service, method) = self.outgoing.names();
            let message = format!("the method {service}.{method} is not `#[rpc(durable)]`");
            return Err(Error::not_executed(ErrorKind::Unimplemented, message));
        }
        self.outgoing.detach();
        let order = Arc::new(Order::new(&self.outgoing, self.key.as_deref())?);
        self.outgoing.set_order(Arc::clone(&order));
        let client = self.outgoing.target.client.clone();
        let _in_flight = client.enter()?;
        let deadline = self.outgoing.deadline(Instant::now());
        if self.outgoing.layers().is_some() {
            let mut passage = Passage::submitted(&self.outgoing, args, deadline);
            poll_fn(|cx| passage.poll(cx)).await?;
        } else {
            submit(&self.outgoing, args, deadline).await?;
        }
        Ok(Job::new(client, order.id.clone(), self.returns))
    }
}

impl<T: 'static, E: 'static> IntoFuture for Submission<T, E> {
    type Output = Result<Job<T, E>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T, E> fmt::Debug for Submission<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, method) = self.outgoing.names();
        f.debug_struct("Submission")
            .field("service", &service)
            .field("method", &method)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
