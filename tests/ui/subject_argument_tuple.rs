#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, id: &(u8, u8));
}

fn main() {}
