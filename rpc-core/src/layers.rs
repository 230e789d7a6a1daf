//! Layers that are put around a service, whichever side it is on.

use std::fmt;
use std::sync::Arc;

/// Puts a layer around a service.
type Wrap<S> = dyn Fn(S) -> S + Send + Sync;

/// Layers in the order in which they were added: the first one sees a call first.
pub(crate) struct Layers<S>(Vec<Arc<Wrap<S>>>);

impl<S> Layers<S> {
    /// Adds a layer inside of all that are there.
    pub(crate) fn add(&mut self, wrap: impl Fn(S) -> S + Send + Sync + 'static) {
        self.0.push(Arc::new(wrap));
    }

    /// The layers around a service; `None` if there is no layer.
    pub(crate) fn around(&self, innermost: impl FnOnce() -> S) -> Option<S> {
        (!self.0.is_empty()).then(|| self.0.iter().rev().fold(innermost(), |inner, wrap| wrap(inner)))
    }
}

impl<S> Default for Layers<S> {
    fn default() -> Self {
        Layers(Vec::new())
    }
}

impl<S> Clone for Layers<S> {
    fn clone(&self) -> Self {
        Layers(self.0.clone())
    }
}

impl<S> fmt::Debug for Layers<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").field("count", &self.0.len()).finish()
    }
}
