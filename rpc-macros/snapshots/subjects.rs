pub trait Orders<K: Key>: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn get(
        &self,
        id: u64,
    ) -> impl ::core::future::Future<Output = Option<K>> + ::core::marker::Send;
    fn set(
        &self,
        cx: &Context,
        count: u32,
        key: &K,
        order: &str,
        note: &str,
    ) -> impl ::core::future::Future<Output = Result<(), String>> + ::core::marker::Send;
    fn seen(
        &self,
        id: &str,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn put(
        &self,
        r#type: Kind,
        order: &Order,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn count(&self) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
}
/// Client of the service [`Orders`]: its methods, as calls to whoever serves it.
#[allow(dead_code)]
pub struct OrdersClient<K> {
    stub: ::nats_rpc::__private::Stub,
    types: ::core::marker::PhantomData<fn() -> (K,)>,
}
/// Server side of the service [`Orders`]: hands the calls to an implementation.
#[allow(dead_code)]
pub struct OrdersServer<S, K> {
    service: ::std::sync::Arc<S>,
    values: ::std::vec::Vec<(&'static str, ::std::string::String)>,
    types: ::core::marker::PhantomData<fn() -> (K,)>,
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
        ::nats_rpc::Method::unary("get").with_subject("get.{id}"),
        ::nats_rpc::Method::unary("set")
            .with_subject("items.{order}.of.{key}")
            .with_parameters(
                &[
                    ::nats_rpc::Parameter::required("count"),
                    ::nats_rpc::Parameter::required("note"),
                ],
            ),
        ::nats_rpc::Method::oneway("seen").with_subject("seen.{id}"),
        ::nats_rpc::Method::unary("put")
            .with_subject("put.{type}")
            .bare()
            .with_parameters(&[::nats_rpc::Parameter::required("order")]),
        ::nats_rpc::Method::unary("count").with_subject("v2.count"),
    ];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "orders",
            __METHODS,
        )
        .with_version("1.0.0")
        .with_subject("orders.{region}.{kind}");
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", bound = "")]
    struct __Send_set<'a, K: Key> {
        count: u32,
        note: &'a str,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(
        crate = "__private::serde",
        expecting = "the arguments of `set`",
        bound = ""
    )]
    struct __Recv_set<'a, K: Key> {
        count: u32,
        #[serde(borrow)]
        note: ::std::borrow::Cow<'a, str>,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K,)>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", transparent, bound = "")]
    struct __Send_put<'a, K: Key> {
        order: &'a Order,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K,)>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", transparent, bound = "")]
    struct __Recv_put<K: Key> {
        order: Order,
        #[serde(skip)]
        __types: ::core::marker::PhantomData<fn() -> (K,)>,
    }
    #[allow(unused_mut)]
    fn __contract<K: Key>(
        role: ::nats_rpc::contract::Role,
    ) -> ::nats_rpc::contract::Contract {
        let mut description = __private::description!(& __DESCRIPTOR);
        description.method().result::<Option<K>>();
        description
            .method()
            .parameter::<u32>(&[])
            .parameter::<::std::string::String>(&[])
            .result::<<Result<(), String> as __private::MethodResult>::Ok>()
            .error::<<Result<(), String> as __private::MethodResult>::Err>();
        description.method();
        description.method().parameter::<Order>(&[]).result::<()>();
        description.method().result::<u64>();
        description.finish(role)
    }
    impl<K: Key> OrdersClient<K> {
        /// A client that calls those who serve `orders.{region}.{kind}` with these values, through this connection, or with the settings of this client.
        ///
        /// # Errors
        /// `InvalidArgument` if a value cannot be a token of a subject: 1 to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`, of
        /// which the first is no `_`.
        pub fn new(
            client: impl ::core::convert::Into<::nats_rpc::Client>,
            region: &str,
            kind: &str,
        ) -> ::core::result::Result<Self, ::nats_rpc::Error> {
            <Self as ::nats_rpc::ServiceClient>::from_client(
                ::core::convert::Into::into(client),
                &[region, kind],
            )
        }
        /// Calls [`Orders::get`].
        pub fn get(
            &self,
            id: u64,
        ) -> ::nats_rpc::Call<Option<K>, ::core::convert::Infallible> {
            self.stub
                .call_to(
                    const { __private::method_index(__METHODS, "get") },
                    &[&id],
                    &__private::NoArgs {},
                    __private::Returns::infallible(),
                )
        }
        /// Calls [`Orders::set`].
        pub fn set(
            &self,
            count: u32,
            key: &K,
            order: &str,
            note: &str,
        ) -> ::nats_rpc::Call<
            <Result<(), String> as __private::MethodResult>::Ok,
            <Result<(), String> as __private::MethodResult>::Err,
        > {
            self.stub
                .call_to(
                    const { __private::method_index(__METHODS, "set") },
                    &[&order, &key],
                    &__Send_set::<'_, K> {
                        count,
                        note,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::fallible(),
                )
        }
        /// Calls [`Orders::seen`].
        pub fn seen(&self, id: &str) -> ::nats_rpc::Cast {
            self.stub
                .cast_to(
                    const { __private::method_index(__METHODS, "seen") },
                    &[&id],
                    &__private::NoArgs {},
                )
        }
        /// Calls [`Orders::put`].
        pub fn put(
            &self,
            r#type: Kind,
            order: &Order,
        ) -> ::nats_rpc::Call<(), ::core::convert::Infallible> {
            self.stub
                .call_to(
                    const { __private::method_index(__METHODS, "put") },
                    &[&r#type],
                    &__Send_put::<'_, K> {
                        order,
                        __types: ::core::marker::PhantomData,
                    },
                    __private::Returns::infallible(),
                )
        }
        /// Calls [`Orders::count`].
        pub fn count(&self) -> ::nats_rpc::Call<u64, ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "count") },
                    &__private::NoArgs {},
                    __private::Returns::infallible(),
                )
        }
    }
    #[automatically_derived]
    impl<K: Key> ::nats_rpc::ServiceClient for OrdersClient<K> {
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
            __contract::<K>(role)
        }
    }
    #[automatically_derived]
    impl<K> ::core::clone::Clone for OrdersClient<K> {
        fn clone(&self) -> Self {
            Self {
                stub: ::core::clone::Clone::clone(&self.stub),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<K> ::core::fmt::Debug for OrdersClient<K> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("OrdersClient").finish_non_exhaustive()
        }
    }
    impl<S: Orders<K>, K: Key> OrdersServer<S, K> {
        /// Serves calls with this implementation.
        pub fn new(service: S) -> Self {
            Self::from_arc(::std::sync::Arc::new(service))
        }
        /// Serves calls with this implementation, which others may hold too.
        pub fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self {
                service,
                values: ::std::vec::Vec::new(),
                types: ::core::marker::PhantomData,
            }
        }
        /// Serves only calls with this value of `{region}`; all values otherwise. Checked when the server starts.
        #[must_use]
        pub fn with_region(
            mut self,
            value: impl ::core::convert::Into<::std::string::String>,
        ) -> Self {
            self.values.retain(|(name, _)| *name != "region");
            self.values.push(("region", ::core::convert::Into::into(value)));
            self
        }
        /// Serves only calls with this value of `{kind}`; all values otherwise. Checked when the server starts.
        #[must_use]
        pub fn with_kind(
            mut self,
            value: impl ::core::convert::Into<::std::string::String>,
        ) -> Self {
            self.values.retain(|(name, _)| *name != "kind");
            self.values.push(("kind", ::core::convert::Into::into(value)));
            self
        }
    }
    #[automatically_derived]
    impl<S: Orders<K>, K: Key> ::nats_rpc::Service for OrdersServer<S, K> {
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
                                let id = call.subject_value::<u64>("id")?;
                                call.reply(<S as Orders<K>>::get(&*service, id).await)
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "set",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let order = call
                                    .subject_value::<::std::string::String>("order")?;
                                let key = call.subject_value::<K>("key")?;
                                let args = call.decode::<__Recv_set<'_, K>>()?;
                                call.reply_result(
                                    <S as Orders<
                                        K,
                                    >>::set(
                                            &*service,
                                            call.context(),
                                            args.count,
                                            &key,
                                            &order,
                                            &args.note,
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
                        "seen",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let id = call.subject_value::<::std::string::String>("id")?;
                                <S as Orders<K>>::seen(&*service, &id).await;
                                call.done()
                            }
                        },
                    );
            }
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "put",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let r#type = call.subject_value::<Kind>("type")?;
                                let args = call.decode::<__Recv_put<K>>()?;
                                call.reply(
                                    <S as Orders<K>>::put(&*service, r#type, &args.order).await,
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
                                call.reply(<S as Orders<K>>::count(&*service).await)
                            }
                        },
                    );
            }
        }
        fn subject_values(
            &self,
        ) -> ::std::vec::Vec<(&'static str, ::std::string::String)> {
            ::core::clone::Clone::clone(&self.values)
        }
        fn contract(&self) -> ::nats_rpc::contract::Contract {
            __contract::<K>(::nats_rpc::contract::Role::Server)
        }
    }
    #[automatically_derived]
    impl<S, K> ::core::clone::Clone for OrdersServer<S, K> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
                values: ::core::clone::Clone::clone(&self.values),
                types: ::core::marker::PhantomData,
            }
        }
    }
    #[automatically_derived]
    impl<S, K> ::core::fmt::Debug for OrdersServer<S, K> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("OrdersServer").finish_non_exhaustive()
        }
    }
};
