//! How many messages are out to a destination, which decides whether others wait to be filled.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So many messages may be out before one that is not full waits.
const OPEN: usize = 4;

/// The messages that are out, oldest first.
#[derive(Debug, Default)]
pub(super) struct Window {
    out: VecDeque<Departed>,
    /// The number of the first of them.
    first: u64,
    /// How many of them are unanswered.
    counted: usize,
}

#[derive(Debug)]
struct Departed {
    at: Instant,
    unanswered: bool,
}

impl Window {
    /// Notes that a message leaves; returns its number.
    pub(super) fn depart(&mut self, at: Instant, hold: Duration) -> u64 {
        self.forget(at, hold);
        self.out.push_back(Departed { at, unanswered: true });
        self.counted += 1;
        self.first + u64::try_from(self.out.len()).unwrap_or_default() - 1
    }

    /// Notes that a message counts no longer: one of its calls was answered or given up.
    pub(super) fn close(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(message) = index.and_then(|index| self.out.get_mut(index))
            && message.unanswered
        {
            message.unanswered = false;
            self.counted -= 1;
        }
    }

    /// Whether a message that is not full may leave.
    pub(super) fn is_open(&mut self, now: Instant, hold: Duration) -> bool {
        self.forget(now, hold);
        self.counted < OPEN
    }

    /// Forgets what was answered, and what is overdue: an instance that does not answer holds nobody up.
    fn forget(&mut self, now: Instant, hold: Duration) {
        while let Some(oldest) = self.out.front() {
            if oldest.unanswered && now.duration_since(oldest.at) < hold {
                return;
            }
            self.counted -= usize::from(oldest.unanswered);
            self.out.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_millis(2);

    #[tokio::test(start_paused = true)]
    async fn four_messages_close_the_window_and_an_answer_opens_it() {
        let (mut window, now) = (Window::default(), Instant::now());
        let numbers: Vec<u64> = (0..4)
            .map(|_| {
                assert!(window.is_open(now, HOLD));
                window.depart(now, HOLD)
            })
            .collect();
        assert!(!window.is_open(now, HOLD));
        window.close(numbers[2]);
        window.close(numbers[2]);
        assert!(window.is_open(now, HOLD));
        window.depart(now, HOLD);
        assert!(!window.is_open(now, HOLD), "a second answer to the same message opens nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_overdue_holds_nobody_up() {
        let (mut window, now) = (Window::default(), Instant::now());
        let stuck: Vec<u64> = (0..4).map(|_| window.depart(now, HOLD)).collect();
        assert!(!window.is_open(now + HOLD / 2, HOLD));
        assert!(window.is_open(now + HOLD, HOLD));
        stuck.into_iter().for_each(|number| window.close(number));
        let later = now + HOLD;
        (0..4).for_each(|_| _ = window.depart(later, HOLD));
        assert!(!window.is_open(later, HOLD), "a late answer does not count twice");
    }
}
