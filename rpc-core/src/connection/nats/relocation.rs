//! Moving to another NATS server before the one that is used shuts down: what is wanted is there before it is given up here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ServerAddr, ServerInfo, Subscriber};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::NatsTransport;
use super::dialer::Dialer;
use super::subscription::{Link, Move, Overlap, subscribe};
use crate::connection::closed;
use crate::connection::events::ConnectionEvent;
use crate::error::{Error, ErrorKind};

/// How long each step may take; a server that shuts down gives ten seconds and more in all.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);

/// How often one looks whether a client is connected.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Moves to another server, if one is known, and on from that if it shuts down as well.
pub(super) async fn relocate(transport: Arc<NatsTransport>) {
    let Some(dialer) = transport.dialer() else { return };
    loop {
        if let Err(error) = move_over(&transport, dialer).await {
            tracing::warn!(%error, "the NATS server will shut down, and the connection cannot move to another");
            return dialer.stay();
        }
        dialer.tell(&ConnectionEvent::Moved);
        if dialer.has_arrived() {
            return;
        }
    }
}

async fn move_over(transport: &NatsTransport, dialer: &Arc<Dialer>) -> Result<(), Error> {
    let old = transport.client();
    let (new, number) = find_other(&old, dialer).await?;
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
    let (stopping, stopped) = mpsc::channel(1);
    let mut missing = Vec::new();
    for (link, subscriber) in arrived {
        match subscriber {
            Some(subscriber) => link.tell(Move::Over(subscriber)),
            None => {
                link.tell(Move::Off(stopping.clone()));
                missing.push(link);
            }
        }
    }
    drop(stopping);
    if !missing.is_empty() {
        go_on(missing, stopped, &old, &new).await;
    }
    Ok(())
}

/// Subscribes at the other server for what must not come twice, once the first one has been asked for no more of it.
async fn go_on(missing: Vec<Arc<Link>>, mut stopped: mpsc::Receiver<Infallible>, old: &Client, new: &Client) {
    // A subscription that is not read may take longer: what it gets twice is not for an instance, which reads all the time.
    let _ = timeout(STEP_TIMEOUT, stopped.recv()).await;
    round_trip(old).await;
    for link in missing {
        match subscribe(new, &link.wanted).await {
            Ok(subscriber) => link.tell(Move::On(subscriber)),
            Err(error) => {
                tracing::error!(%error, subject = %link.wanted.subject, "a subscription did not survive a move");
                link.tell(Move::Refused);
            }
        }
    }
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
async fn find_other(old: &Client, dialer: &Arc<Dialer>) -> Result<(Client, u64), Error> {
    let here = old.server_info().server_id;
    let known = old.server_pool().await.map_err(|error| closed().with_source(error))?;
    let known: Vec<ServerAddr> = known.into_iter().map(|server| server.addr).collect();
    for address in &known {
        let Ok((client, number)) = dialer.dial(std::slice::from_ref(address)).await else { continue };
        let Ok(info) = timeout(STEP_TIMEOUT, connected(&client)).await else { continue };
        if info.server_id != here && !info.lame_duck_mode {
            // If that one is lost too, all of them are looked for.
            let _ = client.set_server_pool(&known[..]).await;
            return Ok((client, number));
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
