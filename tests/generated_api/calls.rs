//! A call is a future like any other: it can be collected, spawned, and outlives its client and its arguments.

use crate::support::serve;

#[nats_rpc::service]
pub(crate) trait Doubler {
    async fn double(&self, number: &u32) -> u32;
    #[rpc(oneway)]
    async fn note(&self, line: &str);
}

struct Here;

impl Doubler for Here {
    async fn double(&self, number: &u32) -> u32 {
        number * 2
    }

    async fn note(&self, line: &str) {
        assert_eq!(line, "noted");
    }
}

#[tokio::test]
async fn calls_can_be_joined() {
    let served = serve(DoublerServer::new(Here)).await;
    let client: DoublerClient = served.client();

    let calls = (0..4).map(|number| client.double(&number));
    let doubled: Result<Vec<_>, _> = futures::future::join_all(calls).await.into_iter().collect();
    assert_eq!(doubled.unwrap(), [0, 2, 4, 6]);
}

#[tokio::test]
async fn calls_can_be_spawned() {
    let served = serve(DoublerServer::new(Here)).await;
    let (call, cast) = {
        let client: DoublerClient = served.client();
        (client.double(&21), client.note("noted"))
    };
    assert_eq!(tokio::spawn(call).await.unwrap().unwrap(), 42);
    tokio::spawn(async move { cast.await.unwrap() }).await.unwrap();
}

#[tokio::test]
async fn client_and_server_are_cheap_to_clone_and_can_be_printed() {
    let server = DoublerServer::from_arc(std::sync::Arc::new(Here));
    assert_eq!(format!("{:?}", server.clone()), "DoublerServer { .. }");

    let served = serve(server).await;
    let client: DoublerClient = served.client();
    assert_eq!(format!("{:?}", client.clone()), "DoublerClient { .. }");
    assert_eq!(client.clone().double(&1).await.unwrap(), 2);
}
