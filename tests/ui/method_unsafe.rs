#[nats_rpc::service]
trait Greeter {
    async unsafe fn hello(&self, name: &str) -> String;
}

fn main() {}
