#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> impl Stream<Item = Vec<Self>>;
}

fn main() {}
