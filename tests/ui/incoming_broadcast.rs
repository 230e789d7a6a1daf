#[nats_rpc::service]
trait Feed {
    #[rpc(broadcast)]
    async fn upload(&self, chunks: Incoming<Vec<u8>>) -> u64;
}

fn main() {}
