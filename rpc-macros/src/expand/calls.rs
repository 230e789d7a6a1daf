//! A method of the client: it encodes the arguments and returns the call.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::answers::{self, Answered};
use super::parameters::Parameters;
use super::support::{self, Names};
use super::{arguments, generated_at, runtime_at, subjects};
use crate::model::{Argument, Encoding, Incoming, Kind, Method, Service};
use crate::names;

pub(super) fn method_fn(service: &Service, method: &Method) -> TokenStream {
    let Method { ident, conditions, attributes, .. } = method;
    let visibility = &service.visibility;
    let doc = documentation(service, method);
    let arguments = method.arguments.iter().map(|Argument { ident, ty, .. }| quote!(#ident: #ty));
    let parameters = arguments.chain(method.incoming.as_ref().map(streamed));
    let returned = returned(service, method);
    let call = call(service, method);
    quote_spanned! {generated_at(ident.span())=>
        #doc
        #(#conditions)*
        #(#attributes)*
        #visibility fn #ident(&self, #(#parameters),*) -> #returned {
            #call
        }
    }
}

/// Documentation for a method that has none, which the compiler may be asked to insist on.
fn documentation(service: &Service, method: &Method) -> Option<TokenStream> {
    let is_documented = method.attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
    let doc = format!(" Calls [`{}::{}`].", service.ident, names::of(&method.ident));
    (!is_documented).then(|| quote!(#[doc = #doc]))
}

/// The parameter for what the caller streams, at the place of the type that it has to consist of.
fn streamed(incoming: &Incoming) -> TokenStream {
    let Incoming { ident, item, .. } = incoming;
    let (site, private) = (generated_at(item.span()), support::private_ident(item.span()));
    quote_spanned! {site=>
        #ident: impl #private::Stream<Item = #item> + ::core::marker::Send + 'static
    }
}

/// The type of the call.
fn returned(service: &Service, method: &Method) -> TokenStream {
    let ty = match method.kind() {
        Kind::Oneway => {
            let span = method.ident.span();
            let runtime = runtime_at(service, span);
            return quote_spanned!(generated_at(span)=> #runtime::Cast);
        }
        Kind::Unary => "Call",
        Kind::ClientStreaming => "ClientStreamingCall",
        Kind::ServerStreaming | Kind::BidiStreaming => "StreamingCall",
    };
    let span = method.output.answer.ty.span();
    let (site, runtime) = (generated_at(span), runtime_at(service, span));
    let ty = Ident::new(ty, site);
    let Answered { value, error } = Answered::by(method);
    let error = error.unwrap_or_else(|| quote_spanned!(site=> ::core::convert::Infallible));
    quote_spanned!(site=> #runtime::#ty<#value, #error>)
}

/// Makes the call.
fn call(service: &Service, method: &Method) -> TokenStream {
    let site = generated_at(method.ident.span());
    let (private, methods) = (support::private_ident(method.ident.span()), support::methods_ident());
    let name = &method.name.text;
    let index = quote_spanned!(site=> const { #private::method_index(#methods, #name) });
    let sent = sent(service, method);
    let kind = method.kind();
    let verb = match kind {
        Kind::Unary => "call",
        Kind::Oneway => "cast",
        Kind::ClientStreaming => "upload",
        Kind::ServerStreaming | Kind::BidiStreaming => "open",
    };
    let values = subjects::sent(method);
    let to = if values.is_some() { "_to" } else { "" };
    let verb = format_ident!("{verb}{to}", span = site);
    let values = values.map(|values| quote!(#values,));
    let returns = (kind != Kind::Oneway).then(|| answers::returns(method)).map(|returns| quote!(, #returns));
    let items = method.incoming.as_ref().map(items);
    let (also_sent, sent_later) = match (items, kind) {
        (None, _) => (None, None),
        (Some(items), Kind::ClientStreaming) => (Some(quote!(, #items)), None),
        (Some(items), _) => (None, Some(quote_spanned!(site=> .with_items(#items)))),
    };
    quote_spanned!(site=> self.stub.#verb(#index, #values &#sent #returns #also_sent) #sent_later)
}

/// The value that is encoded as the arguments.
fn sent(service: &Service, method: &Method) -> TokenStream {
    let site = generated_at(method.ident.span());
    if method.body().next().is_none() {
        let private = support::private_ident(method.ident.span());
        return quote_spanned!(site=> #private::NoArgs {});
    }
    let send = Names::of(method).send;
    let generics = arguments::sent_generics(service, method);
    let fields = method.body().map(|argument| &argument.ident);
    let marker = Parameters::of(service).marker_value(&support::argument_marker_ident());
    quote_spanned!(site=> #send #generics { #(#fields,)* #marker })
}

/// What the caller streams, as the runtime takes it, at the place of the type that has to be encoded.
fn items(incoming: &Incoming) -> TokenStream {
    let Incoming { ident, item, encoding } = incoming;
    let (site, private) = (generated_at(item.span()), support::private_ident(item.span()));
    let mut ident = ident.clone();
    ident.set_span(ident.span().located_at(site));
    let constructor = match encoding {
        Encoding::Serde => "new",
        Encoding::Bytes | Encoding::OptionalBytes => "bytes",
    };
    let constructor = Ident::new(constructor, site);
    quote_spanned!(site=> #private::Items::#constructor(#ident))
}
