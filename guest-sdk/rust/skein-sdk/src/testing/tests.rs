//! A small migration through the harness, with what it must notice.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;

use super::{Harness, TestError, csv, lines};
use crate::testing::json as rows;
use crate::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Shape, Source, StateKind};

#[derive(serde::Deserialize, schemars::JsonSchema, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Way {
    Double,
    DropOdd,
    Repeat,
    Count,
    ForgetColumn,
    DependOnBatch,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Params {
    way: Way,
}

struct Numbers {
    way: Way,
    made: Arc<Schema>,
}

impl Migration for Numbers {
    const NAME: &'static str = "numbers";
    const VERSION: &'static str = "1";
    type Params = Params;
    type State = ();

    fn plan(source: &Source, params: &Params) -> Result<Plan, Refusal> {
        let plan = Plan::carry_all(source);
        Ok(match params.way {
            Way::Double | Way::ForgetColumn | Way::DependOnBatch => {
                plan.rename("name", "label").compute("n2", DataType::Int64, true, &["n"]).preserve("n")
            }
            Way::DropOdd | Way::Count => plan.read(&["n"]).filter(),
            Way::Repeat => plan.reshape(&Schema::new(vec![Field::new("n", DataType::Int64, true)]), &["n"]),
        })
    }

    fn open(context: &Context, params: Params, _: Option<()>) -> Result<Self, Failure> {
        Ok(Self { way: params.way, made: Arc::clone(context.made()) })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        let n = batch.i64s("n")?;
        match self.way {
            Way::Double => {
                for row in (0..n.len()).rev().filter(|row| n.value(*row) < 0) {
                    out.reject(row, "negative", "below zero");
                }
                out.set("n2", Arc::new(n.unary::<_, arrow_array::types::Int64Type>(|v| v * 2)))
            }
            Way::DependOnBatch => out.set("n2", Arc::new(Int64Array::from(vec![n.len() as i64; n.len()]))),
            Way::DropOdd => out.keep_only(&BooleanArray::from_unary(n, |v| v % 2 == 0)),
            Way::Repeat => {
                for value in n.iter().flatten() {
                    let copies: ArrayRef = Arc::new(Int64Array::from(vec![value; value as usize]));
                    out.push(RecordBatch::try_new(Arc::clone(&self.made), vec![copies])?)?;
                }
                Ok(())
            }
            Way::Count => {
                crate::metrics::count("rows", n.len() as u64);
                crate::log::info("batch", &[("rows", &n.len().to_string())]);
                Ok(())
            }
            Way::ForgetColumn => Ok(()),
        }
    }
}

fn schema() -> Schema {
    Schema::new(vec![Field::new("n", DataType::Int64, true), Field::new("name", DataType::Utf8, true)])
}

fn file(text: &str) -> RecordBatch {
    csv(text, &schema()).unwrap()
}

fn harness(way: &str) -> Harness<Numbers> {
    Harness::new().params(&json!({ "way": way })).batch_rows(2)
}

#[test]
fn computed_carried_and_preserved_columns_come_out_without_rejected_rows() {
    let source = file("n,name\n1,a\n-2,b\n3,\n,d\n-5,e\n");
    let done = harness("double").run_stable(&[source], &[1, 3, 100]).unwrap();
    assert_eq!(lines(&done.target).unwrap(), ["1|a|2", "3|-|6", "-|d|-"]);
    assert_eq!(done.kept, [true, false, true, true, false]);
    // In whatever order a migration finds them.
    let rejects: Vec<_> = done.rejects.iter().map(|r| (r.file, r.row, r.code.as_str())).collect();
    assert_eq!(rejects, [(0, 1, "negative"), (0, 4, "negative")]);
}

#[test]
fn filtered_rows_leave_every_column() {
    let done = harness("drop_odd").run_stable(&[file("n,name\n1,a\n2,b\n4,c\n,d\n")], &[1, 9]).unwrap();
    assert_eq!(lines(&done.target).unwrap(), ["2|b", "4|c"]);
}

#[test]
fn free_rows_are_drained_in_pieces() {
    let done = harness("repeat").run_stable(&[file("n,name\n2,a\n200000,b\n0,c\n")], &[3]).unwrap();
    assert_eq!(done.target.num_rows(), 200_002);
    assert!(done.kept.is_empty());
}

#[test]
fn log_lines_and_counters_are_kept_for_the_test() {
    let done = harness("count").run(&[file("n,name\n1,a\n2,b\n3,c\n")]).unwrap();
    assert_eq!(done.log, ["info: batch rows=2", "info: batch rows=1"]);
    assert_eq!(done.counts["rows"], 3);
}

#[test]
fn a_column_that_is_never_set_fails_by_name() {
    let error = harness("forget_column").run(&[file("n,name\n1,a\n")]).unwrap_err();
    let TestError::Failed(failure) = error else { panic!("{error}") };
    assert_eq!(failure.code, "missing-output");
    assert!(failure.message.contains("\"n2\""), "{failure}");
}

#[test]
fn a_result_that_depends_on_batches_is_noticed() {
    let source = [file("n,name\n1,a\n2,b\n3,c\n")];
    let error = harness("depend_on_batch").run_stable(&source, &[3]).unwrap_err();
    assert!(matches!(error, TestError::Unstable { rows: 3, than: 2 }), "{error}");
}

#[test]
fn parameters_that_do_not_fit_refuse_the_plan() {
    let error = harness("sideways").plan(&schema()).unwrap_err();
    let TestError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!(refusal.code, "bad-params");
}

/// Drops a field two levels down and renames one beside it.
struct Inner;

impl Migration for Inner {
    const NAME: &'static str = "inner";
    const VERSION: &'static str = "1";
    type Params = ();
    type State = ();

    fn plan(source: &Source, (): &()) -> Result<Plan, Refusal> {
        let plan = Plan::carry_all(source).drop("orders.item.note").rename("orders.item.sku", "article");
        Ok(plan.compute("first", DataType::Int64, true, &["who.age"]))
    }

    fn open(_: &Context, (): (), _: Option<()>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        assert_eq!(batch.structs("who")?.num_columns(), 1, "only what is read comes in");
        let ages = Arc::clone(batch.array("who.age")?);
        out.set("first", ages)
    }
}

#[test]
fn structs_are_read_in_part_and_carried_in_part() {
    let item = DataType::Struct(
        vec![Field::new("sku", DataType::Utf8, true), Field::new("note", DataType::Utf8, true)].into(),
    );
    let who = DataType::Struct(
        vec![Field::new("name", DataType::Utf8, true), Field::new("age", DataType::Int64, true)].into(),
    );
    let orders = DataType::List(Arc::new(Field::new("item", item, true)));
    let schema = Schema::new(vec![Field::new("who", who, true), Field::new("orders", orders, true)]);
    let text = r#"{"who":{"name":"ada","age":36},"orders":[{"sku":"x","note":"n"},{"sku":"y"}]}"#;
    let done = Harness::<Inner>::new().run(&[rows(text, &schema).unwrap()]).unwrap();
    assert_eq!(lines(&done.target).unwrap(), ["{name: ada, age: 36}|[{article: x}, {article: y}]|36"]);
    let plan = Harness::<Inner>::new().plan(&schema).unwrap();
    assert_eq!((plan.reads(), plan.shape()), (vec!["who.age"], Shape::Same));
    assert_eq!(plan.carried(), ["who", "orders"]);
}

/// Sums everything so far.
struct Sum {
    total: i64,
}

impl Migration for Sum {
    const NAME: &'static str = "sum";
    const VERSION: &'static str = "1";
    const STATE: StateKind = StateKind::Sequential;
    type Params = ();
    type State = i64;

    fn plan(source: &Source, (): &()) -> Result<Plan, Refusal> {
        Ok(Plan::carry_all(source).drop("name").compute("sum", DataType::Int64, false, &["n"]))
    }

    fn open(_: &Context, (): (), state: Option<i64>) -> Result<Self, Failure> {
        Ok(Self { total: state.unwrap_or_default() })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        let mut sums = Vec::with_capacity(batch.rows());
        for value in batch.i64s("n")?.iter() {
            self.total += value.unwrap_or_default();
            sums.push(self.total);
        }
        out.set("sum", Arc::new(Int64Array::from(sums)))
    }

    fn state(&self) -> Option<&i64> {
        Some(&self.total)
    }
}

#[test]
fn sequential_state_goes_from_file_to_file() {
    let files = [file("n,name\n1,a\n2,b\n"), file("n,name\n10,c\n")];
    let done = Harness::<Sum>::new().run_stable(&files, &[1]).unwrap();
    assert_eq!(lines(&done.target).unwrap(), ["1|1", "2|3", "10|13"]);
}
