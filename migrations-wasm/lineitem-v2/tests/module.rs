//! The module through the native harness.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy allows it")]

use lineitem_v2::LineitemV2;
use serde_json::json;
use skein_sdk::Shape;
use skein_sdk::arrow_array::RecordBatch;
use skein_sdk::arrow_schema::{DataType, Field, Schema};
use skein_sdk::testing::{self, Harness, TestError, lines};

fn schema() -> Schema {
    let money = DataType::Decimal128(15, 2);
    let types = [
        ("l_orderkey", DataType::Int64),
        ("l_partkey", DataType::Int64),
        ("l_suppkey", DataType::Int64),
        ("l_linenumber", DataType::Int32),
        ("l_quantity", money.clone()),
        ("l_extendedprice", money.clone()),
        ("l_discount", money.clone()),
        ("l_tax", money),
        ("l_returnflag", DataType::Utf8),
        ("l_linestatus", DataType::Utf8),
        ("l_shipdate", DataType::Date32),
        ("l_commitdate", DataType::Date32),
        ("l_receiptdate", DataType::Date32),
        ("l_shipinstruct", DataType::Utf8),
        ("l_shipmode", DataType::Utf8),
        ("l_comment", DataType::Utf8),
    ];
    Schema::new(types.map(|(name, data_type)| Field::new(name, data_type, false)).to_vec())
}

fn sample() -> RecordBatch {
    testing::csv(include_str!("../sample/lineitem.csv"), &schema()).unwrap()
}

const EXPECTED: [&str; 4] = [
    "1|1|155190|7706|17.00|O|1996-03-13|1996-02-12|TRUCK|egular courts above the|20321.5008|20727.930816|9|open",
    "1|2|67310|7311|36.00|O|1996-04-12|1996-02-28|MAIL|ly final dependencies|41844.6756|44355.356136|8|open",
    "3|1|4297|1798|45.00|F|1994-02-02|1994-01-04|AIR|ongside of the furiously brave acco|50814.5670|50814.567000|21|returned",
    "3|2|19036|6540|49.00|F|1993-11-09|1993-12-20|RAIL|unusual accounts. eve|42116.8230|42116.823000|15|accepted",
];

#[test]
fn four_columns_are_computed_and_a_row_that_does_not_fit_is_rejected() {
    let done = Harness::<LineitemV2>::new().run_stable(&[sample()], &[1, 2]).unwrap();
    assert_eq!(lines(&done.target).unwrap(), EXPECTED);
    assert_eq!((done.rejects[0].row, done.rejects[0].code.as_str()), (4, "out-of-range"));
}

#[test]
fn ten_columns_are_carried_and_six_are_read() {
    let plan = Harness::<LineitemV2>::new().plan(&schema()).unwrap();
    let carried = plan.carried();
    assert_eq!((carried.len(), plan.target().fields().len(), plan.shape()), (10, 14, Shape::Same));
    let read = ["l_extendedprice", "l_discount", "l_tax", "l_returnflag", "l_shipdate", "l_receiptdate"];
    assert_eq!(plan.reads(), read);
}

#[test]
fn the_free_shape_makes_the_same_rows_without_carrying() {
    let harness = Harness::<LineitemV2>::new().params(&json!({ "shape": "free" }));
    let fine = sample().slice(0, 4);
    let done = harness.run_stable(std::slice::from_ref(&fine), &[1, 3]).unwrap();
    assert_eq!(lines(&done.target).unwrap(), EXPECTED);
    let same = Harness::<LineitemV2>::new().run(&[fine]).unwrap();
    assert_eq!(done.target.schema(), same.target.schema());
    assert!(harness.plan(&schema()).unwrap().carried().is_empty());
}

#[test]
fn a_price_of_another_type_is_refused_by_column() {
    let mut fields: Vec<Field> = schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields[5] = Field::new("l_extendedprice", DataType::Float64, false);
    let error = Harness::<LineitemV2>::new().plan(&Schema::new(fields)).unwrap_err();
    let TestError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!((refusal.code.as_str(), refusal.column), ("wrong-type", Some(5)));
}
