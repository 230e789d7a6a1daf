//! A short cut for the items of streams: they come many in a message, and go to their stream without a list of them in between and without the
//! lock that all calls share.

use std::task::Waker;

use super::Shared;
use crate::connection::MAX_FRAMES;
use crate::connection::peers::Origin;
use crate::wire::frame::Frames;

/// Gives the items that a message begins with to their streams, as far as it may have so many.
/// Returns how many these were.
pub(super) fn take_items(
    shared: &Shared,
    frames: &mut Frames<'_>,
    origin: Origin<'_>,
    wake: &mut Vec<Waker>,
) -> usize {
    let mut taken = 0;
    while taken < MAX_FRAMES
        && let Some((id, first)) = frames.next_item()
    {
        taken += 1;
        let more = std::iter::from_fn(|| {
            let item = if taken < MAX_FRAMES { frames.next_item_of(id) } else { None };
            taken += usize::from(item.is_some());
            item
        });
        let items = std::iter::once(first).chain(more);
        let stream = id.own().and_then(|id| Some((id, shared.lock().waiters.open_stream(id, origin)?)));
        if let Some((id, stream)) = stream {
            if stream.flows.take_items(items, wake).is_err() {
                shared.change(|state| state.waiters.close_stream(id));
            }
            continue;
        }
        items.for_each(drop);
        if let Some(id) = id.own() {
            shared.change(|state| state.waiters.refuse_items(id, origin));
        }
    }
    taken
}
