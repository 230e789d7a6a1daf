#[nats_rpc::service]
trait Feed {
    async fn upload(&self, chunks: Incoming<Vec<u8>>, name: &str) -> u64;
}

fn main() {}
