//! From the types of a trait to its contract, through `schemars`.

use std::iter;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::keywords::ALIASES;
use super::{Basis, Contract, Role, definitions, fingerprint, names};
use crate::service::{Method, ServiceDescriptor};

/// Collects the types of a service's methods, in the order of its description.
#[derive(Debug)]
pub struct Description {
    service: &'static ServiceDescriptor,
    reading: SchemaGenerator,
    writing: SchemaGenerator,
    methods: Vec<Types>,
}

/// The schemas of one method, each as it is read and as it is written.
#[derive(Debug, Default)]
struct Types {
    parameters: Vec<Shape>,
    items: Option<Shape>,
    result: Option<Shape>,
    error: Option<Shape>,
}

#[derive(Debug)]
struct Shape {
    read: Value,
    written: Value,
}

impl Description {
    /// Nothing is known yet but names.
    pub fn new(service: &'static ServiceDescriptor) -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
        Description {
            service,
            reading: settings.clone().for_deserialize().into_generator(),
            writing: settings.for_serialize().into_generator(),
            methods: Vec::new(),
        }
    }

    /// Goes on to the next method.
    pub fn method(&mut self) -> &mut Self {
        self.methods.push(Types::default());
        self
    }

    /// The next parameter of the method travels as this type, and is read under these names as well.
    pub fn parameter<T: JsonSchema>(&mut self, aliases: &[&str]) -> &mut Self {
        let mut shape = self.shape::<T>();
        if !aliases.is_empty() {
            let mut read = Schema::try_from(shape.read).unwrap_or_default();
            read.insert(ALIASES.to_owned(), aliases.into());
            shape.read = read.to_value();
        }
        self.current(|method| method.parameters.push(shape))
    }

    /// The caller streams items of this type.
    pub fn items<T: JsonSchema>(&mut self) -> &mut Self {
        let shape = self.shape::<T>();
        self.current(|method| method.items = Some(shape))
    }

    /// The method succeeds with this type, or streams it.
    pub fn result<T: JsonSchema>(&mut self) -> &mut Self {
        let shape = self.shape::<T>();
        self.current(|method| method.result = Some(shape))
    }

    /// The method fails with this type.
    pub fn error<T: JsonSchema>(&mut self) -> &mut Self {
        let shape = self.shape::<T>();
        self.current(|method| method.error = Some(shape))
    }

    /// The contract, as one side sees it.
    pub fn finish(&self, role: Role) -> Contract {
        let mut contract = self.seen_by(role);
        let fingerprints = match role {
            Role::Server => fingerprint::by_schema(&contract),
            Role::Client => fingerprint::by_schema(&self.seen_by(Role::Server)),
        };
        for (method, fingerprint) in contract.methods.iter_mut().zip(fingerprints) {
            method.fingerprint = fingerprint;
        }
        contract
    }

    fn shape<T: JsonSchema>(&mut self) -> Shape {
        Shape {
            read: self.reading.subschema_for::<T>().to_value(),
            written: self.writing.subschema_for::<T>().to_value(),
        }
    }

    fn current(&mut self, change: impl FnOnce(&mut Types)) -> &mut Self {
        if let Some(method) = self.methods.last_mut() {
            change(method);
        }
        self
    }

    fn seen_by(&self, role: Role) -> Contract {
        let mut contract = Contract::from_descriptor(self.service, role);
        contract.basis = Basis::Schema;
        let (of_taken, of_results) = match role {
            Role::Server => (self.reading.definitions(), self.writing.definitions()),
            Role::Client => (self.writing.definitions(), self.reading.definitions()),
        };
        let described = self.service.methods().iter().zip(&self.methods);
        for (method, (description, types)) in contract.methods.iter_mut().zip(described) {
            method.parameters = types.parameters(description, role);
            method.items = types.items.as_ref().map(|shape| shape.taken(role));
            method.result = types.result.as_ref().map(|shape| shape.answered(role));
            method.error = types.error.as_ref().map(|shape| shape.answered(role));
        }
        let (mut taken, mut results) = (Vec::new(), Vec::new());
        for method in &mut contract.methods {
            taken.extend(iter::once(&method.parameters).chain(&method.items));
            results.extend(method.result.iter_mut().chain(&mut method.error));
        }
        contract.definitions = definitions::join(taken.into_iter(), of_taken, &mut results, of_results);
        contract
    }
}

impl Types {
    fn parameters(&self, method: &Method, role: Role) -> Value {
        let schemas = self.parameters.iter().map(|shape| shape.taken(role));
        names::parameters(method, schemas.collect(), role)
    }
}

impl Shape {
    fn taken(&self, role: Role) -> Value {
        match role {
            Role::Server => self.read.clone(),
            Role::Client => self.written.clone(),
        }
    }

    fn answered(&self, role: Role) -> Value {
        match role {
            Role::Server => self.written.clone(),
            Role::Client => self.read.clone(),
        }
    }
}
