#[nats_rpc::service(subject = "orders.{_region}")]
trait Orders {
    async fn count(&self) -> u64;
}

fn main() {}
