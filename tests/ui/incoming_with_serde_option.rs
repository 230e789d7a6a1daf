#[nats_rpc::service]
trait Feed {
    async fn upload(&self, #[serde(default)] chunks: Incoming<Vec<u8>>) -> u64;
}

fn main() {}
