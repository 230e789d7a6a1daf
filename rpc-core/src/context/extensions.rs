//! What layers tell the handler of a call beside what its caller said: values of any type, one of each.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Values by their types. Most calls have none, and no memory for any.
#[derive(Default)]
pub(super) struct Extensions(OnceLock<Box<Mutex<Values>>>);

type Values = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Extensions {
    pub(super) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        let values = self.0.get_or_init(Box::default);
        let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = values.insert(TypeId::of::<T>(), Arc::new(value));
        // Not under the lock: what is dropped is a user's value.
        drop(values);
        drop(replaced);
    }

    pub(super) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let values = self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::clone(values.get(&TypeId::of::<T>())?);
        drop(values);
        value.downcast().ok()
    }
}
