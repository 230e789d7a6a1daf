//! The handlers of a service, by the names of their methods.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Method, RawCall, ServiceDescriptor};
use crate::error::{Error, ErrorKind};
use crate::reply::Reply;

/// The future of a handler: boxed once per call, here.
pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

/// What serves a method.
pub(crate) type Handler = Arc<dyn Fn(RawCall) -> HandlerFuture + Send + Sync>;

/// Collects the handlers of a service.
#[derive(Default)]
pub struct MethodRegistry {
    handlers: HashMap<&'static str, Handler>,
    twice: Option<&'static str>,
}

impl MethodRegistry {
    /// Registers the handler of the method with this name on the wire.
    pub fn method<F, H>(&mut self, name: &'static str, handler: H)
    where
        F: Future<Output = Result<Reply, Error>> + Send + 'static,
        H: Fn(RawCall) -> F + Send + Sync + 'static,
    {
        let handler: Handler = Arc::new(move |call| Box::pin(handler(call)));
        if self.handlers.insert(name, handler).is_some() {
            self.twice = Some(name);
        }
    }

    /// Pairs each method of the descriptor with its handler.
    pub(crate) fn resolve(mut self, descriptor: &ServiceDescriptor) -> Result<Vec<(Method, Handler)>, Error> {
        let broken = |problem: &str, name: &str| {
            let message = format!("the service {:?} {problem} {name:?}", descriptor.name());
            Err(Error::not_executed(ErrorKind::InvalidArgument, message))
        };
        if let Some(name) = self.twice {
            return broken("registers two handlers for the method", name);
        }
        let mut resolved = Vec::with_capacity(descriptor.methods().len());
        for method in descriptor.methods() {
            match self.handlers.remove(method.name()) {
                Some(handler) => resolved.push((*method, handler)),
                None => return broken("has no handler, or two descriptions, for the method", method.name()),
            }
        }
        match self.handlers.keys().next() {
            Some(name) => broken("registers a handler for the undescribed method", name),
            None => Ok(resolved),
        }
    }
}

impl fmt::Debug for MethodRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}
