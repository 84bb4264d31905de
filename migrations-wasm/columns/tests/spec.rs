//! The module through the native harness: the sample, carrying, and what bad specs get.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where clippy allows it")]

use std::sync::Arc;

use columns::Columns;
use serde_json::{Value, json};
use skein_sdk::arrow_array::RecordBatch;
use skein_sdk::arrow_schema::{DataType, Field, Schema, TimeUnit};
use skein_sdk::testing::{self, Harness, Outcome, TestError, lines};
use skein_sdk::{Failure, Refusal, Shape};

fn texts(names: &[&str]) -> Schema {
    Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>())
}

fn people() -> RecordBatch {
    let names = ["id", "full_name", "email", "joined", "amount", "country", "internal"];
    testing::csv(include_str!("../sample/people.csv"), &texts(&names)).unwrap()
}

fn run(file: RecordBatch, steps: Value) -> Result<Outcome, TestError> {
    let spec = json!({ "name": "t", "steps": steps });
    Harness::<Columns>::new().params(&spec).secret("k", b"key").run_stable(&[file], &[1, 2, 1000])
}

fn one(values: &str, data_type: DataType, steps: Value) -> Outcome {
    let schema = Schema::new(vec![Field::new("n", DataType::Int32, false), Field::new("c", data_type, true)]);
    let text: String = values.split(',').enumerate().map(|(n, v)| format!("{n},{v}\n")).collect();
    run(testing::csv(&format!("n,c\n{text}"), &schema).unwrap(), steps).unwrap()
}

fn refused(steps: Value) -> Refusal {
    {
        let TestError::Refused(refusal) = run(people(), steps).unwrap_err() else { panic!("not refused") };
        refusal
    }
}

#[test]
fn the_sample_spec_cleans_the_sample_data() {
    let spec: Value = toml::from_str(include_str!("../sample/people-v2.toml")).unwrap();
    let harness = Harness::<Columns>::new().params(&spec).secret("people-key", b"not so secret");
    let done = harness.run_stable(&[people()], &[1, 3]).unwrap();
    // python3: hmac.new(b"not so secret", b"ada@example.org", "sha256").hexdigest()
    let ada = "0b37a6c159b2640224f5fd0ff13668c9c83a7b3917729062ae80df68c8463650";
    let barbara = "fb49208d070be92d50fe518a18e1991e81b64e4db6b306c7d88f9a036d56e11c";
    assert_eq!(
        lines(&done.target).unwrap(),
        [
            format!("1|2023-01-05|12.50|A*********ce|{ada}|GB|crm"),
            "3|2024-06-01|-|E******************ra|-|NL|crm".to_owned(),
            format!("4|-|-|B***********ov|{barbara}|US|crm"),
        ]
    );
    assert_eq!(done.rejects.len(), 1);
    assert_eq!((done.rejects[0].row, done.rejects[0].code.as_str()), (1, "uncastable"));
    assert_eq!(done.rejects[0].message, "joined: \"2023-02-30\" is no Date32");
    let fields = done.target.schema();
    assert!(!fields.field_with_name("country").unwrap().is_nullable());
    assert!(fields.field_with_name("amount").unwrap().is_nullable());
}

#[test]
fn renaming_dropping_and_ordering_alone_carries_every_column() {
    let spec = json!({ "name": "t", "steps": [
        { "rename": "id", "to": "key" }, { "drop": ["internal", "email"] }, { "order": ["country", "key"] }
    ]});
    let plan = Harness::<Columns>::new().params(&spec).plan(people().schema_ref()).unwrap();
    assert_eq!(plan.carried(), ["country", "key", "full_name", "joined", "amount"]);
    assert_eq!((plan.reads(), plan.shape()), (vec![], Shape::Same));
}

#[test]
fn fields_inside_structs_are_renamed_and_dropped_while_carried() {
    let at = DataType::Struct(
        vec![Field::new("city", DataType::Utf8, true), Field::new("zip", DataType::Utf8, true)].into(),
    );
    let list = DataType::List(Arc::new(Field::new("item", at, true)));
    let schema = Schema::new(vec![Field::new("homes", list, true)]);
    let rows = testing::json(r#"{"homes":[{"city":"Delft","zip":"2611"}]}"#, &schema).unwrap();
    let done =
        run(rows, json!([{ "rename": "homes.item.city", "to": "town" }, { "drop": "homes.item.zip" }]));
    assert_eq!(lines(&done.unwrap().target).unwrap(), ["[{town: Delft}]"]);
}

#[test]
fn steps_on_one_column_compose_and_follow_its_names() {
    let steps = json!([
        { "trim": "c" }, { "rename": "c", "to": "d" }, { "cast": "d", "to": "int32", "on_error": "null" },
        { "default": "d", "value": 7, "required": true }, { "cast": "d", "to": "string" },
        { "mask": "d", "keep_last": 1, "with": "#" }
    ]);
    let done = one(" 123 ,x,,45", DataType::Utf8, steps);
    assert_eq!(lines(&done.target).unwrap(), ["0|##3", "1|#", "2|#", "3|#5"]);
    assert!(!done.target.schema().field(1).is_nullable());
}

#[test]
fn values_that_cannot_be_cast_reject_their_row_become_null_or_end_the_run() {
    let cast = |on_error: &str| json!([{ "cast": "c", "to": "int8", "on_error": on_error }]);
    let rejected = one("1,200,-5", DataType::Int64, cast("reject"));
    assert_eq!(lines(&rejected.target).unwrap(), ["0|1", "2|-5"]);
    assert_eq!(rejected.rejects[0].message, "c: \"200\" is no Int8");
    let nulled = one("1,200,-5", DataType::Int64, cast("null"));
    assert_eq!(lines(&nulled.target).unwrap(), ["0|1", "1|-", "2|-5"]);
    let failed = run(people(), json!([{ "cast": "amount", "to": "int64", "on_error": "fail" }]));
    let Err(TestError::Failed(Failure { code, message })) = failed else { panic!("{failed:?}") };
    assert_eq!((code.as_str(), message.as_str()), ("uncastable", "amount: \"12.50\" is no Int64"));
}

#[test]
fn casts_between_all_kinds_of_types_give_the_expected_values() {
    let micros = || DataType::Timestamp(TimeUnit::Microsecond, None);
    let cases: [(&str, DataType, &str, &[&str]); 10] = [
        ("1,2", DataType::Int64, "float64", &["1.0", "2.0"]),
        ("2.0,-1.9,NaN", DataType::Float64, "int32", &["2", "-", "-"]),
        ("12.340,100,12345.6,12.345", DataType::Utf8, "decimal(6,2)", &["12.34", "100.00", "-", "-"]),
        ("12.34", DataType::Decimal128(6, 2), "string", &["12.34"]),
        ("2024-02-29,2024-02-30", DataType::Utf8, "date", &["2024-02-29", "-"]),
        ("2024-02-29T10:00:00", micros(), "date", &["2024-02-29"]),
        ("2024-02-29", DataType::Date32, "timestamp(ms)", &["2024-02-29T00:00:00"]),
        ("2024-02-29T10:00:00", DataType::Utf8, "timestamp(us,UTC)", &["2024-02-29T10:00:00Z"]),
        ("true,false", DataType::Boolean, "int8", &["1", "0"]),
        ("yes,0,maybe", DataType::Utf8, "bool", &["true", "false", "-"]),
    ];
    for (values, from, to, expected) in cases {
        let done = one(values, from.clone(), json!([{ "cast": "c", "to": to, "on_error": "null" }]));
        let made = lines(&done.target.project(&[1]).unwrap()).unwrap();
        assert_eq!(made, expected, "{from} to {to}");
    }
}

#[test]
fn messages_about_hidden_columns_do_not_show_values() {
    let steps = json!([{ "cast": "c", "to": "int64" }, { "hash": "c", "key": { "$secret": "k" } }]);
    let done = one("private,1", DataType::Utf8, steps);
    assert_eq!(done.rejects[0].message, "c: a value is no Int64");
    assert_eq!(done.target.num_rows(), 1);
}

#[test]
fn slips_in_a_spec_are_named_with_what_was_meant() {
    let bad = |steps: Value| {
        let refusal = refused(steps);
        assert_eq!(refusal.code, "bad-params");
        refusal.message
    };
    let message = bad(json!([{ "drop": "id" }, { "renmae": "id", "to": "x" }]));
    assert_eq!(message, "parameters: step 2: unknown key `renmae`, did you mean `rename`?");
    let message = bad(json!([{ "cast": "id", "to": "int64", "onerror": "null" }]));
    assert_eq!(message, "parameters: step 1: cast: unknown key `onerror`, did you mean `on_error`?");
    let message = bad(json!([{ "cast": "id", "to": "integer" }]));
    assert!(message.contains("unknown type \"integer\""), "{message}");
    let message = bad(json!([{ "hash": "id", "key": "plain" }]));
    assert!(message.ends_with("`key` must be {\"$secret\": \"name\"}"), "{message}");
    assert!(bad(json!([{ "rename": "id" }])).ends_with("rename: `to` is missing"));
    assert!(bad(json!([{}])).contains("exactly one of rename, drop"));
    let nameless = Harness::<Columns>::new().params(&json!({ "steps": [] })).plan(people().schema_ref());
    assert!(nameless.unwrap_err().to_string().contains("`name` is missing"));
    let stepless =
        Harness::<Columns>::new().params(&json!({ "name": "x", "step": [] })).plan(people().schema_ref());
    assert!(stepless.unwrap_err().to_string().contains("unknown key `step`, did you mean `steps`?"));
}

#[test]
fn a_spec_without_steps_is_a_plan_that_carries_every_column_and_needs_no_row() {
    let planned =
        Harness::<Columns>::new().params(&json!({ "name": "compact" })).plan(people().schema_ref()).unwrap();
    let empty = Harness::<Columns>::new()
        .params(&json!({ "name": "compact", "steps": [] }))
        .plan(people().schema_ref())
        .unwrap();
    assert_eq!(format!("{planned:?}"), format!("{empty:?}"));
}

#[test]
fn steps_that_cannot_be_done_refuse_the_source() {
    let of = |steps: Value| {
        let refusal = refused(steps);
        (refusal.code, refusal.message, refusal.column)
    };
    let (code, message, _) = of(json!([{ "drop": "id" }, { "trim": "ful_name" }]));
    assert_eq!(code, "missing-column");
    assert_eq!(message, "step 2: there is no column \"ful_name\", did you mean \"full_name\"?");
    assert_eq!(of(json!([{ "drop": "id" }, { "drop": "id" }])).0, "missing-column");
    assert_eq!(of(json!([{ "rename": "id", "to": "email" }])).0, "duplicate-column");
    assert_eq!(of(json!([{ "add": "id", "type": "date" }])).0, "duplicate-column");
    assert_eq!(of(json!([{ "add": "x", "type": "date", "value": "soon" }])).0, "bad-value");
    let (code, _, column) = of(json!([{ "cast": "email", "to": "bool" }, { "trim": "email" }]));
    assert_eq!((code.as_str(), column), ("not-text", Some(2)));
    assert_eq!(
        of(json!([{ "drop": ["id", "full_name", "email", "joined", "amount", "country", "internal"] }])).0,
        "empty-target"
    );
}

#[test]
fn a_missing_secret_fails_by_name_and_planning_needs_none() {
    let spec = json!({ "name": "t", "steps": [{ "hash": "email", "key": { "$secret": "absent" } }] });
    let harness = Harness::<Columns>::new().params(&spec);
    assert_eq!(harness.plan(people().schema_ref()).unwrap().reads(), ["email"]);
    let Err(TestError::Failed(failure)) = harness.run(&[people()]) else { panic!("it has no secret") };
    assert_eq!(failure.code, "missing-secret");
}

#[test]
fn defaults_and_added_columns_are_of_any_type_that_a_text_can_be() {
    let time = DataType::Time64(TimeUnit::Microsecond);
    let wide = DataType::Decimal256(50, 1);
    let cases: [(&str, DataType, Value, &[&str]); 4] = [
        ("10:00:00,", time, json!("08:30"), &["10:00:00", "08:30:00"]),
        (
            ",1234567890123456789012345678901234567890.5",
            wide,
            json!(7),
            &["7.0", "1234567890123456789012345678901234567890.5"],
        ),
        ("2024-02-29,", DataType::Date32, json!("2024-01-01"), &["2024-02-29", "2024-01-01"]),
        ("1.5,", DataType::Float64, json!(2), &["1.5", "2.0"]),
    ];
    for (values, data_type, value, expected) in cases {
        let done = one(values, data_type.clone(), json!([{ "default": "c", "value": value }]));
        assert_eq!(lines(&done.target.project(&[1]).unwrap()).unwrap(), expected, "{data_type}");
    }
    let added = json!([{ "add": "x", "type": "decimal(6,2)", "value": 1.5 }, { "add": "y", "type": "date" }]);
    let done = one("a,b", DataType::Utf8, added);
    assert_eq!(lines(&done.target).unwrap(), ["0|a|1.50|-", "1|b|1.50|-"]);
}

#[test]
fn values_that_become_null_are_counted_and_nulls_are_not() {
    let steps = json!([{ "cast": "c", "to": "int64", "on_error": "null" }]);
    let done = one("1,x,,7.5,3", DataType::Utf8, steps);
    assert_eq!(lines(&done.target).unwrap(), ["0|1", "1|-", "2|-", "3|-", "4|3"]);
    assert_eq!(done.counts, std::collections::BTreeMap::from([("nulled/c".to_owned(), 2)]));
}

#[test]
fn long_texts_stay_long_whatever_is_done_to_them() {
    let steps =
        json!([{ "trim": "c" }, { "case": "c", "to": "upper" }, { "hash": "c", "key": { "$secret": "k" } }]);
    let long = one("a,b", DataType::LargeUtf8, steps.clone());
    let short = one("a,b", DataType::Utf8, steps);
    assert_eq!(long.target.column(1).data_type(), &DataType::LargeUtf8);
    assert_eq!(short.target.column(1).data_type(), &DataType::Utf8);
    assert_eq!(lines(&long.target).unwrap(), lines(&short.target).unwrap());
}
