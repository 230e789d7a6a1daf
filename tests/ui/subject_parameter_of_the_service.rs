#[nats_rpc::service(subject = "orders.{region}")]
trait Orders {
    #[rpc(subject = "get.{region}.{id}")]
    async fn get(&self, id: u64);
}

fn main() {}
