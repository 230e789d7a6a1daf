use nats_rpc::Context;

#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: &str, cx: &Context) -> String;
}

fn main() {}
