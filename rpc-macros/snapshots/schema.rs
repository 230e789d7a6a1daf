pub trait Store<V: Value>: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn put(
        &self,
        key: &str,
        value: &V,
        tags: &[String],
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    #[cfg(unix)]
    fn get(
        &self,
        cx: &Context,
        key: String,
    ) -> impl ::core::future::Future<
        Output = Result<Option<Bytes>, StoreError>,
    > + ::core::marker::Send;
    fn check(
        &self,
        bytes: &[u8],
    ) -> impl ::core::future::Future<Output = Vec<u8>> + ::core::marker::Send;
    fn log(
        &self,
        bytes: &[u8],
        more: Option<Vec<u8>>,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}
/// Client of the service [`Store`]: its methods, as calls to whoever serves it.
#[allow(dead_code)]
pub struct StoreClient<V> {
    stub: ::nats_rpc::__private::Stub,
    types: ::core::marker::PhantomData<fn() -> (V,)>,
}
/// Server side of the service [`Store`]: hands the calls to an implementation.
#[allow(dead_code)]
pub struct StoreServer<S, V> {
    service: ::std::sync::Arc<S>,
    types: ::core::marker::PhantomData<fn() -> (V,)>,
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
        ::nats_rpc::Method::unary("put")
            .with_parameters(
                &[
                    ::nats_rpc::Parameter::required("key"),
                    ::nats_rpc::Parameter::required("value"),
                    ::nats_rpc::Parameter::required("tags"),
                ],
            ),
        #[cfg(unix)]
        ::nats_rpc::Method::unary("get")
            .with_parameters(&[::nats_rpc::Parameter::required("key")]),
        ::nats_rpc::Method::unary("check")
            .bare()
            .with_parameters(&[::nats_rpc::Parameter::required("bytes")]),
        ::nats_rpc::Method::oneway("log")
            .with_parameters(
                &[
                    ::nats_rpc::Parameter::required("bytes"),
                    ::nats_rpc::Parameter::optional("more"),
                ],
            ),
    ];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "store",
            __METHODS,
        )
        .with_version("1.0.0");
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_put<'a, V: Value> {
        key: &'a str,
        value: &'a V,
        tags: &'a [String],
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `put`",
        bound = ""
    )]
    struct __Recv_put<'a, V: Value> {
        #[serde(borrow)]
        #[serde(alias = "id", alias = "name")]
        key: ::std::borrow::Cow<'a, str>,
        value: V,
        tags: ::std::vec::Vec<String>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[cfg(unix)]
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_get<V: Value> {
        key: String,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[cfg(unix)]
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `get`",
        bound = ""
    )]
    struct __Recv_get<V: Value> {
        key: String,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", transparent, bound = "")]
    struct __Send_check<'a, V: Value> {
        #[serde(with = "hex")]
        bytes: &'a [u8],
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", transparent, bound = "")]
    struct __Recv_check<V: Value> {
        #[serde(with = "hex")]
        bytes: ::std::vec::Vec<u8>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_log<'a, V: Value> {
        #[serde(with = "__private::as_bytes")]
        bytes: &'a [u8],
        #[serde(with = "__private::as_bytes")]
        more: Option<Vec<u8>>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `log`",
        bound = ""
    )]
    struct __Recv_log<'a, V: Value> {
        #[serde(borrow)]
        #[serde(with = "__private::as_bytes")]
        bytes: ::std::borrow::Cow<'a, [u8]>,
        #[serde(default)]
        #[serde(with = "__private::as_bytes")]
        more: Option<Vec<u8>>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (V,)>,
    }
    #[allow(unused_mut)]
    fn __contract<V: Value>(
        role: ::nats_rpc::contract::Role,
    ) -> ::nats_rpc::contract::Contract {
        let mut description = __private::description!(& __DESCRIPTOR);
        description
            .method()
            .parameter::<::std::string::String>(&["id", "name"])
            .parameter::<V>(&[])
            .parameter::<::std::vec::Vec<String>>(&[])
            .result::<()>();
        #[cfg(unix)]
        description
            .method()
            .parameter::<String>(&[])
            .result::<::core::option::Option<__private::AsBytes>>()
            .error::<
                <Result<Option<Bytes>, StoreError> as __private::MethodResult>::Err,
            >();
        description
            .method()
            .parameter::<__private::ByOwnCodec>(&[])
            .result::<__private::AsBytes>();
        description
            .method()
            .parameter::<__private::AsBytes>(&[])
            .parameter::<::core::option::Option<__private::AsBytes>>(&[]);
        description.finish(role)
    }
    impl<V: Value> StoreClient<V> {
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
        /// Calls [`Store::put`].
        pub fn put(
            &self,
            key: &str,
            value: &V,
            tags: &[String],
        ) -> ::nats_rpc::Call<(), ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "put") },
                    &__Send_put::<'_, V> {
                        key,
                        value,
                        tags,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::infallible(),
                )
        }
        /// Calls [`Store::get`].
        #[cfg(unix)]
        pub fn get(
            &self,
            key: String,
        ) -> ::nats_rpc::Call<
            <Result<Option<Bytes>, StoreError> as __private::MethodResult>::Ok,
            <Result<Option<Bytes>, StoreError> as __private::MethodResult>::Err,
        > {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "get") },
                    &__Send_get::<V> {
                        key,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::fallible_bytes(),
                )
        }
        /// Calls [`Store::check`].
        pub fn check(
            &self,
            bytes: &[u8],
        ) -> ::nats_rpc::Call<Vec<u8>, ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "check") },
                    &__Send_check::<'_, V> {
                        bytes,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::infallible_bytes(),
                )
        }
        /// Calls [`Store::log`].
        pub fn log(&self, bytes: &[u8], more: Option<Vec<u8>>) -> ::nats_rpc::Cast {
            self.stub
                .cast(
                    const { __private::method_index(__METHODS, "log") },
                    &__Send_log::<'_, V> {
                        bytes,
                        more,
                        __types: ::core::marker::PhantomData,
                    },
                )
        }
    }
    #[automatically_derived]
    impl<V: Value> ::nats_rpc::ServiceClient for StoreClient<V> {
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
            __contract::<V>(role)
        }
    }
    #[automatically_derived]
    impl<V> ::core::clone::Clone for StoreClient<V> {
        fn clone(&self) -> Self {
            Self {
                stub: ::core::clone::Clone::clone(&self.stub),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<V> ::core::fmt::Debug for StoreClient<V> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("StoreClient").finish_non_exhaustive()
        }
    }
    impl<S: Store<V>, V: Value> StoreServer<S, V> {
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
    impl<S: Store<V>, V: Value> ::nats_rpc::Service for StoreServer<S, V> {
        fn descriptor(&self) -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
        fn register(&self, registry: &mut ::nats_rpc::MethodRegistry) {
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "put",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_put<'_, V>>()?;
                                call.reply(
                                    <S as Store<
                                        V,
                                    >>::put(&*service, &args.key, &args.value, &args.tags)
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
                        "get",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_get<V>>()?;
                                call.reply_result_bytes(
                                    <S as Store<V>>::get(&*service, call.context(), args.key)
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
                        "check",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_check<V>>()?;
                                call.reply_bytes(
                                    <S as Store<V>>::check(&*service, &args.bytes).await,
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
                                let args = call.decode::<__Recv_log<'_, V>>()?;
                                <S as Store<V>>::log(&*service, &args.bytes, args.more)
                                    .await;
                                call.done()
                            }
                        },
                    );
            }
        }
        fn contract(&self) -> ::nats_rpc::contract::Contract {
            __contract::<V>(::nats_rpc::contract::Role::Server)
        }
    }
    #[automatically_derived]
    impl<S, V> ::core::clone::Clone for StoreServer<S, V> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<S, V> ::core::fmt::Debug for StoreServer<S, V> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("StoreServer").finish_non_exhaustive()
        }
    }
};
