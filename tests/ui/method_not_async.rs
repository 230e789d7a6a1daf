#[nats_rpc::service]
trait Greeter {
    fn hello(&self, name: &str) -> String;
}

fn main() {}
