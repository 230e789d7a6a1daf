#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, (first, last): (String, String)) -> String;
}

fn main() {}
