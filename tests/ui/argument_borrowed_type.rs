use std::borrow::Cow;

#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: Cow<'_, str>) -> String;
}

fn main() {}
