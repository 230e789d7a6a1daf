//! The server that async-nats brings along: its `service` module, with the baseline's client.

use async_nats::service::ServiceExt;
use async_nats::service::endpoint::Endpoint;
use bytes::Bytes;
use futures::StreamExt;

use super::Serving;
use super::by_hand::{ByHand, echo, hello, prove};
use crate::Result;

pub(super) async fn serve(url: &str) -> Result<Serving> {
    let client = async_nats::connect(url).await?;
    let service = client.service_builder().start("bench", "1.0.0").await?;
    let group = service.group("nats-service");
    tokio::spawn(answer(group.endpoint("hello").await?, hello));
    tokio::spawn(answer(group.endpoint("echo").await?, echo));
    prove(&client).await?;
    Ok(Serving::at(url).keeping(service))
}

async fn answer(mut requests: Endpoint, handler: fn(&[u8]) -> Result<Bytes>) {
    while let Some(request) = requests.next().await {
        let answer = handler(&request.message.payload).expect("the request of this benchmark");
        request.respond(Ok(answer)).await.expect("the connection is open");
    }
}

pub(super) async fn connect(url: &str) -> Result<ByHand> {
    Ok(ByHand::new(async_nats::connect(url).await?, "nats-service.hello", "nats-service.echo"))
}
