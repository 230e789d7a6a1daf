//! Looks whether a connection was lost without a word: async-nats keeps 128 events, and drops those that come when there is
//! no room.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::sleep;

use super::NatsTransport;

/// How often one looks. The news of a loss has until the next look but one to come by itself.
const LOOK: Duration = Duration::from_millis(250);

/// Ends with the connection.
pub(super) async fn watch(transport: Weak<NatsTransport>) {
    let mut was_unheard = false;
    loop {
        sleep(LOOK).await;
        let Some(transport) = transport.upgrade() else { return };
        let Some(dialer) = transport.dialer() else { return };
        let (losses, is_connected) = transport.losses();
        let is_unheard = losses > dialer.losses();
        if is_unheard && was_unheard {
            dialer.hear_of_losses(losses, is_connected);
        }
        was_unheard = is_unheard;
    }
}
