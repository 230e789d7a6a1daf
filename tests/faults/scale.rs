//! How long tests of faults take: about a minute all together, or an hour.

use std::env;
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How much is done in one run of each test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// What continuous integration does.
    Short,
    /// What the figures of `docs/reliability.md` come from: with `FAULTS=long`.
    Long,
}

impl Scale {
    pub(crate) fn get() -> Self {
        match env::var("FAULTS").as_deref() {
            Ok("long") => Scale::Long,
            Ok("short") | Err(_) => Scale::Short,
            Ok(other) => panic!("FAULTS is {other:?}; it may be `short` or `long`"),
        }
    }

    pub(crate) fn pick<T>(self, short: T, long: T) -> T {
        match self {
            Scale::Short => short,
            Scale::Long => long,
        }
    }

    pub(crate) fn seconds(self, short: u64, long: u64) -> Duration {
        Duration::from_secs(self.pick(short, long))
    }

    /// Whether the absolute figures of the contract are asserted too: they are about a machine that has time.
    pub(crate) fn is_long(self) -> bool {
        self == Scale::Long
    }
}

/// Tests take turns where one needs the machine for itself.
static TURNS: RwLock<()> = RwLock::const_new(());

/// Together with other tests, for as long as the guard lives.
pub(crate) async fn together() -> RwLockReadGuard<'static, ()> {
    TURNS.read().await
}

/// The same outside of a runtime.
pub(crate) fn blocking_together() -> RwLockReadGuard<'static, ()> {
    TURNS.blocking_read()
}

/// Without any other test that takes turns: what is measured would be theirs too.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    TURNS.write().await
}

/// A number in the environment, such as the seed of a run to repeat.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, which is no number")))
}
