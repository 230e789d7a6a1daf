//! Installs what tests need into cargo's target directory, once, however many processes ask at the same time.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where cargo builds: `CARGO_TARGET_DIR`, or `target/` at the root of the workspace.
pub(crate) fn target_dir() -> PathBuf {
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is a workspace member");
    // `join` replaces the whole path where the variable holds an absolute one.
    workspace.join(env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()).unwrap_or("target".into()))
}

/// Fills the folder `place` with a requirement such as `nats-py==2.16.0` from PyPI, unless it is there already.
///
/// # Errors
/// What went wrong, for people.
pub(crate) fn pip_install(requirement: &str, place: &Path) -> Result<(), String> {
    install_once(place, |staging| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
            .args(["--target".as_ref(), staging.as_os_str()])
            .arg(requirement)
            // A folder of our own does not touch the system's packages, but old versions of pip refuse.
            .env("PIP_BREAK_SYSTEM_PACKAGES", "1")
            .env("PIP_USER", "0");
        run(&mut pip)
    })
}

/// Fills the folder `place` with a requirement such as `@nats-io/services@3.0.0` from npm, unless it is there already.
///
/// # Errors
/// What went wrong, for people.
pub(crate) fn npm_install(requirement: &str, place: &Path) -> Result<(), String> {
    install_once(place, |staging| {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--loglevel=error",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--no-update-notifier",
        ])
        .args(["--prefix".as_ref(), staging.as_os_str()])
        .arg(requirement);
        run(&mut npm)
    })
}

/// Runs an installer to its end.
fn run(installer: &mut Command) -> Result<(), String> {
    let name = installer.get_program().display().to_string();
    let output =
        installer.stdin(Stdio::null()).output().map_err(|error| format!("{name} does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name} failed, {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end()))
}

/// Lets `install` fill an empty folder that becomes `place` in one step.
///
/// So `place` is complete if it exists; whoever comes second waits for the first and finds its work.
fn install_once(place: &Path, install: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    if place.is_dir() {
        return Ok(());
    }
    let explain = |error: io::Error| format!("cannot write to {}: {error}", place.display());
    let parent = place.parent().expect("a place to install to is below the target directory");
    fs::create_dir_all(parent).map_err(explain)?;
    let lock = File::create(place.with_added_extension("lock")).map_err(explain)?;
    lock.lock().map_err(explain)?;
    if place.is_dir() {
        return Ok(());
    }
    let scratch = tempfile::tempdir_in(parent).map_err(explain)?;
    let staging = scratch.path().join("staging");
    fs::create_dir(&staging).map_err(explain)?;
    install(&staging)?;
    fs::rename(&staging, place).map_err(explain)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn of_many_that_ask_at_once_one_installs_and_all_find_it_complete() {
        let target = tempfile::tempdir().unwrap();
        let place = target.path().join("tool-1.0");
        let (installs, start) = (AtomicUsize::new(0), Barrier::new(8));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    install_once(&place, |staging| {
                        installs.fetch_add(1, Ordering::Relaxed);
                        fs::write(staging.join("tool"), "complete").map_err(|error| error.to_string())
                    })
                    .unwrap();
                    assert_eq!(fs::read_to_string(place.join("tool")).unwrap(), "complete");
                });
            }
        });
        assert_eq!(installs.into_inner(), 1);
    }

    #[test]
    fn a_failed_install_leaves_nothing_and_can_be_repeated() {
        let target = tempfile::tempdir().unwrap();
        let place = target.path().join("tool-1.0");
        let failure = install_once(&place, |staging| {
            fs::write(staging.join("tool"), "half").unwrap();
            Err("no network".to_owned())
        });
        assert_eq!(failure, Err("no network".to_owned()));
        assert!(!place.exists());
        assert_eq!(install_once(&place, |_| Ok(())), Ok(()));
        assert!(place.is_dir());
    }
}
