#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> impl Stream<Item = Cow<'_, str>>;
}

fn main() {}
