use nats_rpc::Context;

#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, cx: &mut Context) -> String;
}

fn main() {}
