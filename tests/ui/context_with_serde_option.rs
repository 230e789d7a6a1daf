use nats_rpc::Context;

#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, #[serde(default)] cx: &Context) -> String;
}

fn main() {}
