//! One batch, flat.

use std::sync::Arc;

use arrow_select::take::take;
use skein_sdk::arrow_array::cast::AsArray;
use skein_sdk::arrow_array::{Array, ArrayRef, Int32Array, ListArray, UInt32Array, make_array};
use skein_sdk::arrow_buffer::NullBuffer;
use skein_sdk::{Batch, Failure};

use crate::Params;
use crate::layout::Leaf;

/// For each output row: its source row, and its element of the exploded list.
struct Rows {
    sources: UInt32Array,
    elements: UInt32Array,
    positions: Int32Array,
}

/// The target columns of a batch.
pub(crate) fn columns(batch: &Batch, leaves: &[Leaf], params: &Params) -> Result<Vec<ArrayRef>, Failure> {
    let arrays = batch.record_batch().columns();
    let exploded = leaves.iter().find(|leaf| leaf.exploded).map(|leaf| arrays[leaf.root].as_list::<i32>());
    let rows = exploded.map(|list| rows(list, params.keep_empty)).transpose()?;
    let mut made = Vec::with_capacity(leaves.len() + 1);
    for leaf in leaves {
        let array = &arrays[leaf.root];
        made.push(match &rows {
            None => inner(array, &leaf.steps)?,
            Some(rows) if leaf.exploded => {
                let values = inner(array.as_list::<i32>().values(), &leaf.steps)?;
                take(&values, &rows.elements, None)?
            }
            Some(rows) => take(&inner(array, &leaf.steps)?, &rows.sources, None)?,
        });
    }
    if params.position.is_some() {
        let whole = || Arc::new(Int32Array::from(vec![0; batch.rows()])) as ArrayRef;
        made.push(rows.map_or_else(whole, |rows| Arc::new(rows.positions)));
    }
    Ok(made)
}

fn rows(list: &ListArray, keep_empty: bool) -> Result<Rows, Failure> {
    let too_long = |_| Failure::new("list-too-long", "a batch has more than 2^31 elements");
    let (mut sources, mut elements, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..list.len() {
        let source = u32::try_from(row).map_err(too_long)?;
        let edges = list.value_offsets();
        let elements_here = if list.is_null(row) { 0..0 } else { edges[row]..edges[row + 1] };
        if elements_here.is_empty() && keep_empty {
            sources.push(source);
            elements.push(None);
            positions.push(None);
        }
        for (position, element) in elements_here.enumerate() {
            sources.push(source);
            elements.push(Some(u32::try_from(element).map_err(too_long)?));
            positions.push(Some(i32::try_from(position).map_err(too_long)?));
        }
    }
    Ok(Rows { sources: sources.into(), elements: elements.into(), positions: positions.into() })
}

/// A field inside structs, null where any of them is.
fn inner(array: &ArrayRef, steps: &[usize]) -> Result<ArrayRef, Failure> {
    let mut at = Arc::clone(array);
    for step in steps {
        let outer = at.as_struct();
        let child = Arc::clone(outer.column(*step));
        let nulls = NullBuffer::union(outer.nulls(), child.logical_nulls().as_ref());
        let data = child.to_data().into_builder().nulls(nulls).build()?;
        at = make_array(data);
    }
    Ok(at)
}
