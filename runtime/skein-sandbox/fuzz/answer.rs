//! What the fuzz target does with an input. Also a module of the crate's tests, so that a change that breaks it breaks
//! them: the fuzz crate is outside the workspace, and building it would build the engine once more.

use std::sync::Arc;

use arrow_array::Array;
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use skein_sandbox::preflight::Preflight;

const ROWS_MAX: u64 = 1 << 16;

/// The first byte picks the planned schema, the rest is a guest's answer to it. Says how many batches were accepted.
pub(crate) fn decode(input: &[u8]) -> Option<usize> {
    let (pick, answer) = input.split_first()?;
    let schema = Arc::new(schema(*pick));
    // The panic hook of libFuzzer ends the process before the preflight could catch a panic.
    let batches = Preflight::new(Arc::clone(&schema), ROWS_MAX).decode(answer.to_vec()).ok()?;
    for batch in &batches {
        assert_eq!(batch.schema(), schema);
        batch
            .columns()
            .iter()
            .for_each(|column| column.to_data().validate_full().expect("decoded arrays are sound"));
    }
    Some(batches.len())
}

pub(crate) fn schema(pick: u8) -> Schema {
    let item = |data_type| Arc::new(Field::new("item", data_type, true));
    let pair = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Int32, true),
    ]);
    let types = [
        DataType::Int64,
        DataType::Utf8,
        DataType::LargeBinary,
        DataType::Boolean,
        DataType::Null,
        DataType::Decimal128(20, 3),
        DataType::FixedSizeBinary(5),
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::List(item(DataType::Utf8)),
        DataType::LargeList(item(DataType::Float64)),
        DataType::FixedSizeList(item(DataType::Int16), 3),
        DataType::Struct(pair.clone()),
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair), false)), false),
    ];
    let one = types[usize::from(pick) % types.len()].clone();
    // Half of the picks have a second column, so that one column's mistake can reach into another.
    let mut fields = vec![Field::new("a", one, pick & 0x40 != 0)];
    if pick & 0x80 != 0 {
        fields.push(Field::new("b", DataType::Utf8, true));
    }
    Schema::new(fields)
}
