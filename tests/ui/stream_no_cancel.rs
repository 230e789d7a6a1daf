#[nats_rpc::service]
trait Feed {
    #[rpc(no_cancel)]
    fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
