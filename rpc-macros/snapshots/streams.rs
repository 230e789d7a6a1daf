pub trait Feed<T: Value>: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Streams what happens.
    fn watch(
        &self,
        cx: &Context,
        prefix: &str,
    ) -> impl Stream<Item = Result<T, FeedError>> + ::core::marker::Send;
    fn read(
        &self,
        name: &str,
    ) -> impl futures::Stream<Item = Bytes> + Unpin + ::core::marker::Send;
    fn open(
        &self,
        name: &str,
    ) -> impl ::core::future::Future<
        Output = Result<impl Stream<Item = Option<Vec<u8>>> + ::core::marker::Send>,
    > + ::core::marker::Send;
    fn tail(
        &self,
        name: &str,
    ) -> impl ::core::future::Future<
        Output = Result<impl Stream<Item = Result<Bytes>> + ::core::marker::Send>,
    > + ::core::marker::Send {
        async move { self.open(name).await }
    }
    fn upload(
        &self,
        name: &str,
        chunks: Incoming<Bytes>,
    ) -> impl ::core::future::Future<
        Output = Result<u64, FeedError>,
    > + ::core::marker::Send;
    fn sum(
        &self,
        of: u8,
        start: &T,
        numbers: nats_rpc::Incoming<T>,
    ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
    #[cfg(unix)]
    fn talk(
        &self,
        lines: Incoming<String>,
    ) -> impl Stream<Item = String> + ::core::marker::Send;
    fn copy(
        &self,
        name: &str,
        chunks: Incoming<Vec<u8>>,
    ) -> impl ::core::future::Future<
        Output = Result<impl Stream<Item = T> + ::core::marker::Send>,
    > + ::core::marker::Send;
}
/// Client of the service [`Feed`]: its methods, as calls to whoever serves it.
#[allow(dead_code)]
pub struct FeedClient<T> {
    stub: ::nats_rpc::__private::Stub,
    types: ::core::marker::PhantomData<fn() -> (T,)>,
}
/// Server side of the service [`Feed`]: hands the calls to an implementation.
#[allow(dead_code)]
pub struct FeedServer<S, T> {
    service: ::std::sync::Arc<S>,
    types: ::core::marker::PhantomData<fn() -> (T,)>,
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
        ::nats_rpc::Method::server_streaming("watch")
            .with_description("Streams what happens.")
            .with_parameters(&[::nats_rpc::Parameter::required("prefix")]),
        ::nats_rpc::Method::server_streaming("read")
            .with_subject("read.{name}")
            .timeout_ms(1000u64),
        ::nats_rpc::Method::server_streaming("open")
            .with_parameters(&[::nats_rpc::Parameter::required("name")]),
        ::nats_rpc::Method::server_streaming("tail")
            .with_parameters(&[::nats_rpc::Parameter::required("name")]),
        ::nats_rpc::Method::client_streaming("upload")
            .no_cancel()
            .with_parameters(&[::nats_rpc::Parameter::required("name")]),
        ::nats_rpc::Method::client_streaming("sum")
            .with_subject("sum.{of}")
            .idempotent()
            .bare()
            .with_parameters(&[::nats_rpc::Parameter::required("start")]),
        #[cfg(unix)]
        ::nats_rpc::Method::bidi_streaming("talk"),
        ::nats_rpc::Method::bidi_streaming("copy").with_subject("copy.{name}"),
    ];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "feed",
            __METHODS,
        )
        .with_version("1.0.0");
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_watch<'a, T: Value> {
        prefix: &'a str,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `watch`",
        bound = ""
    )]
    struct __Recv_watch<'a, T: Value> {
        #[serde(borrow)]
        prefix: ::std::borrow::Cow<'a, str>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_open<'a, T: Value> {
        name: &'a str,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `open`",
        bound = ""
    )]
    struct __Recv_open<'a, T: Value> {
        #[serde(borrow)]
        name: ::std::borrow::Cow<'a, str>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_tail<'a, T: Value> {
        name: &'a str,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `tail`",
        bound = ""
    )]
    struct __Recv_tail<'a, T: Value> {
        #[serde(borrow)]
        name: ::std::borrow::Cow<'a, str>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_upload<'a, T: Value> {
        name: &'a str,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `upload`",
        bound = ""
    )]
    struct __Recv_upload<'a, T: Value> {
        #[serde(borrow)]
        name: ::std::borrow::Cow<'a, str>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", transparent, bound = "")]
    struct __Send_sum<'a, T: Value> {
        start: &'a T,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", transparent, bound = "")]
    struct __Recv_sum<T: Value> {
        start: T,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (T,)>,
    }
    #[allow(unused_mut)]
    fn __contract<T: Value>(
        role: ::nats_rpc::contract::Role,
    ) -> ::nats_rpc::contract::Contract {
        let mut description = __private::description!(& __DESCRIPTOR);
        description
            .method()
            .parameter::<::std::string::String>(&[])
            .result::<<Result<T, FeedError> as __private::MethodResult>::Ok>()
            .error::<<Result<T, FeedError> as __private::MethodResult>::Err>();
        description.method().result::<__private::AsBytes>();
        description
            .method()
            .parameter::<::std::string::String>(&[])
            .result::<::core::option::Option<__private::AsBytes>>()
            .error::<<Result<()> as __private::MethodResult>::Err>();
        description
            .method()
            .parameter::<::std::string::String>(&[])
            .result::<__private::AsBytes>()
            .error::<<Result<()> as __private::MethodResult>::Err>();
        description
            .method()
            .parameter::<::std::string::String>(&[])
            .items::<__private::AsBytes>()
            .result::<<Result<u64, FeedError> as __private::MethodResult>::Ok>()
            .error::<<Result<u64, FeedError> as __private::MethodResult>::Err>();
        description.method().parameter::<T>(&[]).items::<T>().result::<u64>();
        #[cfg(unix)] description.method().items::<String>().result::<String>();
        description
            .method()
            .items::<__private::AsBytes>()
            .result::<T>()
            .error::<<Result<()> as __private::MethodResult>::Err>();
        description.finish(role)
    }
    impl<T: Value> FeedClient<T> {
        /// A client that calls through this connection, or with the settings of this client.
        pub fn new(client: impl ::core::convert::Into<::nats_rpc::Client>) -> Self {
            Self {
                stub: __private::Stub::new(
                    ::core::convert::Into::into(client),
                    &__DESCRIPTOR,
                ),
                types: ::core::marker::PhantomData,
            }
        }
        /// Streams what happens.
        pub fn watch(
            &self,
            prefix: &str,
        ) -> ::nats_rpc::StreamingCall<
            <Result<T, FeedError> as __private::MethodResult>::Ok,
            <Result<T, FeedError> as __private::MethodResult>::Err,
        > {
            self.stub
                .open(
                    const { __private::method_index(__METHODS, "watch") },
                    &__Send_watch::<'_, T> {
                        prefix,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::fallible(),
                )
        }
        /// Calls [`Feed::read`].
        pub fn read(
            &self,
            name: &str,
        ) -> ::nats_rpc::StreamingCall<Bytes, ::core::convert::Infallible> {
            self.stub
                .open_to(
                    const { __private::method_index(__METHODS, "read") },
                    &[&name],
                    &__private::NoArgs {},
                    __private::Returns::infallible_bytes(),
                )
        }
        /// Calls [`Feed::open`].
        pub fn open(
            &self,
            name: &str,
        ) -> ::nats_rpc::StreamingCall<
            Option<Vec<u8>>,
            <Result<()> as __private::MethodResult>::Err,
        > {
            self.stub
                .open(
                    const { __private::method_index(__METHODS, "open") },
                    &__Send_open::<'_, T> {
                        name,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::fallible_bytes(),
                )
        }
        /// Calls [`Feed::tail`].
        pub fn tail(
            &self,
            name: &str,
        ) -> ::nats_rpc::StreamingCall<
            <Result<
                Bytes,
            > as __private::ItemResult<
                <Result<()> as __private::MethodResult>::Err,
            >>::Ok,
            <Result<()> as __private::MethodResult>::Err,
        > {
            self.stub
                .open(
                    const { __private::method_index(__METHODS, "tail") },
                    &__Send_tail::<'_, T> {
                        name,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::fallible_bytes(),
                )
        }
        /// Calls [`Feed::upload`].
        pub fn upload(
            &self,
            name: &str,
            chunks: impl __private::Stream<Item = Bytes> + ::core::marker::Send + 'static,
        ) -> ::nats_rpc::ClientStreamingCall<
            <Result<u64, FeedError> as __private::MethodResult>::Ok,
            <Result<u64, FeedError> as __private::MethodResult>::Err,
        > {
            self.stub
                .upload(
                    const { __private::method_index(__METHODS, "upload") },
                    &__Send_upload::<'_, T> {
                        name,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::fallible(),
                    __private::Items::bytes(chunks),
                )
        }
        /// Calls [`Feed::sum`].
        pub fn sum(
            &self,
            of: u8,
            start: &T,
            numbers: impl __private::Stream<Item = T> + ::core::marker::Send + 'static,
        ) -> ::nats_rpc::ClientStreamingCall<u64, ::core::convert::Infallible> {
            self.stub
                .upload_to(
                    const { __private::method_index(__METHODS, "sum") },
                    &[&of],
                    &__Send_sum::<'_, T> {
                        start,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::infallible(),
                    __private::Items::new(numbers),
                )
        }
        /// Calls [`Feed::talk`].
        #[cfg(unix)]
        pub fn talk(
            &self,
            lines: impl __private::Stream<Item = String> + ::core::marker::Send + 'static,
        ) -> ::nats_rpc::StreamingCall<String, ::core::convert::Infallible> {
            self.stub
                .open(
                    const { __private::method_index(__METHODS, "talk") },
                    &__private::NoArgs {},
                    __private::Returns::infallible(),
                )
                .with_items(__private::Items::new(lines))
        }
        /// Calls [`Feed::copy`].
        pub fn copy(
            &self,
            name: &str,
            chunks: impl __private::Stream<
                Item = Vec<u8>,
            > + ::core::marker::Send + 'static,
        ) -> ::nats_rpc::StreamingCall<T, <Result<()> as __private::MethodResult>::Err> {
            self.stub
                .open_to(
                    const { __private::method_index(__METHODS, "copy") },
                    &[&name],
                    &__private::NoArgs {},
                    __private::Returns::fallible(),
                )
                .with_items(__private::Items::bytes(chunks))
        }
    }
    #[automatically_derived]
    impl<T: Value> ::nats_rpc::ServiceClient for FeedClient<T> {
        fn from_client(
            client: ::nats_rpc::Client,
            subject_values: &[&str],
        ) -> ::core::result::Result<Self, ::nats_rpc::Error> {
            let stub = __private::Stub::with_values(
                client,
                &__DESCRIPTOR,
                subject_values,
            )?;
            ::core::result::Result::Ok(Self {
                stub,
                types: ::core::marker::PhantomData,
            })
        }
        fn client(&self) -> &::nats_rpc::Client {
            self.stub.client()
        }
        fn descriptor() -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
        fn contract(role: ::nats_rpc::contract::Role) -> ::nats_rpc::contract::Contract {
            __contract::<T>(role)
        }
    }
    #[automatically_derived]
    impl<T> ::core::clone::Clone for FeedClient<T> {
        fn clone(&self) -> Self {
            Self {
                stub: ::core::clone::Clone::clone(&self.stub),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<T> ::core::fmt::Debug for FeedClient<T> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("FeedClient").finish_non_exhaustive()
        }
    }
    impl<S: Feed<T>, T: Value> FeedServer<S, T> {
        /// Serves calls with this implementation.
        pub fn new(service: S) -> Self {
            Self::from_arc(::std::sync::Arc::new(service))
        }
        /// Serves calls with this implementation, which others may hold too.
        pub fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self {
                service,
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<S: Feed<T>, T: Value> ::nats_rpc::Service for FeedServer<S, T> {
        fn descriptor(&self) -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
        fn register(&self, registry: &mut ::nats_rpc::MethodRegistry) {
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "watch",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_watch<'_, T>>()?;
                                call.stream_results(
                                        <S as Feed<
                                            T,
                                        >>::watch(&*service, call.context(), &args.prefix),
                                    )
                                    .await
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "read",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let name = call
                                    .subject_value::<::std::string::String>("name")?;
                                call.stream_bytes(<S as Feed<T>>::read(&*service, &name))
                                    .await
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "open",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_open<'_, T>>()?;
                                let stream = match __private::MethodResult::into_result(
                                    <S as Feed<T>>::open(&*service, &args.name).await,
                                ) {
                                    ::core::result::Result::Ok(stream) => stream,
                                    ::core::result::Result::Err(error) => {
                                        return call
                                            .reply_result(::core::result::Result::<(), _>::Err(error));
                                    }
                                };
                                call.stream_bytes(stream).await
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "tail",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_tail<'_, T>>()?;
                                let stream = match __private::MethodResult::into_result(
                                    <S as Feed<T>>::tail(&*service, &args.name).await,
                                ) {
                                    ::core::result::Result::Ok(stream) => stream,
                                    ::core::result::Result::Err(error) => {
                                        return call
                                            .reply_result(::core::result::Result::<(), _>::Err(error));
                                    }
                                };
                                call.stream_results_bytes(stream).await
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "upload",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_upload<'_, T>>()?;
                                let chunks = call.incoming_bytes::<Bytes>()?;
                                call.reply_result(
                                    <S as Feed<T>>::upload(&*service, &args.name, chunks).await,
                                )
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "sum",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let of = call.subject_value::<u8>("of")?;
                                let args = call.decode::<__Recv_sum<T>>()?;
                                let numbers = call.incoming::<T>()?;
                                call.reply(
                                    <S as Feed<T>>::sum(&*service, of, &args.start, numbers)
                                        .await,
                                )
                            }
                        },
                    );
            }
            #[cfg(unix)]
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "talk",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let lines = call.incoming::<String>()?;
                                call.stream(<S as Feed<T>>::talk(&*service, lines)).await
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "copy",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let name = call
                                    .subject_value::<::std::string::String>("name")?;
                                let chunks = call.incoming_bytes::<Vec<u8>>()?;
                                let stream = match __private::MethodResult::into_result(
                                    <S as Feed<T>>::copy(&*service, &name, chunks).await,
                                ) {
                                    ::core::result::Result::Ok(stream) => stream,
                                    ::core::result::Result::Err(error) => {
                                        return call
                                            .reply_result(::core::result::Result::<(), _>::Err(error));
                                    }
                                };
                                call.stream(stream).await
                            }
                        },
                    );
            }
        }
        fn contract(&self) -> ::nats_rpc::contract::Contract {
            __contract::<T>(::nats_rpc::contract::Role::Server)
        }
    }
    #[automatically_derived]
    impl<S, T> ::core::clone::Clone for FeedServer<S, T> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<S, T> ::core::fmt::Debug for FeedServer<S, T> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("FeedServer").finish_non_exhaustive()
        }
    }
};
