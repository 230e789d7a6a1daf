pub trait Greeter: ::core::marker::Send + ::core::marker::Sync + 'static {
    type Name;
    fn right(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn wrong(
        &self,
        _: (u8, u8),
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}
/// Client of the service [`Greeter`]: its methods, as calls to whoever serves it.
#[allow(dead_code)]
pub struct GreeterClient {
    stub: ::nats_rpc::__private::Stub,
}
/// Server side of the service [`Greeter`]: hands the calls to an implementation.
#[allow(dead_code)]
pub struct GreeterServer<S> {
    service: ::std::sync::Arc<S>,
}
#[allow(
    dead_code,
    deprecated,
    non_camel_case_types,
    non_snake_case,
    unused_imports,
    unused_variables
)]
const _: () = {
    use ::nats_rpc::__private;
    const __METHODS: &[::nats_rpc::Method] = &[::nats_rpc::Method::unary("right")];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "greeter",
            __METHODS,
        )
        .with_version("1.0.0");
    impl GreeterClient {
        /// A client that calls through this connection, or with the settings of this client.
        pub fn new(client: impl ::core::convert::Into<::nats_rpc::Client>) -> Self {
            Self {
                stub: __private::Stub::new(
                    ::core::convert::Into::into(client),
                    &__DESCRIPTOR,
                ),
            }
        }
        /// Calls [`Greeter::right`].
        pub fn right(&self) -> ::nats_rpc::Call<(), ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "right") },
                    &__private::NoArgs {},
                    __private::Returns::infallible(),
                )
        }
    }
    #[automatically_derived]
    impl ::nats_rpc::ServiceClient for GreeterClient {
        fn from_client(
            client: ::nats_rpc::Client,
            subject_values: &[&str],
        ) -> ::core::result::Result<Self, ::nats_rpc::Error> {
            let stub = __private::Stub::with_values(
                client,
                &__DESCRIPTOR,
                subject_values,
            )?;
            ::core::result::Result::Ok(Self { stub })
        }
        fn client(&self) -> &::nats_rpc::Client {
            self.stub.client()
        }
        fn descriptor() -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
    }
    #[automatically_derived]
    impl ::core::clone::Clone for GreeterClient {
        fn clone(&self) -> Self {
            Self {
                stub: ::core::clone::Clone::clone(&self.stub),
            }
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for GreeterClient {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("GreeterClient").finish_non_exhaustive()
        }
    }
    impl<S: Greeter> GreeterServer<S> {
        /// Serves calls with this implementation.
        pub fn new(service: S) -> Self {
            Self::from_arc(::std::sync::Arc::new(service))
        }
        /// Serves calls with this implementation, which others may hold too.
        pub fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self { service }
        }
    }
    #[automatically_derived]
    impl<S: Greeter> ::nats_rpc::Service for GreeterServer<S> {
        fn descriptor(&self) -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
        fn register(&self, registry: &mut ::nats_rpc::MethodRegistry) {
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "right",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                call.reply(<S as Greeter>::right(&*service).await)
                            }
                        },
                    );
            }
        }
    }
    #[automatically_derived]
    impl<S> ::core::clone::Clone for GreeterServer<S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for GreeterServer<S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("GreeterServer").finish_non_exhaustive()
        }
    }
};
::core::compile_error! {
    "a service has only methods: name the types in the methods, or make the trait generic over them"
}
::core::compile_error! {
    "an argument needs a name, which is its name on the wire: take it apart in the body"
}
