#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "{id}")]
    async fn get(&self, id: u64);
}

fn main() {}
