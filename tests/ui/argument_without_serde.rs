pub struct Name(String);

#[nats_rpc::service]
pub trait Greeter {
    async fn hello(&self, name: Name) -> String;
}

fn main() {}
