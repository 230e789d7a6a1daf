#[cfg(unix)]
#[deprecated]
#[allow(clippy::all)]
#[instrumented]
pub(crate) trait Attributed: ::core::marker::Send + ::core::marker::Sync + 'static {
    #[cfg(feature = "one")]
    #[cfg_attr(docsrs, doc(hidden))]
    #[instrumented]
    fn one(
        &self,
        number: u8,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    #[deprecated = "use `one`"]
    #[allow(unused)]
    fn two(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send {
        async move { self.one(2).await }
    }
}
/// Client of the service [`Attributed`]: its methods, as calls to whoever serves it.
#[cfg(unix)]
#[deprecated]
#[allow(clippy::all)]
#[allow(dead_code)]
pub(crate) struct AttributedClient {
    stub: ::nats_rpc::__private::Stub,
}
/// Server side of the service [`Attributed`]: hands the calls to an implementation.
#[cfg(unix)]
#[deprecated]
#[allow(clippy::all)]
#[allow(dead_code)]
pub(crate) struct AttributedServer<S> {
    service: ::std::sync::Arc<S>,
}
#[cfg(unix)]
#[allow(clippy::all)]
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
    const __METHODS: &[::nats_rpc::Method] = &[
        #[cfg(feature = "one")]
        ::nats_rpc::Method::unary("wire")
            .with_subject("one.now")
            .idempotent()
            .broadcast()
            .spawn()
            .no_cancel()
            .coalesce(7usize)
            .timeout_ms(1500u64)
            .with_parameters(&[::nats_rpc::Parameter::required("number")]),
        ::nats_rpc::Method::unary("two").durable(),
    ];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "other-name",
            __METHODS,
        )
        .with_version("1.2.3")
        .with_subject("a.b");
    #[cfg(feature = "one")]
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde")]
    struct __Send_one {
        number: u8,
    }
    #[cfg(feature = "one")]
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", expecting = "the arguments of `wire`")]
    struct __Recv_one {
        number: u8,
    }
    __private::jobs!();
    impl AttributedClient {
        /// A client that calls through this connection, or with the settings of this client.
        pub(crate) fn new(
            client: impl ::core::convert::Into<::nats_rpc::Client>,
        ) -> Self {
            Self {
                stub: __private::Stub::new(
                    ::core::convert::Into::into(client),
                    &__DESCRIPTOR,
                ),
            }
        }
        /// Calls [`Attributed::one`].
        #[cfg(feature = "one")]
        #[cfg_attr(docsrs, doc(hidden))]
        pub(crate) fn one(
            &self,
            number: u8,
        ) -> ::nats_rpc::Call<(), ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "wire") },
                    &__Send_one { number },
                    __private::Returns::infallible(),
                )
        }
        /// Calls [`Attributed::two`].
        #[deprecated = "use `one`"]
        #[allow(unused)]
        pub(crate) fn two(&self) -> ::nats_rpc::Call<(), ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "two") },
                    &__private::NoArgs {},
                    __private::Returns::infallible(),
                )
        }
    }
    #[automatically_derived]
    impl ::nats_rpc::ServiceClient for AttributedClient {
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
    impl ::core::clone::Clone for AttributedClient {
        fn clone(&self) -> Self {
            Self {
                stub: ::core::clone::Clone::clone(&self.stub),
            }
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for AttributedClient {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("AttributedClient").finish_non_exhaustive()
        }
    }
    impl<S: Attributed> AttributedServer<S> {
        /// Serves calls with this implementation.
        pub(crate) fn new(service: S) -> Self {
            Self::from_arc(::std::sync::Arc::new(service))
        }
        /// Serves calls with this implementation, which others may hold too.
        pub(crate) fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self { service }
        }
    }
    #[automatically_derived]
    impl<S: Attributed> ::nats_rpc::Service for AttributedServer<S> {
        fn descriptor(&self) -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
        fn register(&self, registry: &mut ::nats_rpc::MethodRegistry) {
            #[cfg(feature = "one")]
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "wire",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_one>()?;
                                call.reply(
                                    <S as Attributed>::one(&*service, args.number).await,
                                )
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "two",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                call.reply(<S as Attributed>::two(&*service).await)
                            }
                        },
                    );
            }
        }
    }
    #[automatically_derived]
    impl<S> ::core::clone::Clone for AttributedServer<S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for AttributedServer<S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("AttributedServer").finish_non_exhaustive()
        }
    }
};
