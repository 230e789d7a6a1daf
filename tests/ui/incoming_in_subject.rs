#[nats_rpc::service]
trait Feed {
    #[rpc(subject = "upload.{chunks}")]
    async fn upload(&self, chunks: Incoming<Vec<u8>>) -> u64;
}

fn main() {}
