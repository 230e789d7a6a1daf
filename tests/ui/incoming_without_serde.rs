use nats_rpc::Incoming;

pub struct Chunk(String);

#[nats_rpc::service]
pub trait Feed {
    async fn upload(&self, chunks: Incoming<Chunk>) -> u64;
}

fn main() {}
