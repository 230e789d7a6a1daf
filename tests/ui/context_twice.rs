use nats_rpc::Context;

#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, cx: &Context, again: &Context) -> String;
}

fn main() {}
