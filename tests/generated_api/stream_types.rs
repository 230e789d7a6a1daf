//! Streams of a generic trait, with parameters that are called like locals of generated code, and with errors of any kind.

use std::fmt::{self, Display};
use std::rc::Rc;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::{Error, Incoming};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::streams::{all, failed};
use crate::support::serve;

pub(crate) trait Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Value for T {}

/// Every name of a local in generated code is that of a parameter here.
#[nats_rpc::service(name = "log", subject = "log.{topic}")]
pub(crate) trait Log<T: Value, E = u8>
where
    E: Value + Display,
{
    fn read(&self, call: &T, error: E) -> impl Stream<Item = Result<T, E>>;
    #[rpc(subject = "both.{call}.{items}")]
    async fn both(
        &self,
        call: u8,
        args: Option<E>,
        items: &str,
        service: Incoming<T>,
    ) -> Result<impl Stream<Item = (T, String)>, E>;
    async fn write(&self, stub: &[T], call: Incoming<T>) -> Vec<T>;
    async fn count(&self, stream: u8, args: Incoming<T>) -> usize;
    #[cfg(not(test))]
    fn absent(&self, absent: Incoming<Absent>) -> impl Stream<Item = Absent>;
    #[cfg(test)]
    #[deprecated]
    #[allow(non_snake_case)]
    fn oldRead(&self, r#type: Incoming<T>) -> impl Stream<Item = T>;
}

struct Here;

impl<T: Value, E: Value + Display> Log<T, E> for Here {
    fn read(&self, call: &T, error: E) -> impl Stream<Item = Result<T, E>> {
        stream::iter([Ok(call.clone()), Err(error)])
    }

    async fn both(
        &self,
        call: u8,
        args: Option<E>,
        items: &str,
        service: Incoming<T>,
    ) -> Result<impl Stream<Item = (T, String)>, E> {
        match args {
            Some(error) => Err(error),
            None => Ok(service.map(move |item| (item.unwrap(), format!("{items}{call}")))),
        }
    }

    async fn write(&self, stub: &[T], call: Incoming<T>) -> Vec<T> {
        let streamed: Vec<T> = call.try_collect().await.unwrap();
        [stub, &streamed].concat()
    }

    async fn count(&self, stream: u8, args: Incoming<T>) -> usize {
        args.count().await + usize::from(stream)
    }

    fn oldRead(&self, r#type: Incoming<T>) -> impl Stream<Item = T> {
        r#type.filter_map(|item: Result<T, Error>| std::future::ready(item.ok()))
    }
}

#[tokio::test]
async fn a_generic_service_streams_its_types() {
    let server = LogServer::<_, u16, String>::new(Here).with_topic("a");
    let served = serve(server).await;
    let log = LogClient::<u16, String>::new(served.connect(), "a").unwrap();

    assert_eq!(all(log.read(&1, "end".to_owned()).await).await, (vec![1], failed("end")));
    let both = vec![(1, "x5".to_owned()), (2, "x5".to_owned())];
    assert_eq!(all(log.both(5, None, "x", stream::iter([1, 2])).await).await, (both, None));
    let refused = all(log.both(5, Some("no".to_owned()), "x", stream::iter([1])).await).await;
    assert_eq!(refused, (vec![], failed("not opened: no")));
    assert_eq!(log.write(&[1], stream::iter([2, 3])).await.unwrap(), [1, 2, 3]);
    assert_eq!(log.count(1, stream::iter([2, 3])).await.unwrap(), 3);
    #[expect(deprecated)]
    let old = log.oldRead(stream::iter([4]));
    assert_eq!(all(old.await).await, (vec![4], None));
}

/// What stays on its thread.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Local(Rc<u8>);

impl Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local {}", self.0)
    }
}

/// An error does not have to be `Send` for being what opening a stream fails with, as it does not for a single result.
#[nats_rpc::service]
pub(crate) trait Failing {
    async fn open(&self) -> Result<impl Stream<Item = u8>, Local>;
    fn read(&self) -> impl Stream<Item = Result<u8, Local>>;
}

impl Failing for Here {
    async fn open(&self) -> Result<impl Stream<Item = u8>, Local> {
        let closed: Result<stream::Empty<u8>, Local> = Err(Local(Rc::new(1)));
        closed
    }

    fn read(&self) -> impl Stream<Item = Result<u8, Local>> {
        stream::iter([2]).map(|number| Err(Local(Rc::new(number))))
    }
}

#[tokio::test]
async fn an_error_may_stay_on_its_thread() {
    let served = serve(FailingServer::new(Here)).await;
    let failing: FailingClient = served.client();
    assert_eq!(all(failing.open().await).await, (vec![], failed("not opened: local 1")));
    assert_eq!(all(failing.read().await).await, (vec![], failed("local 2")));
}
