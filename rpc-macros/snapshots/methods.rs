/// Greets people,
/// politely.
///
/// This is more than the description holds.
pub trait Greeter: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Says hello.
    fn hello(
        &self,
        name: &str,
    ) -> impl ::core::future::Future<Output = String> + ::core::marker::Send;
    fn divide(
        &self,
        cx: &Context,
        a: f64,
        b: f64,
    ) -> impl ::core::future::Future<
        Output = Result<f64, MathError>,
    > + ::core::marker::Send;
    fn log(
        &self,
        line: &str,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn ping(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send {
        async move {}
    }
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
    const __METHODS: &[::nats_rpc::Method] = &[
        ::nats_rpc::Method::unary("hello")
            .with_description("Says hello.")
            .with_parameters(&[::nats_rpc::Parameter::required("name")]),
        ::nats_rpc::Method::unary("divide")
            .with_parameters(
                &[
                    ::nats_rpc::Parameter::required("a"),
                    ::nats_rpc::Parameter::required("b"),
                ],
            ),
        ::nats_rpc::Method::oneway("log")
            .with_parameters(&[::nats_rpc::Parameter::required("line")]),
        ::nats_rpc::Method::unary("ping"),
    ];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "greeter",
            __METHODS,
        )
        .with_version(
            match ::core::option_env!("CARGO_PKG_VERSION") {
                ::core::option::Option::Some(version) => version,
                ::core::option::Option::None => "0.0.0",
            },
        )
        .with_description("Greets people, politely.");
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde")]
    struct __Send_hello<'a> {
        name: &'a str,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", expecting = "the arguments of `hello`")]
    struct __Recv_hello<'a> {
        #[serde(borrow)]
        name: ::std::borrow::Cow<'a, str>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde")]
    struct __Send_divide {
        a: f64,
        b: f64,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", expecting = "the arguments of `divide`")]
    struct __Recv_divide {
        a: f64,
        b: f64,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde")]
    struct __Send_log<'a> {
        line: &'a str,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", expecting = "the arguments of `log`")]
    struct __Recv_log<'a> {
        #[serde(borrow)]
        line: ::std::borrow::Cow<'a, str>,
    }
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
        /// Says hello.
        pub fn hello(
            &self,
            name: &str,
        ) -> ::nats_rpc::Call<String, ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "hello") },
                    &__Send_hello::<'_> { name },
                    __private::Returns::infallible(),
                )
        }
        /// Calls [`Greeter::divide`].
        pub fn divide(
            &self,
            a: f64,
            b: f64,
        ) -> ::nats_rpc::Call<
            <Result<f64, MathError> as __private::MethodResult>::Ok,
            <Result<f64, MathError> as __private::MethodResult>::Err,
        > {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "divide") },
                    &__Send_divide { a, b },
                    __private::Returns::fallible(),
                )
        }
        /// Calls [`Greeter::log`].
        pub fn log(&self, line: &str) -> ::nats_rpc::Cast {
            self.stub
                .cast(
                    const { __private::method_index(__METHODS, "log") },
                    &__Send_log::<'_> { line },
                )
        }
        /// Calls [`Greeter::ping`].
        pub fn ping(&self) -> ::nats_rpc::Call<(), ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "ping") },
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
                        "hello",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_hello<'_>>()?;
                                call.reply(
                                    <S as Greeter>::hello(&*service, &args.name).await,
                                )
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "divide",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_divide>()?;
                                call.reply_result(
                                    <S as Greeter>::divide(
                                            &*service,
                                            call.context(),
                                            args.a,
                                            args.b,
                                        )
                                        .await,
                                )
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "log",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_log<'_>>()?;
                                <S as Greeter>::log(&*service, &args.line).await;
                                call.done()
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "ping",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                call.reply(<S as Greeter>::ping(&*service).await)
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
