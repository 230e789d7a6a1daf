#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> impl Stream<Item = impl ToString>;
}

fn main() {}
