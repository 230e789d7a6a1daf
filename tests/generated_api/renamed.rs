//! The runtime under another name, as those who re-export it have it.

use crate::support::serve;

#[renamed_rpc::service(crate = ::renamed_rpc)]
pub(crate) trait Renamed {
    async fn hello(&self, cx: &renamed_rpc::Context, name: &str, bytes: &[u8]) -> Result<String, String>;
    #[rpc(oneway)]
    async fn log(&self, line: &str);
}

mod reexport {
    pub(crate) use renamed_rpc as rpc;
}

#[reexport::rpc::service(crate = self::reexport::rpc, subject = "reexported.{town}")]
pub(crate) trait Reexported {
    #[rpc(subject = "bytes.{count}.{text}", durable)]
    async fn bytes(&self, count: usize, text: &str, bytes: Option<Vec<u8>>) -> Option<Vec<u8>>;
}

/// A macro that another crate exports, which knows the way to the runtime only from its own root.
macro_rules! exported {
    ($service:ident) => {
        #[$crate::renamed::reexport::rpc::service(crate = $crate::renamed::reexport::rpc, subject = "exported.{town}")]
        pub(crate) trait $service {
            #[rpc(subject = "bytes.{text}", durable)]
            async fn bytes(&self, bytes: &[u8], text: &str) -> Result<Vec<u8>, String>;
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
}

impl Reexported for Here {
    async fn bytes(&self, count: usize, text: &str, bytes: Option<Vec<u8>>) -> Option<Vec<u8>> {
        bytes.or_else(|| Some(text.repeat(count).into_bytes()))
    }
}

impl Exported for Here {
    async fn bytes(&self, bytes: &[u8], text: &str) -> Result<Vec<u8>, String> {
        Ok([bytes, text.as_bytes()].concat())
    }
}

#[tokio::test]
async fn the_runtime_can_have_another_name() {
    let served = serve(RenamedServer::new(Here)).await;
    let client: RenamedClient = served.client();
    assert_eq!(client.hello("Ann", b"123").await.unwrap(), "Ann 3");
    client.log("line").await.unwrap();

    let served = serve(ReexportedServer::new(Here)).await;
    let client = ReexportedClient::new(served.connect(), "rome").unwrap();
    assert_eq!(client.bytes(2, "a", None).await.unwrap().as_deref(), Some(&b"aa"[..]));

    let served = serve(ExportedServer::new(Here).with_town("rome")).await;
    let client = ExportedClient::new(served.connect(), "rome").unwrap();
    assert_eq!(client.bytes(b"a", "b").await.unwrap(), b"ab");
}
