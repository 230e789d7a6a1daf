//! The description of a service.

use super::Method;

/// The description of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceDescriptor {
    name: &'static str,
    version: &'static str,
    subject: &'static str,
    description: &'static str,
    methods: &'static [Method],
}

impl ServiceDescriptor {
    /// A service whose subject is its name, of version 0.0.0.
    pub const fn new(name: &'static str, methods: &'static [Method]) -> Self {
        ServiceDescriptor { name, version: "0.0.0", subject: name, description: "", methods }
    }

    /// Sets the version: three numbers after semver.org.
    #[must_use]
    pub const fn with_version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Sets the subject that methods hang below: tokens, of which `{parameter}` stands for a value that each stub, and each
    /// server that wants only one, chooses.
    #[must_use]
    pub const fn with_subject(mut self, subject: &'static str) -> Self {
        self.subject = subject;
        self
    }

    /// Sets the description for humans.
    #[must_use]
    pub const fn with_description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The service's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The service's version.
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// The subject that methods hang below, without the prefix of a deployment.
    pub const fn subject(&self) -> &'static str {
        self.subject
    }

    /// The description for humans; may be empty.
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// The methods.
    pub const fn methods(&self) -> &'static [Method] {
        self.methods
    }
}
