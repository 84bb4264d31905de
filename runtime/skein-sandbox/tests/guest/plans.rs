//! Plans that lie are refused by code before any data moves.

use std::sync::Arc;

use skein_sandbox::{Limits, PlanCallError};
use skein_types::{Code, ColumnId, SchemaPlan, Shape, codes};

use crate::support::{assert_healthy, hostile, limits, source};

/// Code of the refusal, whether the call or the check of its answer noticed.
fn verdict(behave: &str, shape: Shape, limits: &Limits) -> Option<Code> {
    let source = source(behave, shape);
    match hostile().plan(&source, Arc::default(), limits) {
        Err(error) => Some(error.code()),
        Ok(proposed) => SchemaPlan::check(source.schema, &proposed).err().map(|error| error.code()),
    }
}

#[test]
fn each_lie_of_a_plan_has_its_code() {
    let limits = Limits { output_bytes_per_call: Limits::STANDARD.output_bytes_per_call, ..limits() };
    let limits = Limits { memory: Limits::STANDARD.memory, ..limits };
    for (behave, shape, code) in [
        ("plan-refuses", Shape::Same, codes::PLAN_REFUSED),
        ("plan-panics", Shape::Same, codes::GUEST_TRAP),
        ("plan-unknown-column", Shape::Same, codes::PLAN_UNKNOWN_COLUMN),
        ("plan-reads-unknown", Shape::Same, codes::PLAN_UNKNOWN_COLUMN),
        ("plan-unknown-target", Shape::Same, codes::PLAN_UNKNOWN_COLUMN),
        ("plan-no-origin", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-two-origins", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-carried-type", Shape::Same, codes::PLAN_CARRIED_CHANGED),
        ("plan-carried-nullable", Shape::Same, codes::PLAN_CARRIED_CHANGED),
        ("plan-carried", Shape::Free, codes::PLAN_FREE_CARRIES),
        ("plan-not-read", Shape::Same, codes::PLAN_NOT_READ),
        ("plan-no-type", Shape::Same, codes::PLAN_IMPOSSIBLE_TYPE),
        ("plan-impossible", Shape::Same, codes::PLAN_IMPOSSIBLE_TYPE),
        ("plan-parent", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-own-parent", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-same-names", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-deep", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-wide", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-wordy", Shape::Same, codes::PLAN_BAD_TARGET),
        ("plan-wide-list", Shape::Same, codes::PLAN_TYPE_TOO_WIDE),
        ("plan-wide-binary", Shape::Same, codes::PLAN_TYPE_TOO_WIDE),
        ("plan-must", Shape::Same, codes::PLAN_UNKNOWN_MUST),
        ("plan-shape", Shape::Same, codes::PLAN_BAD_TARGET),
    ] {
        assert_eq!(verdict(behave, shape, &limits).map(|c| c.id), Some(code.id), "{behave}");
        assert_healthy();
    }
    for (behave, shape) in [
        ("", Shape::Free),
        ("plan-carried", Shape::Same),
        ("plan-preserved", Shape::Same),
        ("plan-preserved", Shape::Free),
    ] {
        assert_eq!(verdict(behave, shape, &limits), None, "{behave} under {shape} is fine");
    }
}

#[test]
fn a_refusal_keeps_the_modules_own_words() {
    let error = hostile().plan(&source("plan-refuses", Shape::Same), Arc::default(), &limits()).unwrap_err();
    let words = PlanCallError::Refused {
        code: "no".to_owned(),
        message: "not this schema".to_owned(),
        column: Some(ColumnId(1)),
    };
    assert_eq!(error, words);
}
