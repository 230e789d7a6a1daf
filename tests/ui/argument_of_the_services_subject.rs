#[nats_rpc::service(subject = "orders.{region}")]
trait Orders {
    async fn get(&self, region: &str) -> u64;
}

fn main() {}
