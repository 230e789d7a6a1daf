//! The task that tells the peers of a server that it is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Shared;
use super::peers::Peers;
use super::replies::{Dispatch, send_message};
use crate::connection::{Joining, LONGEST_SILENCE};

/// How often a peer hears from us; after three times that in silence, it takes the instance for dead.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sends heartbeats to all who have accepted calls open, until the server ends. It sleeps while nobody has.
pub(super) async fn beat(services: Vec<Arc<Peers>>, opened: Arc<Notify>, shared: Arc<Shared>) {
    loop {
        opened.notified().await;
        loop {
            let slept = Instant::now();
            tokio::time::sleep(INTERVAL).await;
            if slept.elapsed() > 2 * INTERVAL {
                // This process was stopped, or very busy: what it has missed is not to be laid at the others' door.
                services.iter().for_each(|peers| peers.forgive());
            }
            services.iter().for_each(|peers| peers.lose_silent(LONGEST_SILENCE));
            let addresses: Vec<_> = services.iter().flat_map(|peers| peers.addresses()).collect();
            if addresses.is_empty() {
                break;
            }
            // What cannot leave now is of no use later.
            if !shared.connection().is_connected() {
                continue;
            }
            for address in addresses {
                send_message(&shared, address.heartbeat(), Joining::Several, Dispatch::Soon);
            }
        }
    }
}
