#[nats_rpc::service]
trait Greeter {
    async fn hello(&self) -> std::borrow::Cow<'_, str>;
}

fn main() {}
