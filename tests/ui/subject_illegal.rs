#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.*")]
    async fn get(&self);
}

fn main() {}
