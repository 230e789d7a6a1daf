use std::rc::Rc;

use futures::{Stream, StreamExt, stream};

#[nats_rpc::service]
pub trait Feed {
    fn watch(&self, word: &str) -> impl Stream<Item = String> {
        let word = Rc::new(word.to_owned());
        stream::iter(0..2).map(move |_| word.to_string())
    }
}

fn main() {}
