#[nats_rpc::service(subject = "orders.{type}")]
trait Orders {
    async fn count(&self) -> u64;
}

fn main() {}
