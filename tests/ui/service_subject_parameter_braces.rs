#[nats_rpc::service(subject = "orders.x{region}.{kind")]
trait Orders {
    async fn count(&self) -> u64;
}

fn main() {}
