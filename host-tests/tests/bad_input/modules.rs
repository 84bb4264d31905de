//! Modules that are not admitted. `check` and `run` refuse with the same code.

use host_tests::{Guard, guests, modules};
use skein_types::{Code, codes};

use crate::{goes_through, orders};

#[track_caller]
fn is_refused(module: &[u8], code: Code) {
    let (site, dataset) = orders();
    let module = site.file("module.wasm", module);
    let guard = Guard::over(&dataset);
    site.skein("check").arg(&module).finish().refused(code);
    site.run(&module, &dataset).finish().refused(code);
    site.run(&module, &dataset).arg("-o").arg("json").finish().refused_json(code);
    guard.untouched();
    goes_through(&site, &dataset);
}

fn columns() -> Vec<u8> {
    std::fs::read(guests::component("columns")).unwrap()
}

#[test]
fn bytes_that_are_not_wasm_are_refused() {
    is_refused(b"#!/bin/sh\necho not wasm\n", codes::NOT_WASM);
}

#[test]
fn an_empty_file_is_refused() {
    is_refused(b"", codes::NOT_WASM);
}

#[test]
fn a_core_module_is_refused() {
    is_refused(&modules::from_text("(module (func (export \"migrate\")))"), codes::CORE_MODULE);
}

#[test]
fn a_component_without_the_export_is_refused() {
    is_refused(&modules::from_text("(component)"), codes::WRONG_EXPORTS);
}

#[test]
fn a_component_that_imports_a_socket_is_refused() {
    let text = r#"(component (import "wasi:sockets/tcp@0.2.0" (instance)))"#;
    is_refused(&modules::from_text(text), codes::FORBIDDEN_IMPORT);
}

#[test]
fn a_component_cut_off_in_the_middle_is_refused() {
    let whole = columns();
    is_refused(&whole[..whole.len() / 2], codes::NOT_WASM);
}

#[test]
fn code_that_is_invalid_or_of_a_proposal_that_is_off_does_not_compile() {
    for fields in [
        "(func (result i32) (i64.const 1))",
        "(func atomic.fence)",
        "(func (param i32) (result i32) (return_call_ref 0 (unreachable)))",
    ] {
        is_refused(&modules::by_hand(fields), codes::COMPILE_FAILED);
    }
}

#[test]
fn a_module_over_the_size_limit_is_refused() {
    is_refused(&modules::padded(&columns(), 80 << 20), codes::MODULE_TOO_LARGE);
}

#[test]
fn a_module_with_too_many_functions_is_refused() {
    let text = modules::many_functions(300_000, 0);
    is_refused(&modules::with_core_module(&columns(), &text), codes::MODULE_TOO_COMPLEX);
}

#[test]
fn components_nested_too_deep_are_refused() {
    is_refused(&modules::with_nested_components(&columns(), 60), codes::NESTED_MODULES);
}

#[test]
fn a_compile_bomb_is_stopped_by_the_limits_of_the_jail() {
    let (site, dataset) = orders();
    let bomb = modules::with_core_module(&columns(), &modules::compile_bomb());
    let module = site.file("module.wasm", bomb);
    let guard = Guard::over(&dataset);
    // Once: it takes all the time that the jail gives.
    site.run(&module, &dataset).finish().refused(codes::COMPILE_LIMIT);
    guard.untouched();
    goes_through(&site, &dataset);
}
