#[nats_rpc::service(subject = "orders.{region}.{region}")]
trait Orders {
    async fn count(&self) -> u64;
}

fn main() {}
