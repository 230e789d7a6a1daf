pub struct Greeting(String);

#[nats_rpc::service]
pub trait Greeter {
    async fn hello(&self, name: &str) -> Greeting;
}

fn main() {}
