#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: impl ToString) -> String;
}

fn main() {}
