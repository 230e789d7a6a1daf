#[nats_rpc::service]
trait Greeter {
    async fn upload(&self, chunks: Incoming<Vec<u8>>) -> u64;
}

fn main() {}
