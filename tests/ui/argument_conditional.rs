#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, #[cfg(all())] name: &str) -> String;
}

fn main() {}
