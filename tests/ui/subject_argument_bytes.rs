#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{key}.{lent}")]
    async fn get(&self, key: Vec<u8>, lent: &[u8]);
}

fn main() {}
