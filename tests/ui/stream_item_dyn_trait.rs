#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> impl Stream<Item = Box<dyn ToString>>;
}

fn main() {}
