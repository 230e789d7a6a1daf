pub trait Cache<
    K: Key,
    V = String,
>: Clone + ::core::marker::Send + ::core::marker::Sync + 'static
where
    V: Value,
    Self: Sized,
{
    fn get(
        &self,
        key: &K,
    ) -> impl ::core::future::Future<Output = Option<V>> + ::core::marker::Send;
    fn count(
        &self,
        prefix: &str,
    ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
}
/// Client of the service [`Cache`]: its methods, as calls to whoever serves it.
#[allow(dead_code)]
pub struct CacheClient<K, V = String> {
    stub: ::nats_rpc::__private::Stub,
    types: ::core::marker::PhantomData<fn() -> (K, V)>,
}
/// Server side of the service [`Cache`]: hands the calls to an implementation.
#[allow(dead_code)]
pub struct CacheServer<S, K, V = String> {
    service: ::std::sync::Arc<S>,
    types: ::core::marker::PhantomData<fn() -> (K, V)>,
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
        ::nats_rpc::Method::unary("get")
            .with_parameters(&[::nats_rpc::Parameter::required("key")]),
        ::nats_rpc::Method::unary("count")
            .with_parameters(&[::nats_rpc::Parameter::required("prefix")]),
    ];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "cache",
            __METHODS,
        )
        .with_version("1.0.0");
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_get<'a, K: Key, V>
    where
        V: Value,
    {
        key: &'a K,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K, V)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `get`",
        bound = ""
    )]
    struct __Recv_get<K: Key, V>
    where
        V: Value,
    {
        key: K,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K, V)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_count<'a, K: Key, V>
    where
        V: Value,
    {
        prefix: &'a str,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K, V)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `count`",
        bound = ""
    )]
    struct __Recv_count<'a, K: Key, V>
    where
        V: Value,
    {
        #[serde(borrow)]
        prefix: ::std::borrow::Cow<'a, str>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K, V)>,
    }
    impl<K: Key, V> CacheClient<K, V>
    where
        V: Value,
    {
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
        /// Calls [`Cache::get`].
        pub fn get(
            &self,
            key: &K,
        ) -> ::nats_rpc::Call<Option<V>, ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "get") },
                    &__Send_get::<'_, K, V> {
                        key,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::infallible(),
                )
        }
        /// Calls [`Cache::count`].
        pub fn count(
            &self,
            prefix: &str,
        ) -> ::nats_rpc::Call<u64, ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "count") },
                    &__Send_count::<'_, K, V> {
                        prefix,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::infallible(),
                )
        }
    }
    #[automatically_derived]
    impl<K: Key, V> ::nats_rpc::ServiceClient for CacheClient<K, V>
    where
        V: Value,
    {
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
    }
    #[automatically_derived]
    impl<K, V> ::core::clone::Clone for CacheClient<K, V> {
        fn clone(&self) -> Self {
            Self {
                stub: ::core::clone::Clone::clone(&self.stub),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<K, V> ::core::fmt::Debug for CacheClient<K, V> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("CacheClient").finish_non_exhaustive()
        }
    }
    impl<S: Cache<K, V>, K: Key, V> CacheServer<S, K, V>
    where
        V: Value,
    {
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
    impl<S: Cache<K, V>, K: Key, V> ::nats_rpc::Service for CacheServer<S, K, V>
    where
        V: Value,
    {
        fn descriptor(&self) -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
        fn register(&self, registry: &mut ::nats_rpc::MethodRegistry) {
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "get",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_get<K, V>>()?;
                                call.reply(
                                    <S as Cache<K, V>>::get(&*service, &args.key).await,
                                )
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "count",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_count<'_, K, V>>()?;
                                call.reply(
                                    <S as Cache<K, V>>::count(&*service, &args.prefix).await,
                                )
                            }
                        },
                    );
            }
        }
    }
    #[automatically_derived]
    impl<S, K, V> ::core::clone::Clone for CacheServer<S, K, V> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<S, K, V> ::core::fmt::Debug for CacheServer<S, K, V> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("CacheServer").finish_non_exhaustive()
        }
    }
};
