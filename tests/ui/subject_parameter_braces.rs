#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{id}{kind}")]
    async fn get(&self, id: u64, kind: u8);
}

fn main() {}
