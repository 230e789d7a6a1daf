#[nats_rpc::service]
trait Orders {
    #[rpc(oneway, durable)]
    async fn place(&self, order: &str);
}

fn main() {}
