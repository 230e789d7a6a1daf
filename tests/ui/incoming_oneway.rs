#[nats_rpc::service]
trait Feed {
    #[rpc(oneway)]
    async fn upload(&self, chunks: Incoming<Vec<u8>>);
}

fn main() {}
