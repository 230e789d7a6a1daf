#[nats_rpc::service]
trait Größe {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
