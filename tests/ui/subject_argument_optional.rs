#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{id}.{page}")]
    async fn get(&self, id: u64, page: Option<u8>);
}

fn main() {}
