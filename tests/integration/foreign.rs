//! A micro service that was not written with this library: what it answers, and when, is up to the test.

use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use futures::StreamExt;
use nats_rpc::{Client, Codec, Connection, Subscription};
use tokio::task::AbortHandle;

use crate::bed::{Bed, LabClient, outbound};

/// An endpoint of such a service, in the queue group that those have.
pub(crate) struct Foreign {
    connection: Connection,
    requests: Subscription,
}

/// Returns when the broker knows all subscriptions that were made on a connection.
pub(crate) async fn settle(connection: &Connection) {
    let settled = format!("settled.{}", uuid::Uuid::new_v4().simple());
    let mut echo = connection.subscribe(settled.as_str(), None).await.unwrap();
    connection.publish(outbound(&settled, None, "")).await.unwrap();
    echo.next().await.unwrap();
}

impl Foreign {
    /// Returns when the broker knows of it.
    pub(crate) async fn new(bed: &Bed, subject: &str) -> Self {
        let connection = bed.connect_server().await;
        let requests = connection.subscribe(bed.served(subject), Some("q")).await.unwrap();
        settle(&connection).await;
        Foreign { connection, requests }
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.requests.next()).await;
        next.expect("a request comes").expect("the connection is open")
    }

    /// Answers a request with a value.
    pub(crate) async fn answer(&self, request: &Message, payload: impl Into<Bytes>) {
        self.answer_with(request, &[], payload).await;
    }

    /// Answers a request with headers and a payload.
    pub(crate) async fn answer_with(
        &self,
        request: &Message,
        headers: &[(&str, &str)],
        payload: impl Into<Bytes>,
    ) {
        let mut map = HeaderMap::new();
        headers.iter().for_each(|(name, value)| map.append(*name, *value));
        let headers = (!map.is_empty()).then_some(map);
        let reply = request.reply.as_deref().expect("the request asks for a reply");
        self.connection.publish(OutboundMessage { headers, ..outbound(reply, None, payload) }).await.unwrap();
    }

    /// Answers the next request with an error, as frameworks of NATS do.
    pub(crate) async fn fail_next(&mut self, code: &str, text: &str) {
        let request = self.next().await;
        let headers = [("Nats-Service-Error-Code", code), ("Nats-Service-Error", text)];
        self.answer_with(&request, &headers, "").await;
    }

    /// Answers everything from now on with what is made of the payload.
    pub(crate) fn keep_answering(mut self, answer: impl Fn(&[u8]) -> Bytes + Send + 'static) -> AbortHandle {
        let task = tokio::spawn(async move {
            while let Some(request) = self.requests.next().await {
                self.answer(&request, answer(&request.payload)).await;
            }
        });
        task.abort_handle()
    }
}

/// A client for services that are not of this library, on a connection of its own.
pub(crate) async fn plain(bed: &Bed, codec: Codec) -> LabClient {
    LabClient::new(Client::builder(bed.connect().await).plain().codec(codec).build().unwrap())
}
