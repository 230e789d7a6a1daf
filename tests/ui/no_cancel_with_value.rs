#[nats_rpc::service]
trait Greeter {
    #[rpc(no_cancel = "always")]
    async fn hello(&self, name: &str) -> String;
    #[rpc(no_cancel, oneway)]
    async fn well(&self);
}

fn main() {}
