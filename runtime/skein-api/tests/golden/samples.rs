//! One of each body, with a value in each field.

use skein_api::{Meters, RunRows, Text};
use skein_types::{Blake3, Bytes, Fuel, Millis, Rows};
use uuid::Uuid;

pub(crate) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn text<const MAX: usize, const MIN: usize>(text: &str) -> Text<MAX, MIN> {
    Text::new(text).unwrap()
}

pub(crate) fn digest(of: &str) -> Blake3 {
    Blake3::of(of.as_bytes())
}

pub(crate) fn rows() -> RunRows {
    RunRows { read: Rows(1_200), written: Rows(1_190), rejected: Rows(7), filtered: Rows(3) }
}

pub(crate) fn meters() -> Meters {
    Meters {
        fuel: Fuel(4_000_000),
        cpu_ms: Millis(9),
        wall_ms: Millis(12),
        memory_peak: Bytes::mib(3),
        bytes_read: Bytes(61_000),
        bytes_written: Bytes(58_000),
        bytes_spliced: Bytes(40_000),
    }
}
