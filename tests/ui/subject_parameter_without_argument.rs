#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, key: u64);
}

fn main() {}
