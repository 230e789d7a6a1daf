//! The rules of `docs/compatibility.md`, each tried: an old and a new trait call each other over a real nats-server, in both
//! codecs, and what happens has to be what the comparison of their contracts says.

mod fields;
mod methods;
mod parameters;
mod streams;
mod types;
mod variants;

use std::future::Future;

use futures::{StreamExt, TryStreamExt};
use nats_rpc::contract::{Basis, Contract, Role};
use nats_rpc::{
    CallError, Client, Codec, Connection, Incoming, Server, Service, ServiceClient, StreamingCall,
};

/// What a change does to the calls from one side to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// They work.
    Works,
    /// They fail, whatever the codec.
    Breaks,
    /// They fail in MessagePack, where the types look different, and work in JSON.
    BreaksInMessagePack,
}
pub(crate) use Effect::{Breaks, BreaksInMessagePack, Works};

/// Makes a module and a test of a rule: two versions of the trait `Rule`, each with the call that uses what has changed.
macro_rules! rule {
    (
        $name:ident {
            old { $($old:tt)* }
            new { $($new:tt)* }
            old to new: $forth:ident,
            new to old: $back:ident,
        }
    ) => {
        mod $name {
            use crate::compatibility::*;

            $crate::compatibility::version!(old $($old)*);
            $crate::compatibility::version!(new $($new)*);

            #[tokio::test]
            async fn on_nats() {
                let bed = crate::bed::Bed::nats();
                for codec in [nats_rpc::Codec::MessagePack, nats_rpc::Codec::Json] {
                    try_out(bed.connect().await, codec, new::server(), old::call, $forth).await;
                    try_out(bed.connect().await, codec, old::server(), new::call, $back).await;
                }
            }
        }
    };
}

/// Makes a module of one version: its types, if it has any, its methods, and the call.
macro_rules! version {
    ($version:ident { $($methods:tt)* } |$client:ident| $call:expr) => {
        $crate::compatibility::version!($version {} { $($methods)* } |$client| $call);
    };
    ($version:ident { $($items:tt)* } { $($methods:tt)* } |$client:ident| $call:expr) => {
        #[allow(dead_code, unused_variables, unused_imports)]
        mod $version {
            use std::collections::{BTreeSet, HashMap};

            use futures::{Stream, StreamExt, stream};
            use nats_rpc::Incoming;
            use schemars::JsonSchema;
            use serde::{Deserialize, Serialize};

            use $crate::compatibility::{count, read};

            $($items)*

            #[nats_rpc::service(schema, version = "1.0.0")]
            pub(crate) trait Rule {
                $($methods)*
            }

            pub(crate) struct Here;

            impl Rule for Here {}

            pub(crate) fn server() -> RuleServer<Here> {
                RuleServer::new(Here)
            }

            pub(crate) async fn call($client: RuleClient) -> Result<(), String> {
                $call.await.map(|_| ()).map_err(|error| error.to_string())
            }
        }
    };
}
pub(crate) use {rule, version};

/// Makes a call to a service, and compares what happens with what the contracts say and with what is expected.
pub(crate) async fn try_out<S, C, F>(
    nats: Connection,
    codec: Codec,
    service: S,
    call: impl FnOnce(C) -> F,
    expected: Effect,
) where
    S: Service,
    C: ServiceClient,
    F: Future<Output = Result<(), String>>,
{
    let report = Contract::check(&C::contract(Role::Client), &service.contract());
    assert_eq!(report.basis, Basis::Schema);
    assert_eq!(report.is_compatible(), expected == Works, "{report}");
    assert!(!report.differences.is_empty(), "a change is reported");

    let server = Server::builder(&nats).add(service).start().await.unwrap();
    let client = Client::builder(&nats).codec(codec).build().unwrap();
    let outcome = call(C::from_client(client, &[]).unwrap()).await;
    let works = expected == Works || (expected == BreaksInMessagePack && codec == Codec::Json);
    assert_eq!(outcome.is_ok(), works, "with {codec:?}: {outcome:?}, though {report}");
    server.shutdown().await;
}

/// Reads a stream to its end.
pub(crate) async fn read<T, E>(call: StreamingCall<T, E>) -> Result<(), CallError<E>> {
    call.await?.try_for_each(|_| std::future::ready(Ok(()))).await
}

/// How many items the caller has sent, if each can be read.
pub(crate) async fn count<T>(mut items: Incoming<T>) -> Result<usize, String> {
    let mut count = 0;
    while let Some(item) = items.next().await {
        item.map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(count)
}
