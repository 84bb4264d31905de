//! The module through the native harness, which saves and reopens its state between the two files.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy allows it")]

use dedupe_keys::{DedupeKeys, Seen};
use serde_json::{Value, json};
use skein_sdk::arrow_array::RecordBatch;
use skein_sdk::arrow_schema::{DataType, Field, Schema};
use skein_sdk::testing::{self, Harness, Outcome, TestError, lines};
use skein_sdk::{Migration, Shape, StateKind};

fn schema() -> Schema {
    Schema::new(vec![
        Field::new("user", DataType::Utf8, true),
        Field::new("day", DataType::Date32, true),
        Field::new("clicks", DataType::Int32, true),
    ])
}

fn files() -> [RecordBatch; 2] {
    let january = testing::csv(include_str!("../sample/2024-01.csv"), &schema()).unwrap();
    let february = testing::csv(include_str!("../sample/2024-02.csv"), &schema()).unwrap();
    [january, february]
}

fn run(params: &Value) -> Result<Outcome, TestError> {
    Harness::<DedupeKeys>::new().params(params).run_stable(&files(), &[1, 2, 3])
}

#[test]
fn a_key_that_occurs_in_two_files_stays_once() {
    let done = run(&json!({ "keys": ["user", "day"] })).unwrap();
    let expected = ["ada|2024-01-01|3", "bob|2024-01-01|1", "-|2024-01-02|2", "bob|2024-02-01|8"];
    assert_eq!(lines(&done.target).unwrap(), expected);
    assert_eq!(done.kept, [true, true, false, true, false, true, false]);
}

#[test]
fn one_column_is_a_key_too_and_null_is_a_value() {
    let done = run(&json!({ "keys": ["user"] })).unwrap();
    assert_eq!(lines(&done.target).unwrap(), ["ada|2024-01-01|3", "bob|2024-01-01|1", "-|2024-01-02|2"]);
}

#[test]
fn more_keys_than_allowed_end_the_run_with_a_code() {
    let Err(TestError::Failed(failure)) = run(&json!({ "keys": ["user", "day"], "max_keys": 3 })) else {
        panic!("the fourth key must fail");
    };
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("too-many-keys", "more than 3 distinct keys")
    );
    assert_eq!(run(&json!({ "keys": ["user", "day"], "max_keys": 4 })).unwrap().target.num_rows(), 4);
}

#[test]
fn neighbouring_columns_do_not_run_into_each_other() {
    let schema =
        Schema::new(vec![Field::new("a", DataType::Utf8, true), Field::new("b", DataType::Utf8, true)]);
    let file = testing::csv("a,b\nxy,z\nx,yz\n\"\",xyz\n,xyz\n", &schema).unwrap();
    let harness = Harness::<DedupeKeys>::new().params(&json!({ "keys": ["a", "b"] }));
    assert_eq!(harness.run(&[file]).unwrap().target.num_rows(), 4);
}

#[test]
fn only_the_key_is_read_and_the_task_is_sequential() {
    let plan = Harness::<DedupeKeys>::new().params(&json!({ "keys": ["user"] })).plan(&schema()).unwrap();
    assert_eq!((plan.reads(), plan.shape()), (vec!["user"], Shape::Filtered));
    assert_eq!(DedupeKeys::STATE, StateKind::Sequential);
}

#[test]
fn equal_sets_are_saved_as_equal_bytes() {
    let (mut one, mut other) = (Seen::default(), Seen::default());
    (0..1000u128).for_each(|n| assert!(one.insert(n << 64 | n)));
    (0..1000u128).rev().for_each(|n| assert!(other.insert(n << 64 | n)));
    let bytes = |seen: &Seen| postcard::to_allocvec(seen).unwrap();
    assert_eq!(bytes(&one), bytes(&other));
    assert_eq!(postcard::from_bytes::<Seen>(&bytes(&one)).unwrap(), one);
}

#[test]
fn keys_that_are_not_there_or_not_plain_are_refused() {
    let code = |params: Value| {
        let TestError::Refused(refusal) = run(&params).unwrap_err() else { panic!("not refused") };
        refusal.code
    };
    assert_eq!(code(json!({ "keys": [] })), "bad-params");
    assert_eq!(code(json!({ "keys": ["usr"] })), "missing-column");
}
