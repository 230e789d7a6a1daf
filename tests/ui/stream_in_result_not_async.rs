#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> Result<impl Stream<Item = u8>, String>;
}

fn main() {}
