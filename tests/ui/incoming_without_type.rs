#[nats_rpc::service]
trait Feed {
    async fn upload(&self, chunks: Incoming) -> u64;
}

fn main() {}
