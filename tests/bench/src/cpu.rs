//! How much time processors have spent on processes.

use std::ops::{Add, Sub};
use std::time::Duration;

/// The processes that take part in a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processes {
    pub(crate) client: u32,
    /// `None` where it is the client's.
    pub(crate) server: Option<u32>,
    /// `None` where it is somebody else's.
    pub(crate) broker: Option<u32>,
}

impl Processes {
    /// What they have used since each began.
    pub(crate) fn cpu(self) -> CpuTime {
        CpuTime {
            client: used_by(self.client),
            server: self.server.and_then(used_by),
            broker: self.broker.and_then(used_by),
        }
    }
}

/// What the processes have used; `None` for those that are not there, or where the system does not tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTime {
    pub(crate) client: Option<Duration>,
    pub(crate) server: Option<Duration>,
    pub(crate) broker: Option<Duration>,
}

impl CpuTime {
    fn zip(self, other: Self, combine: fn(Duration, Duration) -> Duration) -> Self {
        let both = |one: Option<Duration>, other: Option<Duration>| Some(combine(one?, other?));
        CpuTime {
            client: both(self.client, other.client),
            server: both(self.server, other.server),
            broker: both(self.broker, other.broker),
        }
    }
}

impl Add for CpuTime {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, Duration::saturating_add)
    }
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.zip(other, Duration::saturating_sub)
    }
}

/// User and system time of all threads of a process, to the hundredth of a second that `/proc` counts in.
#[cfg(target_os = "linux")]
fn used_by(process: u32) -> Option<Duration> {
    let process = procfs::process::Process::new(i32::try_from(process).ok()?).ok()?;
    let stat = process.stat().ok()?;
    let ticks = Duration::from_secs(stat.utime + stat.stime);
    Some(ticks / u32::try_from(procfs::ticks_per_second()).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn used_by(_: u32) -> Option<Duration> {
    None
}
