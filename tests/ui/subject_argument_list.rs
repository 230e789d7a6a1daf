#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{ids}.{more}")]
    async fn get(&self, ids: &[u64], more: Vec<u64>);
}

fn main() {}
