pub trait Greeter<'a>: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn hello(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}
/// The client of a service that does not compile.
#[derive(::core::fmt::Debug)]
#[allow(dead_code)]
pub struct GreeterClient;
/// The server of a service that does not compile.
#[derive(::core::fmt::Debug)]
#[allow(dead_code)]
pub struct GreeterServer<S>(S);
::core::compile_error! {
    "a service lives as long as its server, and has no lifetimes: take references in the methods instead"
}
