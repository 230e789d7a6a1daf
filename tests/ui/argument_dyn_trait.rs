#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: &dyn ToString) -> String;
}

fn main() {}
