#[nats_rpc::service]
trait Feed {
    async fn upload(&self, chunks: Option<Incoming<Vec<u8>>>) -> u64;
}

fn main() {}
