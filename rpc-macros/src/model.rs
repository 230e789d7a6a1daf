//! What the macro knows about a service: plain data that keeps the user's spans.

use proc_macro2::{Ident, Span};
use syn::{Attribute, GenericParam, Generics, Meta, Path, Signature, Type, TypeImplTrait, Visibility};

use crate::args::{MethodOptions, ServiceOptions};
use crate::subject::Subject;
use crate::{names, types};

/// A trait under `#[service]`.
pub(crate) struct Service {
    pub(crate) options: ServiceOptions,
    /// Where the generated code finds the runtime.
    pub(crate) runtime: Path,
    pub(crate) ident: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) generics: Generics,
    /// What every item born of the trait carries: `cfg`.
    pub(crate) conditions: Vec<Attribute>,
    /// What the client and server types carry as well: `deprecated`.
    pub(crate) deprecation: Option<Attribute>,
    /// What all generated code carries as well: `allow`.
    pub(crate) lints: Vec<Attribute>,
    pub(crate) name: WireName,
    /// As written, or the name.
    pub(crate) subject: Subject,
    /// The first paragraph of the trait's documentation.
    pub(crate) description: Option<String>,
    pub(crate) methods: Vec<Method>,
}

impl Service {
    pub(crate) fn is_generic_over_types_only(&self) -> bool {
        self.generics.params.iter().all(|parameter| matches!(parameter, GenericParam::Type(_)))
    }
}

/// A method that is called over the network.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) name: WireName,
    /// What it has behind the subject of the service: as written, or the name.
    pub(crate) subject: Subject,
    pub(crate) options: MethodOptions,
    /// What every item born of the method carries: `cfg`.
    pub(crate) conditions: Vec<Attribute>,
    /// What the client's method carries as well: `doc`, `deprecated`, `allow`.
    pub(crate) attributes: Vec<Attribute>,
    /// The first paragraph of the method's documentation.
    pub(crate) description: Option<String>,
    /// As written, for the rules about what is written.
    pub(crate) signature: Signature,
    /// Whether the implementation is lent the context of the call.
    pub(crate) context: ContextParameter,
    pub(crate) arguments: Vec<Argument>,
    /// What its caller streams.
    pub(crate) incoming: Option<Incoming>,
    pub(crate) output: Output,
}

/// How a method is called and how it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Unary,
    Oneway,
    ServerStreaming,
    ClientStreaming,
    BidiStreaming,
}

impl Method {
    pub(crate) fn kind(&self) -> Kind {
        match (&self.incoming, &self.output.stream) {
            _ if self.options.oneway.is_some() => Kind::Oneway,
            (None, None) => Kind::Unary,
            (None, Some(_)) => Kind::ServerStreaming,
            (Some(_), None) => Kind::ClientStreaming,
            (Some(_), Some(_)) => Kind::BidiStreaming,
        }
    }

    /// The arguments that travel in the body of a message.
    pub(crate) fn body(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().filter(|argument| !self.is_in_subject(argument))
    }

    /// Whether an argument is the value of a parameter in its subject.
    pub(crate) fn is_in_subject(&self, argument: &Argument) -> bool {
        self.subject.has_parameter(&names::of(&argument.ident))
    }

    /// The arguments that are the values of the parameters in its subject, in the order of these.
    pub(crate) fn subject_arguments(&self) -> impl Iterator<Item = &Argument> {
        self.subject.parameters().filter_map(|parameter| self.argument(parameter))
    }

    /// The argument whose Rust name this is.
    pub(crate) fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find(|argument| names::of(&argument.ident) == name)
    }
}

/// A name that others on the network use, and where the user wrote it.
pub(crate) struct WireName {
    pub(crate) text: String,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContextParameter {
    Lent,
    Absent,
}

/// A parameter that travels from the client to the server, in the body of a message or in its subject.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) name: WireName,
    /// As written.
    pub(crate) ty: Type,
    pub(crate) passing: Passing,
    pub(crate) encoding: Encoding,
    pub(crate) serde: SerdeOptions,
}

impl Argument {
    /// Whether a call may lack it, unless it is the whole message: an `Option` that is decoded by its own codec, or one
    /// with a default.
    pub(crate) fn may_be_missing(&self) -> bool {
        let is_option = self.target().is_some_and(|target| types::ends_in(target, "Option"));
        self.has_default() || (is_option && !self.serde.has_codec())
    }

    /// What it is without the reference of its own; none for `&[T]`, which is no type by itself.
    pub(crate) fn target(&self) -> Option<&Type> {
        match &self.passing {
            Passing::Owned => Some(&self.ty),
            Passing::Str(target) | Passing::Bytes(target) | Passing::Lent(target) => Some(target),
            Passing::Slice(_) => None,
        }
    }

    fn has_default(&self) -> bool {
        self.serde.any_of(&["default"]).is_some()
    }
}

/// How an implementation takes an argument.
pub(crate) enum Passing {
    /// `T`, moved.
    Owned,
    /// `&str`, which borrows from the message where it can.
    Str(Type),
    /// `&[u8]`, which borrows from the message where it can.
    Bytes(Type),
    /// `&[T]`, which travels as `Vec<T>`; holds `T`.
    Slice(Type),
    /// `&T`, which travels as `T`; holds `T`.
    Lent(Type),
}

/// How a value is written to the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As its type says.
    Serde,
    /// As one string of bytes, and never as a list of numbers.
    Bytes,
    /// The same, and the argument may be missing.
    OptionalBytes,
}

/// The `#[serde(…)]` options of a parameter, by the side that they concern.
#[derive(Default)]
pub(crate) struct SerdeOptions {
    pub(crate) both: Vec<Meta>,
    pub(crate) client: Vec<Meta>,
    pub(crate) server: Vec<Meta>,
}

impl SerdeOptions {
    /// Whether functions of the user's take the place of the type's own codec.
    pub(crate) fn has_codec(&self) -> bool {
        self.any_of(&["with", "serialize_with", "deserialize_with"]).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Meta> {
        self.both.iter().chain(&self.client).chain(&self.server)
    }

    /// The first of these options that is present.
    pub(crate) fn any_of(&self, keys: &[&str]) -> Option<&Meta> {
        self.iter().find(|option| keys.iter().any(|key| option.path().is_ident(key)))
    }
}

/// `Incoming<T>`: the stream of items that a caller sends.
pub(crate) struct Incoming {
    pub(crate) ident: Ident,
    /// `T`.
    pub(crate) item: Type,
    pub(crate) encoding: Encoding,
}

/// What a method answers.
pub(crate) struct Output {
    /// As written, `()` if nothing is.
    pub(crate) ty: Type,
    /// What travels: all of it, or each item of its stream.
    pub(crate) answer: Answer,
    pub(crate) stream: Option<OutputStream>,
}

/// The stream that a method returns.
pub(crate) struct OutputStream {
    /// `impl Stream<Item = T>`, as written.
    pub(crate) ty: TypeImplTrait,
    /// If opening it can fail, the `Result` that it is in, with `()` in its place: a client has no such stream.
    pub(crate) opening: Option<Type>,
}

/// One value on its way to the caller.
pub(crate) struct Answer {
    pub(crate) ty: Type,
    pub(crate) outcome: Outcome,
    pub(crate) encoding: Encoding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A value: the handler cannot fail.
    Value,
    /// A `Result`, or an alias with that name.
    Result,
}
