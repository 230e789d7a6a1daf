//! Services next to each other, inside of functions, behind every visibility, and made by macros.

use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::Incoming;

use crate::support::serve;

#[nats_rpc::service]
trait Private {
    async fn hello(&self, name: &str) -> String;
}

#[nats_rpc::service]
pub(super) trait Neighbour {
    async fn hello(&self, name: &str) -> String;
}

#[nats_rpc::service]
pub(crate) trait Empty {}

mod inner {
    #[nats_rpc::service]
    pub(in crate::placement) trait Inner {
        async fn hello(&self, name: &str) -> String;
    }
}

/// A service of which every part comes from a variable.
macro_rules! service {
    (
        $service:ident,
        $name:literal,
        $subject:literal,
        $method:ident in $own_subject:literal ($parameter:ident: $ty:ty) -> $output:ty
    ) => {
        #[nats_rpc::service(name = $name, subject = $subject)]
        trait $service {
            #[rpc(subject = $own_subject)]
            async fn $method(&self, $parameter: $ty) -> $output;
            async fn fixed(&self, call: &str, $parameter: &[$output]) -> usize;
            fn streamed(&self, $parameter: Incoming<$output>) -> impl Stream<Item = $output>;
        }
    };
}

service!(Made, "made", "made.{client}", echo in "echo.{text}" (text: &str) -> String);

struct Here;

macro_rules! hello {
    ($($service:path),*) => {
        $(impl $service for Here {
            async fn hello(&self, name: &str) -> String {
                format!("{name} at {}", stringify!($service))
            }
        })*
    };
}

hello!(Private, Neighbour, inner::Inner);

impl Empty for Here {}

impl Made for Here {
    async fn echo(&self, text: &str) -> String {
        text.to_owned()
    }

    async fn fixed(&self, call: &str, text: &[String]) -> usize {
        call.len() + text.len()
    }

    fn streamed(&self, text: Incoming<String>) -> impl Stream<Item = String> {
        text.map(|text| text.unwrap())
    }
}

#[tokio::test]
async fn services_stand_next_to_each_other() {
    let private = serve(PrivateServer::new(Here)).await;
    let neighbour = serve(NeighbourServer::new(Here)).await;
    let inner = serve(inner::InnerServer::new(Here)).await;
    let _empty = serve(EmptyServer::new(Here)).await;

    assert_eq!(private.client::<PrivateClient>().hello("Ann").await.unwrap(), "Ann at Private");
    assert_eq!(neighbour.client::<NeighbourClient>().hello("Ann").await.unwrap(), "Ann at Neighbour");
    assert_eq!(inner.client::<inner::InnerClient>().hello("Ann").await.unwrap(), "Ann at inner::Inner");
}

#[tokio::test]
async fn a_function_can_have_a_service() {
    #[nats_rpc::service]
    trait Local {
        async fn hello(&self, text: &str, texts: &[Text]) -> Text;
    }

    type Text = String;

    impl Local for Here {
        async fn hello(&self, text: &str, texts: &[Text]) -> Text {
            format!("{text} {}", texts.len())
        }
    }

    let served = serve(LocalServer::new(Here)).await;
    assert_eq!(served.client::<LocalClient>().hello("a", &[]).await.unwrap(), "a 0");
}

#[tokio::test]
async fn a_macro_can_make_a_service() {
    let served = serve(MadeServer::new(Here)).await;
    let client = MadeClient::new(served.connect(), "x").unwrap();
    assert_eq!(client.echo("a").await.unwrap(), "a");
    assert_eq!(client.fixed("b", &["c".to_owned()]).await.unwrap(), 2);
    let streamed = client.streamed(stream::iter(["d".to_owned()])).await.unwrap();
    assert_eq!(streamed.try_collect::<Vec<_>>().await.unwrap(), ["d"]);
}
