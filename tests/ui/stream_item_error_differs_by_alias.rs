use futures::Stream;

type Result<T, E = String> = std::result::Result<T, E>;

#[nats_rpc::service]
trait Feed {
    async fn watch(&self) -> Result<impl Stream<Item = Result<u8>>, u16>;
}

fn main() {}
