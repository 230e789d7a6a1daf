use std::cell::Cell;

#[nats_rpc::service]
pub trait Counter {
    async fn count(&self) -> u64;
}

struct Local(Cell<u64>);

impl Counter for Local {
    async fn count(&self) -> u64 {
        0
    }
}

fn main() {}
