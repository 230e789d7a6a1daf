#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: Option<&str>, all: &[&str], pairs: (&[u8], &u8)) -> String;
}

fn main() {}
