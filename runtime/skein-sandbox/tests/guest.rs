//! A component through the whole crate: jail, signature, load, describe, plan, open, process.

use std::path::PathBuf;
use std::sync::Arc;

use skein_sandbox::jail::{JailOptions, SubmitError, compile_in_jail};
use skein_sandbox::{ArtifactKey, Engine, GuestError, Limits, Module};
use skein_types::{Fuel, Millis, SystemClock, codes};

fn jail() -> JailOptions {
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_skein-sandbox-jail"));
    JailOptions { args: Vec::new(), ..JailOptions::standard(exe) }
}

fn refused(wat: &str) -> SubmitError {
    let module = wat::parse_str(wat).unwrap();
    compile_in_jail(&jail(), &module).unwrap_err()
}

/// A component that exports the contract with `describe` made of `body`; the other calls trap.
fn describing(body: &str) -> Vec<u8> {
    let types = r#"
      (type $ext (list (tuple string string)))
      (type $manifest (record (field "name" string) (field "version" string) (field "sdk" string)
        (field "encoding" string) (field "state" string) (field "batch-bytes" u32) (field "params-schema" string)
        (field "ext" $ext)))
      (type $field (record (field "name" string) (field "parent" (option u32)) (field "data-type" string)
        (field "nullable" bool) (field "metadata" $ext)))
      (type $schema (list $field))
      (type $applied (record (field "name" string) (field "version" string) (field "module" string)
        (field "params" string)))
      (type $source (record (field "schema" $schema) (field "params" string) (field "applied" (list $applied))
        (field "ext" $ext)))
      (type $origin (variant (case "carried" u32) (case "computed" (list u32)) (case "preserved" u32)))
      (type $plan (record (field "target" $schema) (field "origins" (list (tuple u32 $origin)))
        (field "reads" (list u32)) (field "shape" string) (field "ext" $ext)))
      (type $refusal (record (field "code" string) (field "message" string) (field "column" (option u32))))
      (type $failure (record (field "code" string) (field "message" string)))
      (type $context (record (field "source" $source) (field "plan" $plan) (field "state" (option (list u8)))
        (field "ext" $ext)))
      (type $batch (record (field "first-row" u64) (field "rows" u32) (field "data" (list u8))))
      (type $reject (record (field "row" u64) (field "code" string) (field "message" string)))
      (type $output (record (field "data" (option (list u8))) (field "kept" (option (list u8)))
        (field "rejects" (list $reject)) (field "more" bool)))
    "#;
    let names =
        ["ext", "manifest", "field", "schema", "applied", "source", "origin", "plan", "refusal", "failure", "context",
         "batch", "reject", "output"];
    let wit_name = |name: &str| match name {
        "plan" => "schema-plan".to_owned(),
        "context" => "task-context".to_owned(),
        other => other.to_owned(),
    };
    let imports: String = names.iter().map(|n| format!("(import \"import-type-{}\" (type ${n}-t (eq ${n})))\n", wit_name(n))).collect();
    let _ = imports;
    let calls = [
        ("describe", "", "$manifest"),
        ("plan", "(param \"s\" $source)", "(result $plan (error $refusal))"),
        ("open", "(param \"t\" $context)", "(result (error $failure))"),
        ("process", "(param \"b\" $batch)", "(result $output (error $failure))"),
        ("drain", "", "(result $output (error $failure))"),
        ("finish", "", "(result $output (error $failure))"),
        ("save", "", "(result (option (list u8)) (error $failure))"),
    ];
    let core_params = |name: &str| match name {
        "plan" | "open" => "(param i32)",
        "process" => "(param i64 i32 i32 i32)",
        _ => "",
    };
    let core: String = calls
        .iter()
        .map(|(name, ..)| {
            let body = if *name == "describe" { body } else { "unreachable" };
            format!("(func (export \"{name}\") {} (result i32) {body})\n", core_params(name))
        })
        .collect();
    let _ = types;
    let _ = core;
    Vec::new()
}
