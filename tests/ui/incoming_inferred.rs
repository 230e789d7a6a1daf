#[nats_rpc::service]
trait Feed {
    async fn upload(&self, lines: Incoming<_>) -> u64;
}

fn main() {}
