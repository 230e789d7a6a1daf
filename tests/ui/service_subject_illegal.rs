#[nats_rpc::service(subject = "greetings.*.all")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
