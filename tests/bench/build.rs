//! Prepares what is compiled in: the client and the server of tonic, and the version of the compiler.

use std::env;
use std::process::Command;

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=RUSTC_VERSION={}", rustc_version());
    generate_tonic();
}

fn rustc_version() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// What users of tonic have generated from a `.proto` file is generated from a description: `protoc` is not needed.
fn generate_tonic() {
    let described = |name: &str, route: &str, request: &str, reply: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::peers::tonic::{request}Request"))
            .output_type(format!("crate::peers::tonic::{reply}Reply"))
            .codec_path("tonic_prost::ProstCodec")
    };
    let unary = |name, route: &str| described(name, route, route, route).build();
    let streaming = |name, route, reply| described(name, route, route, reply).server_streaming().build();
    let service = Service::builder()
        .name("Bench")
        .package("bench")
        .method(unary("hello", "Hello"))
        .method(unary("echo", "Echo"))
        .method(streaming("items", "Items", "Hello"))
        .method(streaming("chunks", "Chunks", "Echo"))
        .build();
    Builder::new().compile(&[service]);
}
