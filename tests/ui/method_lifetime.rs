#[nats_rpc::service]
trait Greeter {
    async fn hello<'a>(&self, name: &'a str) -> String;
}

fn main() {}
