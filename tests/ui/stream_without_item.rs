#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> impl Stream;
}

fn main() {}
