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

#[reexport::rpc::service(crate = self::reexport::rpc)]
pub(crate) trait Reexported {
    async fn bytes(&self, bytes: Option<Vec<u8>>) -> Option<Vec<u8>>;
}

struct Here;

impl Renamed for Here {
    async fn hello(&self, _cx: &renamed_rpc::Context, name: &str, bytes: &[u8]) -> Result<String, String> {
        Ok(format!("{name} {}", bytes.len()))
    }

    async fn log(&self, _line: &str) {}
}

impl Reexported for Here {
    async fn bytes(&self, bytes: Option<Vec<u8>>) -> Option<Vec<u8>> {
        bytes
    }
}

#[tokio::test]
async fn the_runtime_can_have_another_name() {
    let served = serve(RenamedServer::new(Here)).await;
    let client: RenamedClient = served.client();
    assert_eq!(client.hello("Ann", b"123").await.unwrap(), "Ann 3");
    client.log("line").await.unwrap();

    let served = serve(ReexportedServer::new(Here)).await;
    assert_eq!(served.client::<ReexportedClient>().bytes(None).await.unwrap(), None);
}
