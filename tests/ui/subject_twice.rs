#[nats_rpc::service]
trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, id: u64);
    #[rpc(subject = "get.all")]
    async fn get_all(&self);
    async fn list(&self);
    #[rpc(subject = "list")]
    async fn list_names(&self);
    #[rpc(subject = "put.{id}")]
    async fn put(&self, id: u64);
    #[rpc(name = "put", subject = "store.{id}")]
    async fn store(&self, id: u64);
}

fn main() {}
