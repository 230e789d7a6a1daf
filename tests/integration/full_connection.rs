//! A connection that takes no more messages delays calls and gives some of them up, and says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_rpc::{CallError, Execution, Server};

use crate::bed::Bed;

#[nats_rpc::service]
trait Record {
    async fn record(&self, id: u64) -> u64;
}

#[derive(Clone, Default)]
struct Book(Arc<Mutex<HashMap<u64, usize>>>);

impl Record for Book {
    async fn record(&self, id: u64) -> u64 {
        *self.0.lock().unwrap().entry(id).or_default() += 1;
        if id.is_multiple_of(97) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        id
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_are_told_is_true_while_the_connection_is_full() {
    let bed = Bed::nats();
    let book = Book::default();
    let url = bed.server().unwrap().url().to_owned();
    let serve = async_nats::ConnectOptions::new().client_capacity(8).connect(&url).await.unwrap();
    let _server = Server::builder(serve).add(RecordServer::new(book.clone())).start().await.unwrap();
    let nats = async_nats::ConnectOptions::new().client_capacity(2).connect(&url).await.unwrap();
    let connection = nats_rpc::Connection::from(nats);
    let record = RecordClient::new(&connection);
    for _ in 0..300 {
        record.record(0).await.unwrap();
    }
    let mut id = 0_u64;
    for round in 0..6 {
        let mut calls = Vec::new();
        let flush = (round % 3 == 1).then(|| {
            let connection = connection.clone();
            tokio::spawn(async move {
                _ = tokio::time::timeout(Duration::from_micros(300), connection.flush()).await;
            })
        });
        for _ in 0..2000 {
            id += 1;
            let record = record.clone();
            calls.push(tokio::spawn(async move {
                let random = uuid::Uuid::new_v4();
                let ms = u64::from(random.as_bytes()[0] % 40) + 1;
                let call = record.record(id).timeout(Duration::from_millis(ms));
                if random.as_bytes()[1].is_multiple_of(10) {
                    let wait = Duration::from_micros(u64::from(random.as_bytes()[2]) * 20);
                    return (id, tokio::time::timeout(wait, call).await.ok());
                }
                (id, Some(call.await))
            }));
        }
        let mut results = Vec::new();
        for call in calls {
            let done = tokio::time::timeout(Duration::from_secs(5), call).await.expect("it hangs");
            results.push(done.unwrap());
        }
        if let Some(flush) = flush {
            flush.await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let book = book.0.lock().unwrap();
        for (id, result) in results {
            let times = book.get(&id).copied().unwrap_or_default();
            assert!(times <= 1, "{id} was run {times} times");
            match result {
                None => {}
                Some(Ok(answer)) => assert_eq!((answer, times), (id, 1)),
                Some(Err(CallError::Rpc(error))) if error.execution() == Execution::NotExecuted => {
                    assert_eq!(times, 0, "{error}");
                }
                Some(Err(_)) => {}
            }
        }
    }
    record.record(u64::MAX).await.unwrap();
}
