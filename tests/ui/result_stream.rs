#[nats_rpc::service]
trait Greeter {
    fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
