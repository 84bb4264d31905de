//! Sums of cells by column and of rows.

use arrow_array::{Array, RecordBatch};
use arrow_buffer::BooleanBuffer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cell::{Unhashable, cells};
use crate::key::{Seed, Tag};

/// What a column holds, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSum {
    /// Values, nulls among them.
    pub count: u64,
    /// Nulls.
    pub nulls: u64,
    /// Of the cells, modulo 2^128; as 32 hexadecimal digits where it is written.
    #[serde(with = "hex")]
    pub sum: u128,
}

/// What rows there are, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowSum {
    /// Rows.
    pub count: u64,
    /// Of the xxh3-128 of each row's cells, modulo 2^128.
    #[serde(with = "hex")]
    pub sum: u128,
}

/// What some columns hold. Sums of parts add up to that of the whole, whatever the parts and their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// One per column.
    pub columns: Vec<ColumnSum>,
    /// Of all of them together.
    pub rows: RowSum,
}

impl ColumnSum {
    /// Adds another part.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.nulls += other.nulls;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl Sums {
    /// Adds another part. One without rows adds nothing, whichever columns it has.
    pub fn add(&mut self, other: &Self) {
        if self.columns.len() < other.columns.len() {
            self.columns.resize(other.columns.len(), ColumnSum::default());
        }
        for (column, more) in self.columns.iter_mut().zip(&other.columns) {
            column.add(more);
        }
        self.rows.count += other.rows.count;
        self.rows.sum = self.rows.sum.wrapping_add(other.rows.sum);
    }

    /// The first column that differs; none if they agree, or differ in whole rows alone.
    pub fn differs_at(&self, other: &Self) -> Option<usize> {
        let most = self.columns.len().max(other.columns.len());
        let at = |sums: &Self, place: usize| sums.columns.get(place).copied().unwrap_or_default();
        (0..most).find(|place| at(self, *place) != at(other, *place))
    }
}

/// Sums batches up. Keeps its buffers from one to the next.
#[derive(Debug)]
pub struct Summer {
    seed: Seed,
    cells: Vec<Vec<u64>>,
    row: Vec<u8>,
}

impl Summer {
    /// With this seed.
    pub const fn new(seed: Seed) -> Self {
        Self { seed, cells: Vec::new(), row: Vec::new() }
    }

    /// Adds all rows of a batch to `into`.
    pub fn add(&mut self, batch: &RecordBatch, into: &mut Sums) -> Result<(), Unhashable> {
        let columns: Vec<&dyn Array> = batch.columns().iter().map(AsRef::as_ref).collect();
        self.add_where(&columns, batch.num_rows(), None, into)
    }

    /// Adds the rows of these columns whose bit is set, or all of them.
    pub fn add_where(
        &mut self,
        columns: &[&dyn Array],
        rows: usize,
        keep: Option<&BooleanBuffer>,
        into: &mut Sums,
    ) -> Result<(), Unhashable> {
        self.cells.resize_with(columns.len().max(self.cells.len()), Vec::new);
        if into.columns.len() < columns.len() {
            into.columns.resize(columns.len(), ColumnSum::default());
        }
        let keep = keep.filter(|keep| keep.count_set_bits() < rows);
        for ((column, cells_of), sum) in columns.iter().zip(&mut self.cells).zip(&mut into.columns) {
            cells_of.clear();
            cells(*column, self.seed, cells_of)?;
            sum.add(&match keep {
                None => all(*column, cells_of),
                Some(keep) => some(*column, cells_of, keep),
            });
        }
        self.rows(columns.len(), rows, keep, &mut into.rows);
        Ok(())
    }

    fn rows(&mut self, columns: usize, rows: usize, keep: Option<&BooleanBuffer>, into: &mut RowSum) {
        let key = self.seed.key(Tag::Row);
        let cells = self.cells.get(..columns).unwrap_or_default();
        self.row.resize(columns * 8, 0);
        for row in 0..rows {
            if keep.is_some_and(|keep| !keep.value(row)) {
                continue;
            }
            for (place, cells) in self.row.chunks_exact_mut(8).zip(cells) {
                place.copy_from_slice(&cells[row].to_le_bytes());
            }
            into.count += 1;
            into.sum = into.sum.wrapping_add(key.wide(&self.row));
        }
    }
}

fn all(column: &dyn Array, cells: &[u64]) -> ColumnSum {
    let sum = cells.iter().map(|cell| u128::from(*cell)).sum();
    ColumnSum { count: cells.len() as u64, nulls: column.logical_null_count() as u64, sum }
}

fn some(column: &dyn Array, cells: &[u64], keep: &BooleanBuffer) -> ColumnSum {
    let nulls = column.logical_nulls();
    let mut kept = ColumnSum::default();
    for row in keep.set_indices() {
        kept.count += 1;
        kept.nulls += u64::from(nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)));
        kept.sum = kept.sum.wrapping_add(u128::from(cells[row]));
    }
    kept
}

/// JSON has no numbers of 128 bits that everybody reads.
pub(crate) mod hex {
    use super::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(sum: &u128, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{sum:032x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u128, D::Error> {
        let text = String::deserialize(d)?;
        let plain = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !plain {
            return Err(serde::de::Error::custom("not 32 hexadecimal digits"));
        }
        u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}
