#[nats_rpc::service]
trait Feed {
    async fn upload(&self, lines: Incoming<&str>) -> u64;
}

fn main() {}
