//! What streams are worth when their sides, NATS and the network break.

mod bed;
mod by_hand;
mod slow;
mod producers;
mod consumers;
mod nats;
mod network;
mod losses;
mod threads;
mod idle;
mod leftovers;
mod endings;
