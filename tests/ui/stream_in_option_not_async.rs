#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> Option<impl Stream<Item = u8>>;
}

fn main() {}
