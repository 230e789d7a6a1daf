//! Traits that are generic over the types that travel.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use nats_rpc::ServiceClient as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::serve;

pub(crate) trait Key:
    Serialize + DeserializeOwned + Hash + Eq + Clone + Send + Sync + 'static
{
}
impl<T: Serialize + DeserializeOwned + Hash + Eq + Clone + Send + Sync + 'static> Key for T {}

pub(crate) trait Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Value for T {}

/// A bound in the list, one in the where clause, one on `Self`, and a default.
#[nats_rpc::service(name = "cache", subject = "storage.cache", version = "2.1.0")]
pub(crate) trait Cache<K: Key, V = String>
where
    V: Value,
    Self: Sized,
{
    async fn get(&self, key: &K) -> Option<V>;
    async fn put(&self, key: K, value: V) -> Result<(), String>;
    async fn put_all(&self, entries: &[(K, V)]);
    async fn count(&self, prefix: &str, at_most: u64) -> u64;
    async fn clear(&self);
    #[rpc(bare)]
    async fn has(&self, key: &K) -> bool;
    #[rpc(oneway)]
    async fn touch(&self, key: &K);
}

struct Memory<K, V>(Mutex<HashMap<K, V>>);

impl<K: Key, V: Value> Cache<K, V> for Memory<K, V> {
    async fn get(&self, key: &K) -> Option<V> {
        self.0.lock().unwrap().get(key).cloned()
    }

    async fn put(&self, key: K, value: V) -> Result<(), String> {
        match self.0.lock().unwrap().insert(key, value) {
            Some(_) => Err("replaced".to_owned()),
            None => Ok(()),
        }
    }

    async fn put_all(&self, entries: &[(K, V)]) {
        self.0.lock().unwrap().extend(entries.iter().cloned());
    }

    async fn count(&self, prefix: &str, at_most: u64) -> u64 {
        (self.0.lock().unwrap().len() as u64).min(at_most) + prefix.len() as u64
    }

    async fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    async fn has(&self, key: &K) -> bool {
        self.0.lock().unwrap().contains_key(key)
    }

    async fn touch(&self, _key: &K) {}
}

/// The parameter for the implementation must not be called `S` here.
#[nats_rpc::service(name = "stack")]
pub(crate) trait Stack<S: Value> {
    async fn push(&self, item: S);
}

/// Nor here, where the trait itself is.
#[nats_rpc::service]
pub(crate) trait S {
    async fn s(&self, s: u8) -> u8;
}

struct Plate;

impl Stack<u8> for Plate {
    async fn push(&self, item: u8) {
        assert_eq!(item, 1);
    }
}

impl S for Plate {
    async fn s(&self, s: u8) -> u8 {
        s
    }
}

#[tokio::test]
async fn a_generic_service_works_for_its_types() {
    let served = serve(CacheServer::new(Memory::<u32, String>(Mutex::default()))).await;
    let cache: CacheClient<u32> = served.client();

    assert_eq!(cache.get(&1).await.unwrap(), None);
    cache.put(1, "one".to_owned()).await.unwrap();
    assert!(cache.put(1, "eins".to_owned()).await.is_err());
    cache.put_all(&[(2, "two".to_owned())]).await.unwrap();
    assert_eq!(cache.get(&2).await.unwrap().as_deref(), Some("two"));
    assert!(cache.has(&2).await.unwrap());
    assert_eq!(cache.clone().count("ab", 10).await.unwrap(), 4);
    cache.touch(&1).await.unwrap();
    cache.clear().await.unwrap();
    assert_eq!(cache.count("", 10).await.unwrap(), 0);
}

#[test]
fn the_description_is_as_written() {
    let description = CacheClient::<u8, u8>::descriptor();
    assert_eq!(description.name(), "cache");
    assert_eq!(description.subject(), "storage.cache");
    assert_eq!(description.version(), "2.1.0");
    assert_eq!(
        description.description(),
        "A bound in the list, one in the where clause, one on `Self`, and a default."
    );
}

#[tokio::test]
async fn no_parameter_of_the_users_is_mistaken_for_the_implementation() {
    let served = serve(StackServer::new(Plate)).await;
    served.client::<StackClient<u8>>().push(1).await.unwrap();
    let served = serve(SServer::new(Plate)).await;
    assert_eq!(served.client::<SClient>().s(1).await.unwrap(), 1);
}
