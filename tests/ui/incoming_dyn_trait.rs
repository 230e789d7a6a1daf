#[nats_rpc::service]
trait Feed {
    async fn upload(&self, lines: Incoming<Box<dyn ToString>>) -> u64;
}

fn main() {}
