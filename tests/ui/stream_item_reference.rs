#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> impl Stream<Item = Result<&str, String>>;
}

fn main() {}
