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
    let method = |name: &str, route: &str, message: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::peers::tonic::{message}Request"))
            .output_type(format!("crate::peers::tonic::{message}Reply"))
            .codec_path("tonic_prost::ProstCodec")
            .build()
    };
    let service = Service::builder()
        .name("Bench")
        .package("bench")
        .method(method("hello", "Hello", "Hello"))
        .method(method("echo", "Echo", "Echo"))
        .build();
    Builder::new().compile(&[service]);
}
