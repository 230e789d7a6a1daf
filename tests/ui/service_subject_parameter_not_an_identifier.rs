#[nats_rpc::service(subject = "orders.{from-region}")]
trait Orders {
    async fn count(&self) -> u64;
}

fn main() {}
