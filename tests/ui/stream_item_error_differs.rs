use futures::Stream;

#[nats_rpc::service]
trait Feed {
    async fn watch(&self) -> Result<impl Stream<Item = Result<u8, String>>, u16>;
}

fn main() {}
