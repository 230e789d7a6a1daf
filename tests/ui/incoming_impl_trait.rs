#[nats_rpc::service]
trait Feed {
    async fn upload(&self, lines: Incoming<impl ToString>) -> u64;
}

fn main() {}
