//! The computation, over plain Arrow arrays.
//!
//! Prices are decimals with 2 digits after the point, products have 4 and 6: all exact. Values of any real table fit
//! 64-bit arithmetic by far; a batch that does not is computed in 128 bits, and rows whose results do not fit 18 digits
//! are reported.

use std::sync::Arc;

use skein_sdk::arrow_array::{Array, ArrayRef, Date32Array, Decimal128Array, Int32Array, StringArray};
use skein_sdk::arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use skein_sdk::arrow_schema::DataType;

/// Type of `net_price`.
pub(crate) const NET: DataType = DataType::Decimal128(18, 4);
/// Type of `gross_price`.
pub(crate) const GROSS: DataType = DataType::Decimal128(18, 6);
/// First number with 19 digits.
const TOO_LARGE: i128 = 1_000_000_000_000_000_000;

/// The six columns read. Decimals are unscaled, with scale 2.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// `l_extendedprice`.
    pub extended_price: &'a Decimal128Array,
    /// `l_discount`.
    pub discount: &'a Decimal128Array,
    /// `l_tax`.
    pub tax: &'a Decimal128Array,
    /// `l_shipdate`.
    pub ship_date: &'a Date32Array,
    /// `l_receiptdate`.
    pub receipt_date: &'a Date32Array,
    /// `l_returnflag`.
    pub return_flag: &'a StringArray,
}

/// A row whose result does not fit its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// Index of the row.
    pub row: usize,
    /// What does not fit.
    pub what: &'static str,
}

/// The four columns made.
#[derive(Clone, Debug)]
pub struct Computed {
    /// `net_price`: extended price less discount.
    pub net_price: Decimal128Array,
    /// `gross_price`: net price plus tax.
    pub gross_price: Decimal128Array,
    /// `ship_delay_days`: from shipment to receipt.
    pub ship_delay_days: Int32Array,
    /// `return_status`: the flag as a word.
    pub return_status: StringArray,
    /// Rows that do not fit, in order; their values above mean nothing.
    pub out_of_range: Vec<OutOfRange>,
}

impl Computed {
    /// The columns with their names, in target order.
    pub fn columns(self) -> [(&'static str, ArrayRef); 4] {
        [
            ("net_price", Arc::new(self.net_price)),
            ("gross_price", Arc::new(self.gross_price)),
            ("ship_delay_days", Arc::new(self.ship_delay_days)),
            ("return_status", Arc::new(self.return_status)),
        ]
    }
}

/// Computes one batch. All inputs have the same length.
pub fn transform(inputs: &Inputs<'_>) -> Computed {
    let mut out_of_range = Vec::new();
    let (net, gross) = prices(inputs, &mut out_of_range);
    let delays = delays(inputs, &mut out_of_range);
    out_of_range.sort_by_key(|row| row.row);
    out_of_range.dedup_by_key(|row| row.row);
    let net_nulls = both(inputs.extended_price.nulls(), inputs.discount.nulls());
    let gross_nulls = both(net_nulls.as_ref(), inputs.tax.nulls());
    let delay_nulls = both(inputs.ship_date.nulls(), inputs.receipt_date.nulls());
    Computed {
        net_price: decimals(net, net_nulls, &NET),
        gross_price: decimals(gross, gross_nulls, &GROSS),
        ship_delay_days: Int32Array::new(delays.into(), delay_nulls),
        return_status: statuses(inputs.return_flag),
        out_of_range,
    }
}

fn both(a: Option<&NullBuffer>, b: Option<&NullBuffer>) -> Option<NullBuffer> {
    NullBuffer::union(a, b)
}

fn decimals(values: Vec<i128>, nulls: Option<NullBuffer>, data_type: &DataType) -> Decimal128Array {
    Decimal128Array::new(values.into(), nulls).with_data_type(data_type.clone())
}

fn prices(inputs: &Inputs<'_>, out_of_range: &mut Vec<OutOfRange>) -> (Vec<i128>, Vec<i128>) {
    let (price, discount, tax) =
        (inputs.extended_price.values(), inputs.discount.values(), inputs.tax.values());
    if is_small(price, 1 << 36) && is_small(discount, 1 << 9) && is_small(tax, 1 << 9) {
        return small_prices(price, discount, tax);
    }
    wide_prices(inputs, out_of_range)
}

/// Whether all values lie in `-bound..bound`, a power of two; null rows' leftovers count too, which only costs speed.
fn is_small(values: &[i128], bound: i64) -> bool {
    let bits = values.iter().fold(0i128, |bits, value| bits | (value ^ (value >> 127)));
    bits < i128::from(bound)
}

/// 64-bit arithmetic: 36 bits of price times twice at most 10 bits of factor.
#[expect(clippy::cast_possible_truncation, reason = "the caller has checked the bounds")]
fn small_prices(price: &[i128], discount: &[i128], tax: &[i128]) -> (Vec<i128>, Vec<i128>) {
    let mut net = Vec::with_capacity(price.len());
    let mut gross = Vec::with_capacity(price.len());
    for ((price, discount), tax) in price.iter().zip(discount).zip(tax) {
        let reduced = (*price as i64) * (100 - *discount as i64);
        net.push(i128::from(reduced));
        gross.push(i128::from(reduced * (100 + *tax as i64)));
    }
    (net, gross)
}

fn wide_prices(inputs: &Inputs<'_>, out_of_range: &mut Vec<OutOfRange>) -> (Vec<i128>, Vec<i128>) {
    let rows = inputs.extended_price.len();
    let (mut net, mut gross) = (vec![0; rows], vec![0; rows]);
    for row in 0..rows {
        let given = |array: &Decimal128Array| (!array.is_null(row)).then(|| array.value(row));
        let (Some(price), Some(discount)) = (given(inputs.extended_price), given(inputs.discount)) else {
            continue;
        };
        let reduced = fits(price.checked_mul(100 - discount));
        let taxed = given(inputs.tax).map(|tax| fits(reduced.and_then(|r| r.checked_mul(100 + tax))));
        match (reduced, taxed) {
            (Some(reduced), None | Some(Some(_))) => {
                net[row] = reduced;
                gross[row] = taxed.flatten().unwrap_or_default();
            }
            (None, _) => out_of_range.push(OutOfRange { row, what: "net_price does not fit 18 digits" }),
            (Some(_), Some(None)) => {
                out_of_range.push(OutOfRange { row, what: "gross_price does not fit 18 digits" });
            }
        }
    }
    (net, gross)
}

fn fits(value: Option<i128>) -> Option<i128> {
    value.filter(|v| v.abs() < TOO_LARGE)
}

fn delays(inputs: &Inputs<'_>, out_of_range: &mut Vec<OutOfRange>) -> Vec<i32> {
    let (shipped, received) = (inputs.ship_date.values(), inputs.receipt_date.values());
    let days: Vec<i32> = received.iter().zip(shipped).map(|(r, s)| r.wrapping_sub(*s)).collect();
    // A difference overflowed if its sign is not that of the exact one; one test for the whole batch.
    let flipped = |r: i32, s: i32, d: i32| (r ^ s) & (r ^ d);
    let places = received.iter().zip(shipped).zip(&days);
    if places.clone().fold(0, |bits, ((r, s), d)| bits | flipped(*r, *s, *d)) < 0 {
        let both_given = |row| !inputs.ship_date.is_null(row) && !inputs.receipt_date.is_null(row);
        let bad =
            places.enumerate().filter(|(row, ((r, s), d))| flipped(**r, **s, **d) < 0 && both_given(*row));
        out_of_range
            .extend(bad.map(|(row, _)| OutOfRange { row, what: "ship_delay_days does not fit 32 bits" }));
    }
    days
}

/// `R` returned, `A` accepted, anything else open; null stays null.
fn statuses(flags: &StringArray) -> StringArray {
    let (offsets, bytes) = (flags.value_offsets(), flags.value_data());
    let mut ends = Vec::with_capacity(flags.len() + 1);
    // Words are copied as 8 bytes and the next one starts at the word's true end.
    let mut text = vec![0u8; flags.len() * 8];
    let mut end = 0usize;
    ends.push(0i32);
    for (row, edge) in offsets.windows(2).enumerate() {
        let flag = if edge[1] - edge[0] == 1 { bytes[edge[0] as usize] } else { 0 };
        let (word, length) = match flag {
            b'R' => (b"returned", 8),
            b'A' => (b"accepted", 8),
            _ => (b"open\0\0\0\0", 4),
        };
        let length = if flags.is_null(row) { 0 } else { length };
        text[end..end + 8].copy_from_slice(word);
        end += length;
        ends.push(i32::try_from(end).expect("8 bytes per row of a batch stay far below 2 GiB"));
    }
    text.truncate(end);
    StringArray::new(OffsetBuffer::new(ScalarBuffer::from(ends)), text.into(), flags.nulls().cloned())
}

#[cfg(test)]
mod tests;
