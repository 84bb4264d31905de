//! Any bytes as a guest's answer: refused, or sound Arrow of the planned schema. Never a panic.

#![no_main]

use std::sync::Arc;

use arrow_array::Array;
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use libfuzzer_sys::fuzz_target;
use skein_sandbox::preflight::Preflight;

const ROWS_MAX: u64 = 1 << 16;

fuzz_target!(|input: &[u8]| {
    let Some((pick, answer)) = input.split_first() else { return };
    let schema = Arc::new(schema(*pick));
    // The panic hook of libFuzzer ends the process before the preflight could catch a panic.
    let Ok(batches) = Preflight::new(Arc::clone(&schema), ROWS_MAX).decode(answer.to_vec()) else { return };
    for batch in batches {
        assert_eq!(batch.schema(), schema);
        batch
            .columns()
            .iter()
            .for_each(|column| column.to_data().validate_full().expect("decoded arrays are sound"));
    }
});

fn schema(pick: u8) -> Schema {
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
