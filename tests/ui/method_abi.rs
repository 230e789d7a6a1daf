#[nats_rpc::service]
trait Greeter {
    async extern "C" fn hello(&self, name: &str) -> String;
}

fn main() {}
