//! What the tables promise to those who read them.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use skein_types::Rows;

use super::{Codec, Request, Table, write};

fn request(out: &Path, tables: &[Table]) -> Request {
    Request {
        sf: 0.001,
        out: out.to_owned(),
        tables: tables.to_vec(),
        codec: Codec::Snappy,
        row_group_rows: 2_000,
        files: 1,
    }
}

#[test]
fn the_first_lineitem_row_is_that_of_the_standard() {
    let dir = tempfile::tempdir().unwrap();
    let written = write(&request(dir.path(), &[Table::Lineitem])).unwrap();
    assert_eq!(written[0].rows, Rows(6_005));
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&written[0].path).unwrap()).unwrap();
    assert_eq!(builder.metadata().num_row_groups(), 4, "6005 rows in groups of 2000");
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    let decimal =
        |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().value_as_string(0);
    assert_eq!((decimal("l_quantity"), decimal("l_discount")), ("17.00".into(), "0.04".into()));
    let day = batch.column_by_name("l_shipdate").unwrap().as_primitive::<Date32Type>().value_as_date(0);
    assert_eq!(day.unwrap().to_string(), "1996-03-13");
    assert_eq!(
        batch.column_by_name("l_shipinstruct").unwrap().as_string::<i32>().value(0),
        "DELIVER IN PERSON"
    );
}

#[test]
fn all_tables_have_the_row_counts_of_the_standard() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<_> = write(&request(dir.path(), &Table::ALL)).unwrap().iter().map(|f| f.rows.0).collect();
    assert_eq!(rows, [5, 25, 10, 150, 200, 800, 1_500, 6_005]);
}

#[test]
fn the_same_request_gives_the_same_bytes_and_parts_give_the_same_rows() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tables = [Table::Orders];
    let first = write(&request(a.path(), &tables)).unwrap();
    let second = write(&request(b.path(), &tables)).unwrap();
    assert_eq!(std::fs::read(&first[0].path).unwrap(), std::fs::read(&second[0].path).unwrap());

    let parts = write(&Request { files: 3, ..request(a.path(), &tables) }).unwrap();
    let names: BTreeSet<_> =
        parts.iter().map(|f| f.path.strip_prefix(a.path()).unwrap().to_owned()).collect();
    assert_eq!(
        names.iter().map(|n| n.to_str().unwrap()).collect::<Vec<_>>(),
        ["orders/part-00000.parquet", "orders/part-00001.parquet", "orders/part-00002.parquet"]
    );
    assert_eq!(parts.iter().map(|f| f.rows).sum::<Rows>(), first[0].rows);
}
