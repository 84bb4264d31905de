//! The five modules through the binary: two runs, with any thread count, give the same bytes, and a rollback gives back
//! those from before.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use host_tests::guard::{Tree, tree};
use host_tests::{Site, fixture, guests, text_table};
use serde_json::{Value, json};

/// Writes the same four files each time, of uneven length, in many row groups.
fn dataset(site: &Site, rows: fn(i64, i64) -> RecordBatch) -> std::path::PathBuf {
    let dataset = site.directory("data/table");
    for (file, (from, to)) in [(0, 1_700), (1_700, 1_900), (1_900, 4_000), (4_000, 4_001)].iter().enumerate()
    {
        fixture::write(&dataset.join(format!("part-{file}.parquet")), &rows(*from, *to), 250);
    }
    dataset
}

fn migrated(module: &str, params: &Value, threads: &str, rows: fn(i64, i64) -> RecordBatch) -> Tree {
    let site = Site::new();
    let dataset = dataset(&site, rows);
    let before = tree(&dataset);
    let run = || site.run(&guests::component(module), &dataset).params(params).arg("--threads").arg(threads);
    run().finish().succeeded();
    let after = tree(&dataset);
    assert_ne!(before, after, "{module} changed nothing");
    let renamed =
        |name: &String| name.starts_with("part-0-") && name.len() == "part-0-01234567.parquet".len();
    assert!(after.keys().any(renamed), "{after:#?}");

    let again = run().finish().succeeded();
    assert!(again.stdout.starts_with("already migrated: "), "{}", again.stdout);
    assert_eq!(tree(&dataset), after);

    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(tree(&dataset), before, "{module} rolled back");
    after
}

#[track_caller]
fn same_bytes(module: &str, params: &Value, rows: fn(i64, i64) -> RecordBatch) {
    let one = migrated(module, params, "1", rows);
    let three = migrated(module, params, "3", rows);
    assert_eq!(one, three, "{module} with one thread and with three");
    assert!(one.len() > 1, "{module} left no files: {one:?}");
}

#[test]
fn columns_gives_the_same_bytes_each_time() {
    let steps = json!([
        { "cast": "amount", "to": "decimal(12,2)" },
        { "rename": "customer", "to": "client" },
        { "drop": "note" }
    ]);
    same_bytes("columns", &json!({ "name": "tidy", "steps": steps }), fixture::orders);
}

#[test]
fn lineitem_v2_gives_the_same_bytes_each_time() {
    same_bytes("lineitem-v2", &json!({}), lineitem);
}

#[test]
fn keep_recent_gives_the_same_bytes_each_time() {
    // Row groups that stay whole, that lose rows, and that go.
    same_bytes("keep-recent", &json!({ "column": "l_shipdate", "since": "2001-03-01" }), lineitem);
}

#[test]
fn flatten_nested_gives_the_same_bytes_each_time() {
    same_bytes("flatten-nested", &json!({ "explode": "lines", "position": "line" }), carts);
}

#[test]
fn dedupe_keys_gives_the_same_bytes_each_time() {
    same_bytes("dedupe-keys", &json!({ "keys": ["customer", "year"] }), fixture::orders);
}

#[test]
fn flatten_nested_makes_a_row_of_each_element() {
    let site = Site::new();
    let dataset = site.directory("data/carts");
    fixture::write(&dataset.join("carts.parquet"), &carts(0, 6), 4);
    let params = json!({ "explode": "lines", "position": "line", "keep_empty": true });
    site.run(&guests::component("flatten-nested"), &dataset).params(&params).finish().succeeded();
    assert_eq!(
        text_table::show(&fixture::read(&single(&dataset))),
        "\
id int64 | customer_name string? | lines_sku string? | lines_qty int32? | line int32?
0        | customer 0            | -                 | -                | -
1        | -                     | sku 1.0           | 0                | 0
2        | customer 2            | sku 2.0           | 0                | 0
2        | customer 2            | sku 2.1           | -                | 1
3        | customer 3            | -                 | -                | -
4        | customer 4            | sku 4.0           | 0                | 0
5        | -                     | sku 5.0           | 0                | 0
5        | -                     | sku 5.1           | -                | 1
"
    );
}

fn single(dataset: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(dataset).unwrap().map(|entry| entry.unwrap().path());
    let first = files.next().unwrap();
    assert_eq!(files.next(), None);
    first
}

/// Carts: `id`, `customer {name}` (null where `id` is 1 more than a multiple of 4), and `id % 3` lines `{sku, qty}`.
fn carts(from: i64, to: i64) -> RecordBatch {
    let name = StringArray::from_iter_values((from..to).map(|i| format!("customer {i}")));
    let name_field = Arc::new(Field::new("name", DataType::Utf8, false));
    let known = (from..to).map(|i| i % 4 != 1).collect::<Vec<_>>();
    let customer = StructArray::new(
        Fields::from(vec![name_field]),
        vec![Arc::new(name) as ArrayRef],
        Some(known.into()),
    );
    let fields = [Field::new("sku", DataType::Utf8, true), Field::new("qty", DataType::Int32, true)];
    let mut lines = ListBuilder::new(StructBuilder::from_fields(fields.to_vec(), 0));
    for i in from..to {
        for line in 0..i % 3 {
            let element = lines.values();
            element.field_builder::<StringBuilder>(0).unwrap().append_value(format!("sku {i}.{line}"));
            let quantity = element.field_builder::<Int32Builder>(1).unwrap();
            quantity.append_option((line == 0).then_some(0));
            element.append(true);
        }
        lines.append(true);
    }
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(Int64Array::from_iter_values(from..to)), false),
        ("customer", Arc::new(customer), true),
        ("lines", Arc::new(lines.finish()), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Rows of the shape of TPC-H's `lineitem`, ordered by ship date.
fn lineitem(from: i64, to: i64) -> RecordBatch {
    let mut text = "l_orderkey int64 | l_partkey int64 | l_suppkey int64 | l_linenumber int32 | \
         l_quantity decimal(15,2) | l_extendedprice decimal(15,2) | l_discount decimal(15,2) | \
         l_tax decimal(15,2) | l_returnflag string | l_linestatus string | l_shipdate date | \
         l_commitdate date | l_receiptdate date | l_shipinstruct string | l_shipmode string | l_comment string\n"
        .to_owned();
    for i in from..to {
        let (flag, status) =
            (["A", "N", "R"][usize::try_from(i % 3).unwrap()], ["F", "O"][usize::from(i % 2 == 0)]);
        let day = |add: i64| {
            let day = i / 10 + add;
            format!("{}-{:02}-{:02}", 2000 + day / 336, day / 28 % 12 + 1, day % 28 + 1)
        };
        text.push_str(&format!(
            "{i} | {} | {} | {} | {}.00 | {}.{:02} | 0.0{} | 0.0{} | {flag} | {status} | {} | {} | {} | NONE | TRUCK | row {i}\n",
            i * 7 % 997,
            i * 3 % 101,
            i % 7 + 1,
            i % 50 + 1,
            i * 31,
            i % 100,
            i % 10,
            i % 9,
            day(0),
            day(3),
            day(i % 30),
        ));
    }
    text_table::parse(&text)
}
