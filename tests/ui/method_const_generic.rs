#[nats_rpc::service]
trait Greeter {
    async fn hello<const N: usize>(&self, name: [u8; N]) -> String;
}

fn main() {}
