//! Moving to another NATS server before the one that is used shuts down: what is wanted is there before it is given up here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ServerAddr, ServerInfo, Subscriber};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::NatsTransport;
use super::dialer::Dialer;
use super::subscription::{Leave, Link, Move, Overlap, subscribe};
use crate::connection::closed;
use crate::connection::events::ConnectionEvent;
use crate::error::{Error, ErrorKind};

/// How long each step may take; a server that shuts down gives ten seconds and more in all.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

/// How often one looks whether a client is connected.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Moves to another server, if one is known.
pub(super) async fn relocate(transport: Arc<NatsTransport>) {
    let Some(dialer) = transport.dialer() else { return };
    if dialer.is_moving.swap(true, Ordering::AcqRel) {
        return;
    }
    match move_over(&transport, dialer).await {
        Ok(()) => dialer.tell(&ConnectionEvent::Moved),
        Err(error) => {
            tracing::warn!(%error, "the NATS server will shut down, and the connection cannot move to another");
        }
    }
    dialer.is_moving.store(false, Ordering::Release);
}

async fn move_over(transport: &NatsTransport, dialer: &Arc<Dialer>) -> Result<(), Error> {
    let old = transport.client();
    let number = dialer.number() + 1;
    let new = find_other(&old, dialer, number).await?;
    let (stopping, mut stopped) = mpsc::channel(1);
    let leave = Leave { stopping, drained: CancellationToken::new() };

    // Only when the other server has the subscriptions is the first one asked for no more.
    let mut arrived = arrive(transport.links(), &new).await?;
    round_trip(&new).await;
    // In this order: what subscribes in between is moved again, which does no harm, and not forgotten.
    transport.use_client(new.clone());
    dialer.use_number(number);
    // What was sent there before is on its way before its replies are given up.
    let _ = timeout(STEP_TIMEOUT, old.flush()).await;
    // Those that were made at the first server meanwhile.
    let is_behind =
        |link: &Arc<Link>| link.number < number && !arrived.iter().any(|(known, _)| Arc::ptr_eq(known, link));
    let behind = transport.links().into_iter().filter(is_behind).collect();
    arrived.extend(arrive(behind, &new).await?);
    let mut missing = Vec::new();
    for (link, subscriber) in arrived {
        match subscriber {
            Some(subscriber) => link.tell(Move::Over(subscriber, leave.clone())),
            None => {
                link.tell(Move::Off(leave.clone()));
                missing.push(link);
            }
        }
    }

    let Leave { stopping, drained } = leave;
    drop(stopping);
    let _ = timeout(STEP_TIMEOUT, stopped.recv()).await;
    round_trip(&old).await;
    drained.cancel();
    for link in missing {
        link.tell(Move::On(subscribe(&new, &link.wanted).await?));
    }
    Ok(())
}

/// Subscribes at the other server, but for what must not come twice.
async fn arrive(links: Vec<Arc<Link>>, new: &Client) -> Result<Vec<(Arc<Link>, Option<Subscriber>)>, Error> {
    let mut arrived = Vec::with_capacity(links.len());
    for link in links {
        let subscriber = match link.wanted.overlap {
            Overlap::Harmless => Some(subscribe(new, &link.wanted).await?),
            Overlap::Harmful => None,
        };
        arrived.push((link, subscriber));
    }
    Ok(arrived)
}

/// Connects to another of the servers that are known, by their addresses or from the cluster.
async fn find_other(old: &Client, dialer: &Arc<Dialer>, number: u64) -> Result<Client, Error> {
    let here = old.server_info().server_id;
    let known = old.server_pool().await.map_err(|error| closed().with_source(error))?;
    let known: Vec<ServerAddr> = known.into_iter().map(|server| server.addr).collect();
    for address in &known {
        let Ok(client) = dialer.dial(std::slice::from_ref(address), number).await else { continue };
        let Ok(info) = timeout(STEP_TIMEOUT, connected(&client)).await else { continue };
        if info.server_id != here && !info.lame_duck_mode {
            // If that one is lost too, all of them are looked for.
            let _ = client.set_server_pool(&known[..]).await;
            return Ok(client);
        }
    }
    Err(Error::not_executed(ErrorKind::Unavailable, "no other server is there"))
}

/// Waits for the connection of a client whose options let it connect later.
async fn connected(client: &Client) -> ServerInfo {
    loop {
        match client.try_server_info() {
            Some(info) if client.connection_state() == State::Connected => return info,
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// Waits until a server has taken all that a client sent, and the client all that it was sent. One whose user may not
/// write to itself learns nothing, and goes on after a moment.
async fn round_trip(client: &Client) {
    let there_and_back = async {
        let inbox = client.new_inbox();
        let mut echo: Subscriber = client.subscribe(inbox.clone()).await.ok()?;
        // A connection without echo gets a 503 instead.
        client.publish_with_reply(inbox.clone(), inbox, Default::default()).await.ok()?;
        echo.next().await
    };
    let _ = timeout(STEP_TIMEOUT, there_and_back).await;
}
