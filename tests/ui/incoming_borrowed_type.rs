#[nats_rpc::service]
trait Feed {
    async fn upload(&self, lines: Incoming<Cow<'_, str>>) -> u64;
}

fn main() {}
