//! The server type: one registered handler for each of the trait's methods, which decodes, runs and answers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::parameters::{self, Parameters};
use super::subjects::{self, ServedValues};
use super::support::{self, Names};
use super::{arguments, contract, generated_at, runtime_at, server_ident};
use crate::model::{
    Answer, Argument, ContextParameter, Encoding, Incoming, Method, Outcome, OutputStream, Passing, Service,
};

/// The type, which users name.
pub(super) fn definition(service: &Service) -> TokenStream {
    let Service { ident, visibility, conditions, deprecation, lints, .. } = service;
    let server = server_ident(service);
    let implementation = parameters::implementation(service);
    let parameters = Parameters::of(service);
    let marker = parameters.marker(&support::marker_ident());
    let declared = parameters.after(&implementation).declared();
    let values = ServedValues::of(service).field;
    let doc = format!(" Server side of the service [`{ident}`]: hands the calls to an implementation.");
    quote_spanned! {Span::mixed_site()=>
        #[doc = #doc]
        #(#conditions)*
        #deprecation
        #(#lints)*
        #[allow(dead_code)]
        #visibility struct #server #declared {
            service: ::std::sync::Arc<#implementation>,
            #values
            #marker
        }
    }
}

/// What the type can do.
pub(super) fn impls(service: &Service) -> TokenStream {
    let Service { runtime, ident, visibility, .. } = service;
    let server = server_ident(service);
    let implementation = parameters::implementation(service);
    let parameters = Parameters::of(service);
    let (given, others) = (parameters.given(), parameters.bounded());
    let service_trait = quote!(#ident #given);
    let marker = parameters.marker_value(&support::marker_ident());
    let bounded = quote!(#implementation: #service_trait, #others);
    let parameters = parameters.after(&implementation);
    let (given, clause) = (parameters.given(), parameters.where_clause());
    let names = parameters.names();
    let descriptor = support::descriptor_ident();
    let registrations = service.methods.iter().map(|method| registration(service, method, &service_trait));
    let ServedValues { all, cloned, builders, told, .. } = ServedValues::of(service);
    let contract = contract::of_server(service);
    let debug_name = server.to_string();
    quote_spanned! {Span::mixed_site()=>
        impl<#bounded> #server #given #clause {
            /// Serves calls with this implementation.
            #visibility fn new(service: #implementation) -> Self {
                Self::from_arc(::std::sync::Arc::new(service))
            }

            /// Serves calls with this implementation, which others may hold too.
            #visibility fn from_arc(service: ::std::sync::Arc<#implementation>) -> Self {
                Self { service, #all #marker }
            }

            #builders
        }

        #[automatically_derived]
        impl<#bounded> #runtime::Service for #server #given #clause {
            fn descriptor(&self) -> &'static #runtime::ServiceDescriptor {
                &#descriptor
            }

            fn register(&self, registry: &mut #runtime::MethodRegistry) {
                #(#registrations)*
            }

            #told

            #contract
        }

        #[automatically_derived]
        impl<#names> ::core::clone::Clone for #server #given {
            fn clone(&self) -> Self {
                Self { service: ::core::clone::Clone::clone(&self.service), #cloned #marker }
            }
        }

        #[automatically_derived]
        impl<#names> ::core::fmt::Debug for #server #given {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.debug_struct(#debug_name).finish_non_exhaustive()
            }
        }
    }
}

fn registration(service: &Service, method: &Method, service_trait: &TokenStream) -> TokenStream {
    let Method { ident, name, conditions, .. } = method;
    let site = generated_at(ident.span());
    let runtime = runtime_at(service, ident.span());
    let name = &name.text;
    let values = subjects::received(method);
    let decode = method.body().next().is_some().then(|| {
        let receive = Names::of(method).receive;
        let generics = arguments::received_generics(service, method);
        quote_spanned!(site=> let args = call.decode::<#receive #generics>()?;)
    });
    let incoming = method.incoming.as_ref().map(incoming);
    let answer = answer(service, method, service_trait);
    quote_spanned! {site=>
        #(#conditions)*
        {
            let service = ::core::clone::Clone::clone(&self.service);
            registry.method(#name, move |call: #runtime::RawCall| {
                let service = ::core::clone::Clone::clone(&service);
                async move {
                    #values
                    #decode
                    #incoming
                    #answer
                }
            });
        }
    }
}

/// Takes what the caller streams into a variable that is called like the parameter.
fn incoming(incoming: &Incoming) -> TokenStream {
    let Incoming { ident, item, encoding } = incoming;
    let site = generated_at(item.span());
    let take = match encoding {
        Encoding::Serde => "incoming",
        Encoding::Bytes | Encoding::OptionalBytes => "incoming_bytes",
    };
    let take = Ident::new(take, site);
    quote_spanned!(site=> let #ident = call.#take::<#item>()?;)
}

/// Runs the implementation and makes its result a reply.
fn answer(service: &Service, method: &Method, service_trait: &TokenStream) -> TokenStream {
    let site = generated_at(method.ident.span());
    let run = run(service, method, service_trait);
    if method.options.oneway.is_some() {
        return quote_spanned!(site=> #run.await; call.done());
    }
    let answer = &method.output.answer;
    if let Some(stream) = &method.output.stream {
        return streamed(stream, answer, site, &run);
    }
    let reply = match (answer.outcome, answer.encoding) {
        (Outcome::Value, Encoding::Serde) => "reply",
        (Outcome::Value, _) => "reply_bytes",
        (Outcome::Result, Encoding::Serde) => "reply_result",
        (Outcome::Result, _) => "reply_result_bytes",
    };
    let reply = Ident::new(reply, generated_at(answer.ty.span()));
    quote_spanned!(site=> call.#reply(#run.await))
}

/// Calls the implementation.
fn run(service: &Service, method: &Method, service_trait: &TokenStream) -> TokenStream {
    let site = generated_at(method.ident.span());
    let implementation = parameters::implementation(service);
    let ident = &method.ident;
    let context = (method.context == ContextParameter::Lent).then(|| quote_spanned!(site=> call.context(),));
    let arguments = method.arguments.iter().map(|argument| passed(method, argument, site));
    let incoming = method.incoming.iter().map(|Incoming { ident, .. }| quote!(#ident));
    let arguments = arguments.chain(incoming);
    // A path, since a method call would first try the traits that `Arc` implements.
    quote_spanned! {site=>
        <#implementation as #service_trait>::#ident(&*service, #context #(#arguments),*)
    }
}

/// Answers with the stream that the implementation returns, or with the error why it has none.
fn streamed(stream: &OutputStream, answer: &Answer, site: Span, run: &TokenStream) -> TokenStream {
    let reply = match (answer.outcome, answer.encoding) {
        (Outcome::Value, Encoding::Serde) => "stream",
        (Outcome::Value, _) => "stream_bytes",
        (Outcome::Result, Encoding::Serde) => "stream_results",
        (Outcome::Result, _) => "stream_results_bytes",
    };
    let reply = Ident::new(reply, generated_at(answer.ty.span()));
    let Some(opening) = &stream.opening else {
        return quote_spanned!(site=> call.#reply(#run).await);
    };
    let private = support::private_ident(opening.span());
    let fail = quote_spanned! {generated_at(opening.span())=>
        call.reply_result(::core::result::Result::<(), _>::Err(error))
    };
    // The stream is sent behind the `match`, which would else keep the error, and ask it to be `Send`.
    quote_spanned! {site=>
        let stream = match #private::MethodResult::into_result(#run.await) {
            ::core::result::Result::Ok(stream) => stream,
            ::core::result::Result::Err(error) => return #fail,
        };
        call.#reply(stream).await
    }
}

fn passed(method: &Method, argument: &Argument, site: Span) -> TokenStream {
    let name = &argument.ident;
    let value = if method.is_in_subject(argument) {
        quote_spanned!(site=> #name)
    } else {
        quote_spanned!(site=> args.#name)
    };
    match argument.passing {
        Passing::Owned => value,
        Passing::Str(_) | Passing::Bytes(_) | Passing::Slice(_) | Passing::Lent(_) => {
            quote_spanned!(site=> &#value)
        }
    }
}
