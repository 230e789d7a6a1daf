trait Everything: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn owned(
        &self,
        text: String,
        r#type: Vec<u8>,
        maybe: Option<Bytes>,
    ) -> impl ::core::future::Future<Output = Option<Bytes>> + ::core::marker::Send;
    fn lent(
        &self,
        text: &str,
        point: &Point,
        list: &[Point],
        bytes: &[u8],
        vec: &Vec<u8>,
    ) -> impl ::core::future::Future<Output = Vec<u8>> + ::core::marker::Send;
    fn options(
        &self,
        number: u8,
        lent: &str,
        bytes: &[u8],
    ) -> impl ::core::future::Future<
        Output = Result<Bytes, String>,
    > + ::core::marker::Send;
    fn bare(
        &self,
        point: &Point,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}
/// Client of the service [`Everything`]: its methods, as calls to whoever serves it.
#[allow(dead_code)]
struct EverythingClient {
    stub: ::nats_rpc::__private::Stub,
}
/// Server side of the service [`Everything`]: hands the calls to an implementation.
#[allow(dead_code)]
struct EverythingServer<S> {
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
        ::nats_rpc::Method::unary("owned")
            .with_parameters(
                &[
                    ::nats_rpc::Parameter::required("text"),
                    ::nats_rpc::Parameter::required("type"),
                    ::nats_rpc::Parameter::optional("maybe"),
                ],
            ),
        ::nats_rpc::Method::unary("lent")
            .with_parameters(
                &[
                    ::nats_rpc::Parameter::required("text"),
                    ::nats_rpc::Parameter::required("point"),
                    ::nats_rpc::Parameter::required("list"),
                    ::nats_rpc::Parameter::required("bytes"),
                    ::nats_rpc::Parameter::required("vec"),
                ],
            ),
        ::nats_rpc::Method::unary("options")
            .with_parameters(
                &[
                    ::nats_rpc::Parameter::optional("n"),
                    ::nats_rpc::Parameter::required("lent"),
                    ::nats_rpc::Parameter::required("bytes"),
                ],
            ),
        ::nats_rpc::Method::unary("bare")
            .bare()
            .with_parameters(&[::nats_rpc::Parameter::required("point")]),
    ];
    static __DESCRIPTOR: ::nats_rpc::ServiceDescriptor = ::nats_rpc::ServiceDescriptor::new(
            "everything",
            __METHODS,
        )
        .with_version("1.2.3");
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde")]
    struct __Send_owned {
        text: String,
        #[serde(with = "__private::as_bytes")]
        r#type: Vec<u8>,
        #[serde(with = "__private::as_bytes")]
        maybe: Option<Bytes>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", expecting = "the arguments of `owned`")]
    struct __Recv_owned {
        text: String,
        #[serde(with = "__private::as_bytes")]
        r#type: Vec<u8>,
        #[serde(default)]
        #[serde(with = "__private::as_bytes")]
        maybe: Option<Bytes>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde")]
    struct __Send_lent<'a> {
        text: &'a str,
        point: &'a Point,
        list: &'a [Point],
        #[serde(with = "__private::as_bytes")]
        bytes: &'a [u8],
        #[serde(with = "__private::as_bytes")]
        vec: &'a Vec<u8>,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", expecting = "the arguments of `lent`")]
    struct __Recv_lent<'a> {
        #[serde(borrow)]
        text: ::std::borrow::Cow<'a, str>,
        point: Point,
        list: ::std::vec::Vec<Point>,
        #[serde(borrow)]
        #[serde(with = "__private::as_bytes")]
        bytes: ::std::borrow::Cow<'a, [u8]>,
        #[serde(with = "__private::as_bytes")]
        vec: Vec<u8>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde")]
    struct __Send_options<'a> {
        #[serde(rename = "n")]
        number: u8,
        #[serde(with = "hex")]
        lent: &'a str,
        #[serde(serialize_with = "a")]
        bytes: &'a [u8],
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", expecting = "the arguments of `options`")]
    struct __Recv_options {
        #[serde(rename = "n", default)]
        number: u8,
        #[serde(with = "hex")]
        lent: ::std::string::String,
        #[serde(deserialize_with = "b")]
        bytes: ::std::vec::Vec<u8>,
    }
    #[derive(__private::serde::Serialize)]
    #[serde(crate = "__private::serde", transparent)]
    struct __Send_bare<'a> {
        point: &'a Point,
    }
    #[derive(__private::serde::Deserialize)]
    #[serde(crate = "__private::serde", transparent)]
    struct __Recv_bare {
        point: Point,
    }
    impl EverythingClient {
        /// A client that calls through this connection, or with the settings of this client.
        fn new(client: impl ::core::convert::Into<::nats_rpc::Client>) -> Self {
            Self {
                stub: __private::Stub::new(
                    ::core::convert::Into::into(client),
                    &__DESCRIPTOR,
                ),
            }
        }
        /// Calls [`Everything::owned`].
        fn owned(
            &self,
            text: String,
            r#type: Vec<u8>,
            maybe: Option<Bytes>,
        ) -> ::nats_rpc::Call<Option<Bytes>, ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "owned") },
                    &__Send_owned {
                        text,
                        r#type,
                        maybe,
                    },
                    __private::Returns::infallible_bytes(),
                )
        }
        /// Calls [`Everything::lent`].
        fn lent(
            &self,
            text: &str,
            point: &Point,
            list: &[Point],
            bytes: &[u8],
            vec: &Vec<u8>,
        ) -> ::nats_rpc::Call<Vec<u8>, ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "lent") },
                    &__Send_lent::<'_> {
                        text,
                        point,
                        list,
                        bytes,
                        vec,
                    },
                    __private::Returns::infallible_bytes(),
                )
        }
        /// Calls [`Everything::options`].
        fn options(
            &self,
            number: u8,
            lent: &str,
            bytes: &[u8],
        ) -> ::nats_rpc::Call<
            <Result<Bytes, String> as __private::MethodResult>::Ok,
            <Result<Bytes, String> as __private::MethodResult>::Err,
        > {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "options") },
                    &__Send_options::<'_> {
                        number,
                        lent,
                        bytes,
                    },
                    __private::Returns::fallible_bytes(),
                )
        }
        /// Calls [`Everything::bare`].
        fn bare(
            &self,
            point: &Point,
        ) -> ::nats_rpc::Call<(), ::core::convert::Infallible> {
            self.stub
                .call(
                    const { __private::method_index(__METHODS, "bare") },
                    &__Send_bare::<'_> { point },
                    __private::Returns::infallible(),
                )
        }
    }
    #[automatically_derived]
    impl ::nats_rpc::ServiceClient for EverythingClient {
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
    impl ::core::clone::Clone for EverythingClient {
        fn clone(&self) -> Self {
            Self {
                stub: ::core::clone::Clone::clone(&self.stub),
            }
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for EverythingClient {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("EverythingClient").finish_non_exhaustive()
        }
    }
    impl<S: Everything> EverythingServer<S> {
        /// Serves calls with this implementation.
        fn new(service: S) -> Self {
            Self::from_arc(::std::sync::Arc::new(service))
        }
        /// Serves calls with this implementation, which others may hold too.
        fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self { service }
        }
    }
    #[automatically_derived]
    impl<S: Everything> ::nats_rpc::Service for EverythingServer<S> {
        fn descriptor(&self) -> &'static ::nats_rpc::ServiceDescriptor {
            &__DESCRIPTOR
        }
        fn register(&self, registry: &mut ::nats_rpc::MethodRegistry) {
            {
                let service = ::core::clone::Clone::clone(&self.service);
                registry
                    .method(
                        "owned",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_owned>()?;
                                call.reply_bytes(
                                    <S as Everything>::owned(
                                            &*service,
                                            args.text,
                                            args.r#type,
                                            args.maybe,
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
                        "lent",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_lent<'_>>()?;
                                call.reply_bytes(
                                    <S as Everything>::lent(
                                            &*service,
                                            &args.text,
                                            &args.point,
                                            &args.list,
                                            &args.bytes,
                                            &args.vec,
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
                        "options",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_options>()?;
                                call.reply_result_bytes(
                                    <S as Everything>::options(
                                            &*service,
                                            args.number,
                                            &args.lent,
                                            &args.bytes,
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
                        "bare",
                        move |call: ::nats_rpc::RawCall| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let args = call.decode::<__Recv_bare>()?;
                                call.reply(
                                    <S as Everything>::bare(&*service, &args.point).await,
                                )
                            }
                        },
                    );
            }
        }
    }
    #[automatically_derived]
    impl<S> ::core::clone::Clone for EverythingServer<S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for EverythingServer<S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            formatter.debug_struct("EverythingServer").finish_non_exhaustive()
        }
    }
};
