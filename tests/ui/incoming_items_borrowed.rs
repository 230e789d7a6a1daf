use futures::stream;
use nats_rpc::Incoming;

#[nats_rpc::service]
trait Feed {
    async fn upload(&self, numbers: Incoming<u64>) -> u64;
}

async fn upload(feed: FeedClient, numbers: &[u64]) {
    let _ = feed.upload(stream::iter(numbers.iter().copied())).await;
}

fn main() {}
