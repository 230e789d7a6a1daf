//! Streams come and go, can fail, and carry other items.

use super::rule;

rule! {
    results_become_a_stream {
        old { { async fn call(&self) -> u8 { 1 } } |client| client.call() }
        new {
            { fn call(&self) -> impl Stream<Item = u8> { stream::iter([1]) } }
            |client| read(client.call())
        }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    caller_streams_too {
        old { { async fn call(&self) -> usize { 1 } } |client| client.call() }
        new {
            { async fn call(&self, items: Incoming<u8>) -> usize { items.count().await } }
            |client| client.call(stream::iter([1]))
        }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    stream_becomes_a_parameter {
        old {
            { async fn call(&self, items: Incoming<u8>) -> usize { items.count().await } }
            |client| client.call(stream::iter([1]))
        }
        new { { async fn call(&self, items: &[u8]) -> usize { items.len() } } |client| client.call(&[1]) }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    stream_that_can_fail {
        old {
            { fn call(&self) -> impl Stream<Item = u8> { stream::iter([1]) } }
            |client| read(client.call())
        }
        new {
            { fn call(&self) -> impl Stream<Item = Result<u8, String>> { stream::iter([Err("no".to_owned())]) } }
            |client| read(client.call())
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    stream_whose_opening_can_fail {
        old {
            { fn call(&self) -> impl Stream<Item = u8> { stream::iter([1]) } }
            |client| read(client.call())
        }
        new {
            {
                async fn call(&self) -> Result<impl Stream<Item = u8>, String> {
                    let opened: Result<stream::Empty<u8>, _> = Err("no".to_owned());
                    opened
                }
            }
            |client| read(client.call())
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    widened_items_that_are_sent {
        old {
            {
                async fn call(&self, items: Incoming<u8>) -> Result<usize, String> {
                    count(items).await
                }
            }
            |client| client.call(stream::iter([1]))
        }
        new {
            {
                async fn call(&self, items: Incoming<u16>) -> Result<usize, String> {
                    count(items).await
                }
            }
            |client| client.call(stream::iter([300]))
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    field_of_items_that_are_sent {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Point { x: u8 }
            }
            {
                async fn call(&self, items: Incoming<Point>) -> Result<usize, String> {
                    count(items).await
                }
            }
            |client| client.call(stream::iter([Point { x: 1 }]))
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Point { x: u8, y: u8 }
            }
            {
                async fn call(&self, items: Incoming<Point>) -> Result<usize, String> {
                    count(items).await
                }
            }
            |client| client.call(stream::iter([Point { x: 1, y: 2 }]))
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    widened_streamed_results {
        old {
            { fn call(&self) -> impl Stream<Item = u8> { stream::iter([1]) } }
            |client| read(client.call())
        }
        new {
            { fn call(&self) -> impl Stream<Item = u16> { stream::iter([300]) } }
            |client| read(client.call())
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    field_of_streamed_results {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Point { x: u8 }
            }
            { fn call(&self) -> impl Stream<Item = Point> { stream::iter([Point { x: 1 }]) } }
            |client| read(client.call())
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Point { x: u8, y: u8 }
            }
            { fn call(&self) -> impl Stream<Item = Point> { stream::iter([Point { x: 1, y: 2 }]) } }
            |client| read(client.call())
        }
        old to new: Works,
        new to old: Breaks,
    }
}
