use std::rc::Rc;

use futures::{Stream, StreamExt, stream};

#[nats_rpc::service]
pub trait Feed {
    async fn watch(&self, word: &str) -> Result<impl Stream<Item = String>, String>;
}

struct Words;

impl Feed for Words {
    async fn watch(&self, word: &str) -> Result<impl Stream<Item = String>, String> {
        let word = Rc::new(word.to_owned());
        Ok(stream::iter(0..2).map(move |_| word.to_string()))
    }
}

fn main() {}
