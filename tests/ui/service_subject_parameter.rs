#[nats_rpc::service(subject = "greetings.{region}")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
