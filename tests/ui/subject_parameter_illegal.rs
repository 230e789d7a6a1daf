#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{_id}")]
    async fn get(&self, _id: u64);
}

fn main() {}
