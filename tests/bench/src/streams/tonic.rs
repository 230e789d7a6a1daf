//! Server streaming of tonic.

use super::peer::{Peer, Taken};
use crate::Result;
use crate::peers::messages::Reply;
use crate::peers::tonic::{self, BenchClient, Channel, ChunksRequest, ItemsRequest};

pub(super) struct Tonic(BenchClient<Channel>);

impl Tonic {
    pub(super) async fn start() -> Result<Self> {
        let address = tonic::listen().await?;
        Ok(Tonic(BenchClient::connect(address).await?))
    }
}

impl Peer for Tonic {
    async fn items(&self, count: usize) -> Result<()> {
        let request = ItemsRequest { count: count as u64 };
        let (mut items, mut taken) = (self.0.clone().items(request).await?.into_inner(), Taken::default());
        while let Some(item) = items.message().await? {
            taken.item(&Reply { id: item.id, msg: item.msg })?;
        }
        taken.all(count)
    }

    async fn chunks(&self, count: usize, size: usize) -> Result<()> {
        let request = ChunksRequest { count: count as u64, size: size as u64 };
        let (mut chunks, mut taken) = (self.0.clone().chunks(request).await?.into_inner(), Taken::default());
        while let Some(chunk) = chunks.message().await? {
            taken.chunk(&chunk.data, size)?;
        }
        taken.all(count)
    }
}
