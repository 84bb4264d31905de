//! Texts and bytes: they are their own canonical form.

use arrow_array::cast::AsArray;
use arrow_array::types::{ByteArrayType, ByteViewType};
use arrow_array::{Array, GenericByteArray, GenericByteViewArray};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;

use super::null;
use crate::key::{Key, Seed, Tag};

pub(super) fn cells(array: &dyn Array, seed: Seed, out: &mut Vec<u64>) {
    let (text, binary, null) = (seed.key(Tag::Text), seed.key(Tag::Binary), null(seed));
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has the list of types")]
    match array.data_type() {
        DataType::Utf8 => plain(array.as_string::<i32>(), (text, null), out),
        DataType::LargeUtf8 => plain(array.as_string::<i64>(), (text, null), out),
        DataType::Utf8View => views(array.as_string_view(), (text, null), out),
        DataType::Binary => plain(array.as_binary::<i32>(), (binary, null), out),
        DataType::LargeBinary => plain(array.as_binary::<i64>(), (binary, null), out),
        DataType::BinaryView => views(array.as_binary_view(), (binary, null), out),
        _ => {
            let array = array.as_fixed_size_binary();
            let valid = valid(array.nulls());
            out.extend((0..array.len()).map(|row| {
                if valid.is_none_or(|nulls| nulls.is_valid(row)) {
                    binary.bytes(array.value(row))
                } else {
                    null
                }
            }));
        }
    }
}

fn valid(nulls: Option<&NullBuffer>) -> Option<&NullBuffer> {
    nulls.filter(|nulls| nulls.null_count() > 0)
}

fn plain<T: ByteArrayType>(array: &GenericByteArray<T>, (key, null): (Key, u64), out: &mut Vec<u64>) {
    let data = array.value_data();
    let at = |(from, to): (T::Offset, T::Offset)| key.bytes(&data[from.as_usize()..to.as_usize()]);
    let offsets = array.value_offsets();
    let ends = offsets.iter().copied().zip(offsets.iter().copied().skip(1));
    match valid(array.nulls()) {
        None => out.extend(ends.map(at)),
        Some(nulls) => {
            out.extend(ends.zip(nulls.iter()).map(|(ends, valid)| if valid { at(ends) } else { null }));
        }
    }
}

fn views<T: ByteViewType>(array: &GenericByteViewArray<T>, (key, null): (Key, u64), out: &mut Vec<u64>) {
    out.extend(array.iter().map(|value| value.map_or(null, |value| key.bytes(value.as_ref()))));
}
