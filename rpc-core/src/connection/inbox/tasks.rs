//! The tasks of a connection that look after time: one expires calls, one sends what waits.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::Shared;
use crate::connection::sender::Sender;

/// The sweeper rests for so long at least: deadlines that lie closer together share one pass over the calls.
const SWEEP_INTERVAL: Duration = Duration::from_millis(5);

/// Expires calls. It sleeps until the earliest deadline; a call with an earlier one wakes it.
pub(super) async fn sweep(shared: Arc<Shared>) {
    let mut wake = Vec::new();
    loop {
        let now = Instant::now();
        let next = shared.change(|state| state.waiters.sweep(now, &mut wake));
        wake.drain(..).for_each(Waker::wake);
        let earlier = shared.sweep.notified();
        match next {
            Some(next) => {
                let _ = tokio::time::timeout_at(next.max(now + SWEEP_INTERVAL), earlier).await;
            }
            None => earlier.await,
        }
    }
}

/// Sends what was posted and the calls that wait, whenever it is asked to, and as the time of those comes that are held
/// back. It lets every task that is ready run first: what those have to send leaves in the same write.
pub(super) async fn flush(sender: Sender) {
    let mut held = None;
    loop {
        let asked = sender.asked();
        match held {
            Some(until) => _ = tokio::time::timeout_at(until, asked).await,
            None => asked.await,
        }
        yield_now().await;
        held = sender.send_due().await;
    }
}
