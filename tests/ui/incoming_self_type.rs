#[nats_rpc::service]
trait Feed {
    async fn upload(&self, lines: Incoming<Self>) -> u64;
}

fn main() {}
