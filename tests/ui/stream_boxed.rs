#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> BoxStream<'static, u8>;
}

fn main() {}
