#[nats_rpc::service]
unsafe trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
