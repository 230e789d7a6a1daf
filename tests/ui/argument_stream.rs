#[nats_rpc::service]
trait Feed {
    async fn upload(&self, chunks: impl Stream<Item = Vec<u8>>) -> u64;
}

fn main() {}
