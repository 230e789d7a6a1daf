#[nats_rpc::service]
trait Orders {
    #[rpc(bare, subject = "get.{id}")]
    async fn get(&self, id: u64);
}

fn main() {}
