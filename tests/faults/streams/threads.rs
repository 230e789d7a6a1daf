//! That the messages of a stream stay in order whichever threads of an instance send them.

use futures::StreamExt;

use super::bed::{Bed, LIMIT};
use crate::bed::report;
use crate::scale::{Scale, together};

/// A task that has received calls sends what it finds, and so does the connection's own: neither may overtake the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_overtakes_on_a_stream_that_begins_while_many_others_do() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let each = Scale::get().pick(400, 5000);
    let mut opening = Vec::new();
    for _ in 0..16 {
        let client = bed.client().await;
        opening.push(tokio::spawn(async move {
            for _ in 0..each {
                let mut stream = client.numbers(0, 40).await.unwrap();
                for expected in 0..40 {
                    assert_eq!(stream.next().await.unwrap().unwrap(), expected);
                }
                assert_eq!(stream.next().await, None);
            }
        }));
    }
    for opening in opening {
        tokio::time::timeout(10 * LIMIT, opening).await.unwrap().unwrap();
    }
    report("streams opened by 16 callers at once", &format!("{} of them, each complete", 16 * each));
}
