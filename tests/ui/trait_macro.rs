macro_rules! methods {
    () => {};
}

#[nats_rpc::service]
trait Greeter {
    methods!();
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
