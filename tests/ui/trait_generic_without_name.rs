pub trait Key: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static {}

#[nats_rpc::service]
trait Greeter<K: Key> {
    async fn get(&self, key: &K) -> String;
}

fn main() {}
