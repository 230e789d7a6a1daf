#[nats_rpc::service(subject = "orders.{}")]
trait Orders {
    async fn count(&self) -> u64;
}

fn main() {}
