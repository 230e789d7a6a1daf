#[nats_rpc::service]
trait Feed {
    fn watch(&self) -> Incoming<u8>;
}

fn main() {}
