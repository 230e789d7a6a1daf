#[nats_rpc::service]
trait Feed {
    async fn upload(&self, chunks: Incoming<u8, String>) -> u64;
}

fn main() {}
