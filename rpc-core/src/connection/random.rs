//! Where a connection gets its random numbers from.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The system's cryptographic generator, or a seeded one so that a simulation can be replayed.
pub(crate) enum Random {
    System,
    Seeded(Box<Mutex<StdRng>>),
}

impl Random {
    /// Unpredictable numbers: ids and reply subjects made of them cannot be guessed.
    pub(crate) fn system() -> Self {
        Random::System
    }

    /// The same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Random::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    pub(crate) fn u64(&self) -> u64 {
        match self {
            Random::System => rand::rng().next_u64(),
            Random::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).next_u64(),
        }
    }

    /// A duration between nothing and `end`, for delays that must not coincide.
    pub(crate) fn below(&self, end: Duration) -> Duration {
        // 32 of the bits are as fine as a timer can be.
        let share = u32::try_from(self.u64() >> 32).unwrap_or_default();
        end.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }

    /// A subject token of `N` letters and digits.
    pub(crate) fn token<const N: usize>(&self) -> [u8; N] {
        let mut pool = 0_u64;
        let mut left = 0;
        std::array::from_fn(|_| {
            if left == 0 {
                // Ten digits of base 62 fit into 64 bits with a bias far below what a guess could use.
                pool = self.u64();
                left = 10;
            }
            let digit = usize::try_from(pool % 62).unwrap_or_default();
            pool /= 62;
            left -= 1;
            BASE62.get(digit).copied().unwrap_or(b'0')
        })
    }

    /// The same as text.
    pub(crate) fn token_string<const N: usize>(&self) -> String {
        self.token::<N>().iter().copied().map(char::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_and_tokens_are_letters_and_digits() {
        let (one, two) = (Random::seeded(7), Random::seeded(7));
        let tokens: Vec<String> = (0..100).map(|_| one.token_string::<12>()).collect();
        assert!(tokens.iter().all(|token| *token == two.token_string::<12>()));
        assert!(tokens.iter().flat_map(|token| token.bytes()).all(|byte| byte.is_ascii_alphanumeric()));
        assert!(Random::system().token::<8>() != Random::system().token::<8>());
    }
}
