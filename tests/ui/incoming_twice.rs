#[nats_rpc::service]
trait Feed {
    async fn upload(&self, chunks: Incoming<Vec<u8>>, names: Incoming<String>) -> u64;
}

fn main() {}
