//! What jobs are worth when workers, NATS and the network break.

mod record;
mod check;
mod submitters;
mod bed;
mod nats;
mod cluster;
mod places;
mod workers;
mod poison;
mod duplicates;
mod network;
mod endings;
mod letters;
mod waiting;
