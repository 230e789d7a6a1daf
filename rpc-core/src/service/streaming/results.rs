//! How a handler sends a stream of results, and gets one of items.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use bytes::BytesMut;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use super::{Incoming, Port};
use crate::codec::as_bytes::{AsBytes, BytesLike, FromBytes};
use crate::codec::{Codec, read, read_bytes};
use crate::connection::streams::{Allowance, Finished, Pump, Stop, Written};
use crate::error::{Error, ErrorKind};
use crate::reply::{Reply, in_reply};
use crate::service::{MethodResult, RawCall};

impl RawCall {
    /// The items that the caller sends.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the method is not described as one that takes some.
    pub fn incoming<T: DeserializeOwned>(&self) -> Result<Incoming<T>, Error> {
        Ok(Incoming::new(Arc::clone(self.stream_port()?), self.codec(), self.limits(), read))
    }

    /// The same for items that travel as bytes.
    ///
    /// # Errors
    /// Those of [`incoming`](Self::incoming).
    pub fn incoming_bytes<T: for<'de> FromBytes<'de>>(&self) -> Result<Incoming<T>, Error> {
        Ok(Incoming::new(Arc::clone(self.stream_port()?), self.codec(), self.limits(), read_bytes))
    }

    /// Opens the stream of results and sends all of them, as fast as the caller takes them.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the method is not described as a streaming one, or an item does not encode; [`ErrorKind::PayloadTooLarge`] if one is larger than
    /// the broker takes; [`ErrorKind::DeadlineExceeded`] if it is too late, or the caller takes nothing for too long.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the stream ends with an error at the caller.
    pub async fn stream<S: Stream<Item: Serialize>>(&self, results: S) -> Result<Reply, Error> {
        self.send(results, |codec, value, bytes| {
            codec.encode(&value, bytes)?;
            Ok(Written::Value)
        })
        .await
    }

    /// The same for results that travel as bytes.
    ///
    /// # Errors
    /// Those of [`stream`](Self::stream).
    pub async fn stream_bytes<S: Stream<Item: BytesLike>>(&self, results: S) -> Result<Reply, Error> {
        self.send(results, |codec, value, bytes| {
            codec.encode(&AsBytes(value), bytes)?;
            Ok(Written::Value)
        })
        .await
    }

    /// The same for a stream that may fail: the service's own error is its last item.
    ///
    /// # Errors
    /// Those of [`stream`](Self::stream).
    pub async fn stream_results<S>(&self, results: S) -> Result<Reply, Error>
    where
        S: Stream<Item: MethodResult<Ok: Serialize, Err: Serialize + fmt::Display>>,
    {
        self.send(results, |codec, result, bytes| match result.into_result() {
            Ok(value) => codec.encode(&value, bytes).map(|()| Written::Value),
            Err(error) => own_error(codec, &error, bytes),
        })
        .await
    }

    /// The same for results that travel as bytes.
    ///
    /// # Errors
    /// Those of [`stream`](Self::stream).
    pub async fn stream_results_bytes<S>(&self, results: S) -> Result<Reply, Error>
    where
        S: Stream<Item: MethodResult<Ok: BytesLike, Err: Serialize + fmt::Display>>,
    {
        self.send(results, |codec, result, bytes| match result.into_result() {
            Ok(value) => codec.encode(&AsBytes(value), bytes).map(|()| Written::Value),
            Err(error) => own_error(codec, &error, bytes),
        })
        .await
    }

    async fn send<S: Stream>(
        &self,
        results: S,
        write: fn(Codec, S::Item, &mut BytesMut) -> Result<Written, Error>,
    ) -> Result<Reply, Error> {
        let (port, codec) = (self.stream_port()?, self.codec());
        port.open(&self.reply_headers()?)?;
        let (flow, left) = (&port.flows.outflow, Allowance::default());
        let mut pump = Pump::new(flow, &port.link, port.idle(), left);
        let results = pin!(results);
        let write = |item, bytes: &mut BytesMut| write(codec, item, bytes).map_err(|fault| in_reply(&fault));
        let own_error = match pump.run(results, write).await {
            Finished::Complete => {
                port.complete(pump.sent()).await?;
                None
            }
            Finished::Error { message, body } => {
                port.fail_with_own(pump.sent(), &message, &body).await?;
                Some(message)
            }
            Finished::Stopped(Stop::Failed(error)) | Finished::Failed(error) => return Err(error),
            Finished::Stopped(Stop::Unwanted) => {
                return Err(Error::new(ErrorKind::Cancelled, "the caller takes no more results"));
            }
        };
        Ok(Reply { own_error, ..Reply::empty(self.begun().elapsed()) })
    }

    fn stream_port(&self) -> Result<&Arc<Port>, Error> {
        self.port()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the method is not described as one that streams"))
    }
}

fn own_error<E: Serialize + fmt::Display>(
    codec: Codec,
    error: &E,
    bytes: &mut BytesMut,
) -> Result<Written, Error> {
    codec.encode(error, bytes)?;
    Ok(Written::Error(error.to_string().into()))
}
