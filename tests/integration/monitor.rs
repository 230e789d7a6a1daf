//! What a nats-server tells about itself over HTTP.

use serde_json::Value;
use tests::ReservedPort;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The port on which a server answers questions.
pub(crate) struct Monitor(ReservedPort);

impl Monitor {
    pub(crate) fn new() -> Self {
        Monitor(ReservedPort::new())
    }

    /// The line of the server's configuration.
    pub(crate) fn config(&self) -> String {
        format!("http: \"127.0.0.1:{}\"\n", self.0.number())
    }

    /// How many answers an account waits for, of requests that have come from other accounts.
    pub(crate) async fn responses(&self, account: &str) -> usize {
        let detail = self.get(&format!("/accountz?acc={account}")).await;
        let detail = &detail["account_detail"];
        assert_eq!(detail["account_name"], account, "{detail}");
        detail["responses"].as_object().map_or(0, serde_json::Map::len)
    }

    async fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0.number())).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (_head, body) = answer.split_once("\r\n\r\n").expect("an HTTP response");
        serde_json::from_str(body).unwrap()
    }
}
