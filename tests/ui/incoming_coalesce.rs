#[nats_rpc::service]
trait Feed {
    #[rpc(coalesce = 8)]
    async fn upload(&self, chunks: Incoming<Vec<u8>>) -> u64;
}

fn main() {}
