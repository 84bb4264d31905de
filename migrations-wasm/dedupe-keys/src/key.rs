//! Hashes of keys.

use std::sync::Arc;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use sha2::{Digest, Sha256};
use skein_sdk::arrow_array::{Array, ArrayRef};
use skein_sdk::arrow_schema::DataType;
use skein_sdk::{Failure, Refusal, Source};

/// A key column has one plain value per row.
pub(crate) fn check(source: &Source, path: &str) -> Result<(), Refusal> {
    let (id, field) = (source.id(path)?, source.field(path)?);
    let mut above = path.match_indices('.').filter_map(|(at, _)| source.field(&path[..at]).ok());
    let many = above.any(|f| !matches!(f.data_type(), DataType::Struct(_)));
    if many || field.data_type().is_nested() {
        let message = format!("column {path:?} ({}) cannot be part of a key", field.data_type());
        return Err(Refusal::new("wrong-type", message).at(id));
    }
    Ok(())
}

/// One hash per row: of each column's text with its length, so that neighbours cannot run into each other; null is a value
/// of its own.
pub(crate) fn hashes(columns: &[&ArrayRef], rows: usize) -> Result<Vec<u128>, Failure> {
    let plain: Vec<ArrayRef> = columns.iter().map(|column| numbered(column)).collect::<Result<_, _>>()?;
    let options = FormatOptions::new();
    let texts: Vec<_> =
        plain.iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<_, _>>()?;
    let mut text = String::new();
    let mut hashes = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut hash = Sha256::new();
        for (column, formatter) in plain.iter().zip(&texts) {
            hash.update([u8::from(column.is_valid(row))]);
            if column.is_valid(row) {
                text.clear();
                formatter.value(row).write(&mut text)?;
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text.as_bytes());
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        hashes.push(u128::from_le_bytes(digest.as_chunks().0[0]));
    }
    Ok(hashes)
}

/// Timestamps as numbers: their text would need the zone's rules.
fn numbered(array: &ArrayRef) -> Result<ArrayRef, Failure> {
    if matches!(array.data_type(), DataType::Timestamp(_, _)) {
        return Ok(arrow_cast::cast(array, &DataType::Int64)?);
    }
    Ok(Arc::clone(array))
}
