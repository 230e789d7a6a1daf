#[nats_rpc::service]
trait Orders {
    #[rpc(broadcast, durable)]
    async fn place(&self, order: &str);
}

fn main() {}
