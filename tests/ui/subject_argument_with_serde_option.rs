#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, #[serde(default, rename = "number")] id: u64);
}

fn main() {}
