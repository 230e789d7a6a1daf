//! The runtime under another name, as those who re-export it have it.

use futures::{Stream, StreamExt, TryStreamExt, stream};

use crate::support::serve;

#[renamed_rpc::service(crate = ::renamed_rpc)]
pub(crate) trait Renamed {
    async fn hello(&self, cx: &renamed_rpc::Context, name: &str, bytes: &[u8]) -> Result<String, String>;
    #[rpc(oneway)]
    async fn log(&self, line: &str);
    fn watch(&self, prefix: &str) -> impl Stream<Item = Result<u8, String>>;
}

mod reexport {
    pub(crate) use renamed_rpc as rpc;
}

#[reexport::rpc::service(crate = self::reexport::rpc, subject = "reexported.{town}")]
pub(crate) trait Reexported {
    #[rpc(subject = "bytes.{count}.{text}", durable)]
    async fn bytes(&self, count: usize, text: &str, bytes: Option<Vec<u8>>) -> Option<Vec<u8>>;
    async fn open(
        &self,
        up: reexport::rpc::Incoming<u8>,
    ) -> Result<impl Stream<Item = Result<u8, String>>, String>;
}

/// A macro that another crate exports, which knows the way to the runtime only from its own root.
macro_rules! exported {
    ($service:ident) => {
        #[$crate::renamed::reexport::rpc::service(crate = $crate::renamed::reexport::rpc, subject = "exported.{town}")]
        pub(crate) trait $service {
            #[rpc(subject = "bytes.{text}", durable)]
            async fn bytes(&self, bytes: &[u8], text: &str) -> Result<Vec<u8>, String>;
            async fn upload(&self, chunks: $crate::renamed::reexport::rpc::Incoming<Vec<u8>>) -> u64;
        }
    };
}

exported!(Exported);

struct Here;

impl Renamed for Here {
    async fn hello(&self, _cx: &renamed_rpc::Context, name: &str, bytes: &[u8]) -> Result<String, String> {
        Ok(format!("{name} {}", bytes.len()))
    }

    async fn log(&self, _line: &str) {}

    fn watch(&self, prefix: &str) -> impl Stream<Item = Result<u8, String>> {
        stream::iter([Err(prefix.to_owned())])
    }
}

impl Reexported for Here {
    async fn bytes(&self, count: usize, text: &str, bytes: Option<Vec<u8>>) -> Option<Vec<u8>> {
        bytes.or_else(|| Some(text.repeat(count).into_bytes()))
    }

    async fn open(
        &self,
        up: renamed_rpc::Incoming<u8>,
    ) -> Result<impl Stream<Item = Result<u8, String>>, String> {
        Ok(up.map_err(|error| error.to_string()))
    }
}

impl Exported for Here {
    async fn bytes(&self, bytes: &[u8], text: &str) -> Result<Vec<u8>, String> {
        Ok([bytes, text.as_bytes()].concat())
    }

    async fn upload(&self, chunks: renamed_rpc::Incoming<Vec<u8>>) -> u64 {
        chunks.count().await as u64
    }
}

#[tokio::test]
async fn the_runtime_can_have_another_name() {
    let served = serve(RenamedServer::new(Here)).await;
    let client: RenamedClient = served.client();
    assert_eq!(client.hello("Ann", b"123").await.unwrap(), "Ann 3");
    client.log("line").await.unwrap();
    assert_eq!(client.watch("t").await.unwrap().count().await, 1);

    let served = serve(ReexportedServer::new(Here)).await;
    let client = ReexportedClient::new(served.connect(), "rome").unwrap();
    assert_eq!(client.bytes(2, "a", None).await.unwrap().as_deref(), Some(&b"aa"[..]));
    assert_eq!(client.open(stream::iter([1, 2])).await.unwrap().count().await, 2);

    let served = serve(ExportedServer::new(Here).with_town("rome")).await;
    let client = ExportedClient::new(served.connect(), "rome").unwrap();
    assert_eq!(client.bytes(b"a", "b").await.unwrap(), b"ab");
    assert_eq!(client.upload(stream::iter([vec![1]])).await.unwrap(), 1);
}
