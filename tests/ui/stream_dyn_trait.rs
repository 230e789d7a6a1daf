#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> Pin<Box<dyn Stream<Item = u8> + Send>>;
}

fn main() {}
