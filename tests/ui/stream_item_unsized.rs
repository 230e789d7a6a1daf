#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> impl Stream<Item = [u8]>;
}

fn main() {}
