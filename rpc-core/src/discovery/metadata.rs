//! The names of what services of this framework say about themselves beyond NATS ADR-32.

/// What begins with this is ours.
pub(crate) const RESERVED: &str = "nats-rpc.";

/// Of a service: where its contract is told.
pub(crate) const CONTRACT: &str = "nats-rpc.contract";

/// Of an endpoint: whether its argument is the whole message.
pub(crate) const BARE: &str = "nats-rpc.bare";
/// Of an endpoint: the encodings that it understands.
pub(crate) const CODECS: &str = "nats-rpc.codecs";
/// Of an endpoint: what stands for all that travels.
pub(crate) const FINGERPRINT: &str = "nats-rpc.fingerprint";
/// Of an endpoint: how it answers.
pub(crate) const KIND: &str = "nats-rpc.kind";
/// Of an endpoint: what it takes.
pub(crate) const PARAMETERS: &str = "nats-rpc.parameters";
/// Of an endpoint: the version of the frames.
pub(crate) const PROTOCOL: &str = "nats-rpc.protocol";
