//! Who is expected to answer.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;

use super::InstanceId;
use crate::client::outgoing::Outgoing;
use crate::connection::Verdict;
use crate::deadline::Deadline;
use crate::discovery::{ServiceInfo, discover};
use crate::error::{Error, ErrorKind};
use crate::wire::subject::overlap;

/// How many instances are tried whose subjects are not the caller's.
const MOST_TRIED: usize = 256;

/// How long instances are looked for.
const DISCOVERY: Duration = Duration::from_millis(250);

/// Those who are expected to answer, as far as that is known. In a fixed order, so that a simulation replays.
pub(super) enum Expectation {
    None,
    /// All that discovery will find.
    All,
    Searching(Search),
    Known(BTreeSet<InstanceId>),
}

/// Those of the instances that calls to one instance reach.
async fn reached(outgoing: &Outgoing, found: Vec<ServiceInfo>, deadline: Deadline) -> BTreeSet<InstanceId> {
    let tried = found.into_iter().take(MOST_TRIED).map(async |info| {
        let is_there = outgoing.at_instance(&info.id).verdict(deadline).await;
        is_there.is_ok_and(|verdict| verdict != Verdict::Unknown).then(|| InstanceId::from(info.id))
    });
    join_all(tried).await.into_iter().flatten().collect()
}

/// Looks for all instances. An error if that cannot find all of them.
type Search = Pin<Box<dyn Future<Output = Result<BTreeSet<InstanceId>, Error>> + Send>>;

impl Expectation {
    /// Begins to look for all instances, if it is them who are expected.
    pub(super) fn begin(&mut self, outgoing: &Outgoing, deadline: Deadline) {
        if !matches!(self, Expectation::All) {
            return;
        }
        let (service, method) = outgoing.names();
        let (called, asked) = (outgoing.method_subject(), outgoing.clone());
        let wait = DISCOVERY.min(deadline.remaining() / 4 * 3);
        let discovery = discover(outgoing.connection()).service(service).within(wait);
        *self = Expectation::Searching(Box::pin(async move {
            let found = match discovery.await {
                Err(error) if error.kind() == ErrorKind::Unimplemented => return Err(error),
                found => found.unwrap_or_else(|error| {
                    tracing::warn!(%error, service, method, "the instances that are to answer cannot be discovered");
                    Vec::new()
                }),
            };
            // Other deployments have instances of the same name.
            let serves = |subject: &str| called.as_deref().is_some_and(|called| overlap(subject, called));
            let is_here =
                |info: &&ServiceInfo| info.endpoints.iter().any(|endpoint| serves(&endpoint.subject));
            let here: BTreeSet<_> =
                found.iter().filter(is_here).map(|info| InstanceId::from(info.id.clone())).collect();
            // Where subjects are mapped, discovery tells what they are mapped to.
            Ok(if here.is_empty() { reached(&asked, found, deadline).await } else { here })
        }));
    }

    /// Whether all who are expected have answered. An error if it cannot be known who that is.
    pub(super) fn poll_met(
        &mut self,
        heard: &HashSet<InstanceId>,
        cx: &mut Context<'_>,
    ) -> Result<bool, Error> {
        if let Expectation::Searching(search) = self {
            let Poll::Ready(found) = search.as_mut().poll(cx) else { return Ok(false) };
            let found = found.inspect_err(|_| *self = Expectation::None)?;
            *self = if found.is_empty() { Expectation::None } else { Expectation::Known(found) };
        }
        let is_met = |known: &BTreeSet<_>| known.iter().all(|instance| heard.contains(instance));
        Ok(matches!(self, Expectation::Known(known) if is_met(known)))
    }

    /// Those who are expected and have not answered.
    pub(super) fn missing(&self, heard: &HashSet<InstanceId>) -> Vec<InstanceId> {
        match self {
            Expectation::Known(known) => {
                known.iter().filter(|instance| !heard.contains(*instance)).cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}
