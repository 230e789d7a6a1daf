//! Calls that are acknowledged first and executed later, on JetStream.

mod bed;
mod cancelling;
mod dead;
mod foreign;
mod life;
mod replicas;
mod setup;
mod submitting;
