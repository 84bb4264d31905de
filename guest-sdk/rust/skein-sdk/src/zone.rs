//! Time zones without a time zone database.
//!
//! A timestamp's zone is a label; its number counts from 1970 in UTC either way. Arrow's kernels want to know the zone's
//! rules all the same, and without a database they know offsets only, not even `UTC`.

use arrow_array::{Array, ArrayRef, make_array};
use arrow_schema::DataType;

use crate::Failure;

/// Whether a zone is UTC by one of its common names.
pub fn is_utc(zone: &str) -> bool {
    ["UTC", "Etc/UTC", "Z", "GMT", "Etc/GMT", "+00:00"].iter().any(|name| zone.eq_ignore_ascii_case(name))
}

/// A timestamp array under another zone's label; the instants stay. Arrays of other types come back as they are.
pub fn with_zone(array: &ArrayRef, zone: Option<&str>) -> Result<ArrayRef, Failure> {
    let DataType::Timestamp(unit, _) = array.data_type() else { return Ok(ArrayRef::clone(array)) };
    let labelled = DataType::Timestamp(*unit, zone.map(Into::into));
    Ok(make_array(array.to_data().into_builder().data_type(labelled).build()?))
}

/// A type that Arrow's kernels understand without a database: `UTC` as `+00:00`.
pub fn known_to_kernels(data_type: &DataType) -> DataType {
    if let DataType::Timestamp(unit, Some(zone)) = data_type
        && is_utc(zone)
    {
        return DataType::Timestamp(*unit, Some("+00:00".into()));
    }
    data_type.clone()
}

#[cfg(test)]
mod tests {
    use super::{is_utc, known_to_kernels, with_zone};
    use arrow_array::{Array, ArrayRef, TimestampSecondArray};
    use arrow_schema::{DataType, TimeUnit};
    use std::sync::Arc;

    #[test]
    fn the_label_changes_and_the_instants_stay() {
        let plain: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(5), None]));
        let zoned = with_zone(&plain, Some("Europe/Amsterdam")).unwrap();
        assert_eq!(
            zoned.data_type(),
            &DataType::Timestamp(TimeUnit::Second, Some("Europe/Amsterdam".into()))
        );
        assert_eq!(with_zone(&zoned, None).unwrap().as_ref(), plain.as_ref());
    }

    #[test]
    fn utc_is_an_offset_to_kernels_and_other_zones_are_left() {
        let of = |zone: &str| DataType::Timestamp(TimeUnit::Second, Some(zone.into()));
        assert_eq!(known_to_kernels(&of("UTC")), of("+00:00"));
        assert_eq!(known_to_kernels(&of("Asia/Tokyo")), of("Asia/Tokyo"));
        assert!(is_utc("etc/utc") && !is_utc("CET"));
    }
}
