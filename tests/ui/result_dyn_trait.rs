#[nats_rpc::service]
trait Greeter {
    async fn hello(&self) -> Result<String, Box<dyn std::error::Error>>;
}

fn main() {}
