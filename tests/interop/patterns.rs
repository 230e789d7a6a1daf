//! What goes to all instances, and what JetStream keeps, from a program that knows nothing of this library.

use nats_rpc::Server;
use serde_json::{Value, json};
use tests::NatsServer;

use crate::nats_py;

#[nats_rpc::service]
trait Desk {
    async fn hello(&self, name: &str) -> String;
    #[rpc(durable)]
    async fn add(&self, a: i64, b: i64) -> i64;
}

struct Clerk(&'static str);

impl Desk for Clerk {
    async fn hello(&self, name: &str) -> String {
        format!("Hello, {name}, from {}!", self.0)
    }

    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

#[tokio::test]
async fn in_python() {
    let nats = NatsServer::builder().jetstream().start();
    let mut servers = Vec::new();
    for id in ["one", "two", "three"] {
        let server = Server::builder(async_nats::connect(nats.url()).await.unwrap()).id(id);
        servers.push(server.add(DeskServer::new(Clerk(id))).start().await.unwrap());
    }
    let url = nats.url().to_owned();
    let run = move || nats_py::command("patterns").args([&url, "desk", "3"]).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = json!({
        "one": "Hello, Ann, from one!",
        "two": "Hello, Ann, from two!",
        "three": "Hello, Ann, from three!",
    });
    assert_eq!(found["names"], names);
    assert_eq!(found["result"], 3);
    let status = &found["status"];
    assert_eq!(
        (&status["version"], &status["state"], &status["codec"]),
        (&json!(1), &json!("done"), &json!("json"))
    );
    assert_eq!((&status["method"], &status["attempts"]), (&json!("add"), &json!(1)));
    let failed = &found["failed"];
    assert_eq!((&failed["state"], &failed["failure"]["code"]), (&json!("failed"), &json!(400)));
    assert_eq!(failed["failure"]["execution"], 0);
}
