//! The module through the native harness.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy allows it")]

use keep_recent::KeepRecent;
use serde_json::{Value, json};
use skein_sdk::Shape;
use skein_sdk::arrow_array::RecordBatch;
use skein_sdk::arrow_schema::{DataType, Field, Schema, TimeUnit};
use skein_sdk::testing::{self, Harness, Outcome, TestError, lines};

fn schema() -> Schema {
    let at = DataType::Timestamp(TimeUnit::Millisecond, None);
    Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("at", at, true)])
}

fn events() -> RecordBatch {
    testing::csv(include_str!("../sample/events.csv"), &schema()).unwrap()
}

fn run(params: &Value) -> Result<Outcome, TestError> {
    Harness::<KeepRecent>::new().params(params).run_stable(&[events()], &[1, 2, 3])
}

#[test]
fn rows_from_the_cutoff_on_stay_and_nulls_go() {
    let done = run(&json!({ "column": "at", "since": "2024-01-01" })).unwrap();
    assert_eq!(lines(&done.target).unwrap(), ["2|2024-01-01T00:00:00", "4|2025-06-01T08:30:00"]);
    assert_eq!(done.kept, [false, true, false, true]);
}

#[test]
fn rows_without_a_date_stay_or_are_rejected_as_asked() {
    let kept = run(&json!({ "column": "at", "since": "2024-01-01T00:00:01", "nulls": "keep" })).unwrap();
    assert_eq!(lines(&kept.target).unwrap(), ["3|-", "4|2025-06-01T08:30:00"]);
    let rejected = run(&json!({ "column": "at", "since": "2024-01-01", "nulls": "reject" })).unwrap();
    assert_eq!(rejected.target.num_rows(), 2);
    assert_eq!((rejected.rejects[0].row, rejected.rejects[0].code.as_str()), (2, "no-date"));
}

#[test]
fn zoned_columns_compare_by_instant_whatever_the_zone_is_called() {
    for zone in ["UTC", "America/New_York", "+02:00"] {
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        let schema =
            Schema::new(vec![Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true)]);
        let plain = testing::csv("at\n2024-01-01T00:59:59\n2024-01-01T01:00:00\n", &schema).unwrap();
        let column = skein_sdk::zone::with_zone(plain.column(0), Some(zone)).unwrap();
        let schema = Schema::new(vec![Field::new("at", at, true)]);
        let file = RecordBatch::try_new(schema.into(), vec![column]).unwrap();
        for since in ["2024-01-01T01:00:00", "2024-01-01T02:00:00+01:00"] {
            let params = json!({ "column": "at", "since": since });
            let done = Harness::<KeepRecent>::new().params(&params).run(std::slice::from_ref(&file)).unwrap();
            assert_eq!(lines(&done.target).unwrap(), ["2024-01-01T01:00:00Z"], "{zone} {since}");
        }
    }
}

#[test]
fn only_the_column_that_decides_is_read() {
    let params = json!({ "column": "at", "since": "2024-01-01" });
    let plan = Harness::<KeepRecent>::new().params(&params).plan(&schema()).unwrap();
    assert_eq!((plan.reads(), plan.shape()), (vec!["at"], Shape::Filtered));
    assert_eq!(plan.carried(), ["id", "at"]);
}

#[test]
fn a_column_or_cutoff_that_is_no_date_is_refused() {
    let code = |params: Value| {
        let TestError::Refused(refusal) = run(&params).unwrap_err() else { panic!("not refused") };
        refusal.code
    };
    assert_eq!(code(json!({ "column": "id", "since": "2024-01-01" })), "wrong-type");
    assert_eq!(code(json!({ "column": "at", "since": "tomorrow" })), "bad-params");
    assert_eq!(code(json!({ "column": "when", "since": "2024-01-01" })), "missing-column");
    assert_eq!(code(json!({ "column": "at" })), "bad-params");
}
