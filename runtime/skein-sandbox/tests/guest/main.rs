//! A component through the whole crate: jail, signature, load, describe, plan, open, process.

#![expect(clippy::unwrap_used, reason = "what the tests share fails as a test does")]
#![expect(clippy::disallowed_methods, reason = "tests measure real time beside the clock that they pass in")]

/// The fuzz target's own file finds this crate's [`fuzz::fuzz_target`] under the name of the crate that it uses.
extern crate self as libfuzzer_sys;

mod artifacts;
mod by_hand;
mod determinism;
mod fuzz;
#[path = "../../fuzz/fuzz_targets/preflight.rs"]
#[expect(unused_attributes, reason = "written as the root of a crate")]
mod fuzz_wrapper;
mod hostile;
mod plans;
mod support;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
pub(crate) use fuzz::fuzz_target;
use skein_sandbox::jail::compile_in_jail;
use skein_sandbox::{GuestConfig, Limits, PlanCallError, Source};
use skein_types::{Fuel, codes};
use support::{engine, jail, load};

fn refusal(module: &[u8]) -> (&'static str, String) {
    let error = compile_in_jail(&jail(), module).unwrap_err();
    (error.code().id, error.to_string())
}

#[test]
fn bytes_that_are_no_migration_are_refused_by_code() {
    let wat = |text: &str| wat::parse_str(text).unwrap();
    assert_eq!(refusal(b"PAR1").0, codes::NOT_WASM.id);
    assert_eq!(refusal(&wat("(module)")).0, codes::CORE_MODULE.id);
    assert_eq!(refusal(&wat("(component)")).0, codes::WRONG_EXPORTS.id);
    let socket = r#"(component (import "wasi:sockets/tcp@0.2.0" (instance)))"#;
    let (code, message) = refusal(&wat(socket));
    assert_eq!(code, codes::FORBIDDEN_IMPORT.id);
    assert!(message.contains("wasi:sockets/tcp"), "{message}");
    let other = r#"(component (import "skein:migration/log@0.9.0" (instance)))"#;
    assert_eq!(refusal(&wat(other)).0, codes::WRONG_CONTRACT.id);
    let start = r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (start $f))"#;
    let (code, message) = refusal(&wat(start));
    assert_eq!(code, codes::WRONG_EXPORTS.id);
    assert!(message.contains("start section"), "{message}");
    let nested = "(component ".repeat(7) + &")".repeat(7);
    assert_eq!(refusal(&wat(&nested)).0, codes::NESTED_MODULES.id);
    let many = format!("(component {})", "(core module)".repeat(70));
    assert_eq!(refusal(&wat(&many)).0, codes::MODULE_TOO_COMPLEX.id);
}

#[test]
fn a_real_module_describes_itself_and_refuses_or_plans_in_the_same_process_after_a_fuel_stop() {
    let engine = engine();
    let module = load(&engine, "guest-raw");
    let starved = Limits { fuel_per_call: Fuel(10), ..Limits::STANDARD };
    assert_eq!(module.describe(&starved).unwrap_err().code().id, codes::GUEST_FUEL.id);
    let manifest = module.describe(&Limits::STANDARD).unwrap();
    assert!(!manifest.name.is_empty());
    let schema = Arc::new(Schema::new(vec![Field::new("nothing_known", DataType::Int64, false)]));
    let source = Source { schema, params: "{}".to_owned(), applied: Vec::new() };
    let planned = module.plan(&source, Arc::new(GuestConfig::default()), &Limits::STANDARD);
    assert!(matches!(&planned, Ok(_) | Err(PlanCallError::Refused { .. })), "{planned:?}");
}
