//! The module through the native harness.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy allows it")]

use std::sync::Arc;

use flatten_nested::FlattenNested;
use serde_json::{Value, json};
use skein_sdk::Shape;
use skein_sdk::arrow_array::RecordBatch;
use skein_sdk::arrow_schema::{DataType, Field, Fields, Schema};
use skein_sdk::testing::{self, Harness, Outcome, TestError, lines};

fn of(fields: Vec<Field>) -> DataType {
    DataType::Struct(Fields::from(fields))
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

fn schema() -> Schema {
    let address = of(vec![Field::new("city", DataType::Utf8, true)]);
    let customer = of(vec![Field::new("name", DataType::Utf8, false), Field::new("address", address, true)]);
    let line = of(vec![Field::new("sku", DataType::Utf8, true), Field::new("qty", DataType::Int32, true)]);
    Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("customer", customer, true),
        Field::new("lines", list(line), true),
        Field::new("tags", list(DataType::Utf8), true),
    ])
}

fn orders() -> RecordBatch {
    testing::json(include_str!("../sample/orders.ndjson"), &schema()).unwrap()
}

fn run(params: &Value) -> Result<Outcome, TestError> {
    Harness::<FlattenNested>::new().params(params).run_stable(&[orders()], &[1, 2])
}

#[test]
fn structs_become_columns_and_list_elements_rows() {
    let done = run(&json!({ "explode": "lines", "position": "line" })).unwrap();
    let names: Vec<_> = done.target.schema().fields().iter().map(|f| f.name().clone()).collect();
    let expected = ["id", "customer_name", "customer_address_city", "lines_sku", "lines_qty", "tags", "line"];
    assert_eq!(names, expected);
    assert_eq!(
        lines(&done.target).unwrap(),
        ["1|Ada|London|a|2|[x, y]|0", "1|Ada|London|b|1|[x, y]|1", "3|-|-|c|-|[z]|0", "3|-|-|-|-|[z]|1"]
    );
}

#[test]
fn rows_with_an_empty_list_stay_if_asked() {
    let done = run(&json!({ "explode": "lines", "keep_empty": true, "position": "line" })).unwrap();
    assert_eq!(lines(&done.target).unwrap()[2], "2|Grace|-|-|-|-|-");
}

#[test]
fn without_a_list_to_explode_rows_stay_as_they_are() {
    let done = run(&json!({ "separator": "." })).unwrap();
    assert_eq!(done.target.num_rows(), 3);
    assert_eq!(done.target.schema().field(2).name(), "customer.address.city");
    assert!(done.target.schema().field(1).is_nullable(), "the struct above may be null");
}

#[test]
fn the_shape_is_free_and_everything_is_read() {
    let plan = Harness::<FlattenNested>::new().params(&json!({})).plan(&schema()).unwrap();
    assert_eq!((plan.shape(), plan.carried().len()), (Shape::Free, 0));
    assert_eq!(plan.reads(), ["id", "customer", "lines", "tags"]);
}

#[test]
fn what_is_no_list_and_names_that_meet_are_refused() {
    let code = |params: Value| {
        let TestError::Refused(refusal) = run(&params).unwrap_err() else { panic!("not refused") };
        refusal.code
    };
    assert_eq!(code(json!({ "explode": "customer" })), "wrong-type");
    assert_eq!(code(json!({ "explode": "line" })), "missing-column");
    assert_eq!(code(json!({ "position": "id" })), "duplicate-column");
}
