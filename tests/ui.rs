//! What the compiler says about a wrong service: one file per mistake, named after it.

#[test]
fn mistakes() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/*.rs");
}
