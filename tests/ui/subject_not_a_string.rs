#[nats_rpc::service]
trait Orders {
    #[rpc(subject = 1)]
    async fn get(&self, id: u64);
}

fn main() {}
