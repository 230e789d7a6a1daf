//! What a run was made on, and with.

use std::env;
use std::fmt;
use std::process::Command;
use std::thread;

use tokio::runtime::Runtime;

use crate::Result;
use crate::broker::Broker;

/// Says which versions of the dependencies this program was built with.
const LOCK_FILE: &str = include_str!("../../../Cargo.lock");

/// The packages that speed depends on.
const PACKAGES: [&str; 6] = ["nats-rpc", "async-nats", "tokio", "rmp-serde", "tarpc", "tonic"];

/// The machine and the versions.
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    system: String,
    nats_server: String,
}

impl Machine {
    /// This machine, with the nats-server of a run.
    pub(crate) fn this(broker: &Broker) -> Result<Self> {
        let nats_server = Runtime::new()?.block_on(async {
            let client = async_nats::connect(broker.url()).await?;
            Ok::<_, async_nats::ConnectError>(client.server_info().version)
        })?;
        Ok(Machine {
            cpu: cpu_model(),
            cores: thread::available_parallelism()?.get(),
            system: system(),
            nats_server,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "- {}, {} cores; {}", self.cpu, self.cores, self.system)?;
        write!(f, "- {}; nats-server {}", env!("RUSTC_VERSION"), self.nats_server)?;
        for package in PACKAGES {
            write!(f, ", {package} {}", locked_version(package).unwrap_or("?"))?;
        }
        writeln!(f)
    }
}

/// The version of a package in the lock file.
fn locked_version(package: &str) -> Option<&'static str> {
    let heading = format!("name = \"{package}\"");
    let mut lines = LOCK_FILE.lines().skip_while(|line| *line != heading);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(target_os = "linux")]
fn cpu_model() -> String {
    use procfs::Current;
    let info = procfs::CpuInfo::current().ok();
    info.and_then(|info| info.model_name(0).map(str::to_owned))
        .unwrap_or_else(|| "an unknown processor".to_owned())
}

#[cfg(not(target_os = "linux"))]
fn cpu_model() -> String {
    "an unknown processor".to_owned()
}

/// The kernel and its version, without what those who have built it append.
fn system() -> String {
    let output = Command::new("uname").arg("-sr").output();
    let printed = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let system = printed.unwrap_or_else(|_| env::consts::OS.to_owned());
    let version = system.split('-').next().unwrap_or_default();
    format!("{version}, {}", env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_version() {
        for package in PACKAGES {
            assert!(locked_version(package).is_some_and(|version| version.starts_with(char::is_numeric)));
        }
        assert_eq!(locked_version("nothing"), None);
    }
}
