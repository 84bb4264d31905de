//! Values that are made of others: the canonical form is that of their parts' cells, one after the other.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListViewArray, OffsetSizeTrait, UnionArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::{Unhashable, cells as cells_of, null, of, unknown};
use crate::key::{Key, Seed, Tag};

pub(super) fn cells(array: &dyn Array, seed: Seed, out: &mut Vec<u64>) -> Result<(), Unhashable> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has the list of types")]
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let items = Items { values: &[list.values()], nulls: list.nulls(), tag: Tag::List };
            items.cells(spans(list.value_offsets()), seed, out)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let items = Items { values: &[list.values()], nulls: list.nulls(), tag: Tag::List };
            items.cells(spans(list.value_offsets()), seed, out)
        }
        DataType::FixedSizeList(_, _) => {
            let list = array.as_fixed_size_list();
            let size = usize::try_from(list.value_length()).unwrap_or(0);
            let spans = (0..list.len()).map(|row| row * size..(row + 1) * size);
            Items { values: &[list.values()], nulls: list.nulls(), tag: Tag::List }.cells(spans, seed, out)
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let items = Items { values: &[map.keys(), map.values()], nulls: map.nulls(), tag: Tag::Map };
            items.cells(spans(map.value_offsets()), seed, out)
        }
        DataType::ListView(_) => view(array.as_list_view::<i32>(), seed, out),
        DataType::LargeListView(_) => view(array.as_list_view::<i64>(), seed, out),
        DataType::Struct(_) => {
            let all = array.as_struct();
            let columns: Vec<&ArrayRef> = all.columns().iter().collect();
            let rows = (0..all.len()).map(|row| row..row + 1);
            Items { values: &columns, nulls: all.nulls(), tag: Tag::Struct }.cells(rows, seed, out)
        }
        DataType::Union(_, _) => union(array.as_union(), seed, out),
        _ => Err(unknown(array)),
    }
}

fn place<O: OffsetSizeTrait>(offset: O) -> usize {
    offset.as_usize()
}

fn spans<O: OffsetSizeTrait>(offsets: &[O]) -> impl Iterator<Item = Range<usize>> + Clone {
    offsets.iter().zip(offsets.iter().skip(1)).map(|(from, to)| place(*from)..place(*to))
}

fn view<O: OffsetSizeTrait>(
    list: &GenericListViewArray<O>,
    seed: Seed,
    out: &mut Vec<u64>,
) -> Result<(), Unhashable> {
    let sizes = list.value_offsets().iter().zip(list.value_sizes());
    let spans = sizes.map(|(from, size)| place(*from)..place(*from) + place(*size));
    Items { values: &[list.values()], nulls: list.nulls(), tag: Tag::List }.cells(spans, seed, out)
}

/// Values that are each made of a stretch of other arrays.
struct Items<'a> {
    values: &'a [&'a ArrayRef],
    nulls: Option<&'a NullBuffer>,
    tag: Tag,
}

impl Items<'_> {
    fn cells(
        &self,
        spans: impl Iterator<Item = Range<usize>> + Clone,
        seed: Seed,
        out: &mut Vec<u64>,
    ) -> Result<(), Unhashable> {
        // Of a slice only what it reaches.
        let from = spans.clone().map(|span| span.start).min().unwrap_or(0);
        let to = spans.clone().map(|span| span.end).max().unwrap_or(0).max(from);
        let mut parts = Vec::with_capacity(self.values.len());
        for values in self.values {
            if to > values.len() {
                return Err(Unhashable::Unsound("items past the end"));
            }
            let mut cells = Vec::new();
            cells_of(&values.slice(from, to - from), seed, &mut cells)?;
            parts.push(cells);
        }
        let (key, null) = (seed.key(self.tag), null(seed));
        let mut bytes = Vec::new();
        for (row, span) in spans.enumerate() {
            if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
                out.push(null);
                continue;
            }
            let span = span.start - from..span.end.max(span.start) - from;
            out.push(joined(key, &parts, span, &mut bytes));
        }
        Ok(())
    }
}

/// A buffer that is used again costs no cell anything.
fn joined(key: Key, parts: &[Vec<u64>], span: Range<usize>, bytes: &mut Vec<u8>) -> u64 {
    bytes.clear();
    for place in span {
        for part in parts {
            bytes.extend_from_slice(&part[place].to_le_bytes());
        }
    }
    key.bytes(bytes)
}

fn union(array: &UnionArray, seed: Seed, out: &mut Vec<u64>) -> Result<(), Unhashable> {
    let DataType::Union(fields, _) = array.data_type() else { return Err(unknown(array)) };
    let key = seed.key(Tag::Union);
    let mut children: Vec<(i8, Vec<u64>)> = Vec::new();
    for (id, _) in fields.iter() {
        children.push((id, of(array.child(id), seed)?));
    }
    for row in 0..array.len() {
        let (id, at) = (array.type_id(row), array.value_offset(row));
        let cell = children.iter().find(|(known, _)| *known == id).and_then(|(_, cells)| cells.get(at));
        let cell = cell.ok_or(Unhashable::Unsound("a member of a union that is not there"))?;
        let mut bytes = [0; 9];
        bytes[0] = id.cast_unsigned();
        bytes[1..].copy_from_slice(&cell.to_le_bytes());
        out.push(key.bytes(&bytes));
    }
    Ok(())
}
