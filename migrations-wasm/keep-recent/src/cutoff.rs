//! The cutoff: the parameter `since` as one value of the column's own type.

use std::sync::Arc;

use arrow_cast::parse::Parser;
use skein_sdk::arrow_array::types::{
    Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use skein_sdk::arrow_array::{ArrayRef, PrimitiveArray, Scalar};
use skein_sdk::arrow_schema::{DataType, TimeUnit};
use skein_sdk::zone::with_zone;
use skein_sdk::{Refusal, Source};

use crate::Params;

/// The cutoff as one value of the column's type.
pub(crate) fn cutoff(source: &Source, params: &Params) -> Result<Scalar<ArrayRef>, Refusal> {
    let (id, data_type) = (source.id(&params.column)?, source.field(&params.column)?.data_type());
    if inside_list(source, &params.column) {
        let message = format!("column {:?} has many values per row", params.column);
        return Err(Refusal::new("wrong-type", message).at(id));
    }
    if !matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _)) {
        let message = format!("column {:?} is {data_type}, not a date or timestamp", params.column);
        return Err(Refusal::new("wrong-type", message).at(id));
    }
    let value = read(&params.since, data_type).ok_or_else(|| {
        Refusal::new("bad-params", format!("`since` {:?} is no {data_type}", params.since)).at(id)
    })?;
    let DataType::Timestamp(_, zone) = data_type else { return Ok(Scalar::new(value)) };
    let labelled = with_zone(&value, zone.as_deref()).map_err(|f| Refusal::new(f.code, f.message).at(id))?;
    Ok(Scalar::new(labelled))
}

/// A date or time as one value of a type. Every zone counts from the same instant, so times are read in UTC. The parsers
/// alone, because the cast kernels would triple the module.
fn read(text: &str, data_type: &DataType) -> Option<ArrayRef> {
    let DataType::Timestamp(unit, _) = data_type else {
        let is_short = matches!(data_type, DataType::Date32);
        return if is_short { one::<Date32Type>(text) } else { one::<Date64Type>(text) };
    };
    match unit {
        TimeUnit::Second => one::<TimestampSecondType>(text),
        TimeUnit::Millisecond => one::<TimestampMillisecondType>(text),
        TimeUnit::Microsecond => one::<TimestampMicrosecondType>(text),
        TimeUnit::Nanosecond => one::<TimestampNanosecondType>(text),
    }
}

fn one<T: Parser>(text: &str) -> Option<ArrayRef> {
    T::parse(text).map(|value| Arc::new(PrimitiveArray::<T>::from_value(value, 1)) as ArrayRef)
}

/// Whether a list or map lies on the way to a column: then it has no value per row.
fn inside_list(source: &Source, path: &str) -> bool {
    let above = path.match_indices('.').map(|(at, _)| &path[..at]);
    let mut types = above.filter_map(|prefix| source.field(prefix).ok());
    types.any(|field| !matches!(field.data_type(), DataType::Struct(_)))
}
