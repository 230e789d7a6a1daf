#[nats_rpc::service(subject = "orders.{gen}")]
trait Orders {
    async fn count(&self) -> u64;
}

fn main() {}
