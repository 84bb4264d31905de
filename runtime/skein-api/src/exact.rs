//! Whole numbers that every reader of JSON takes exactly.
//!
//! Many readers keep a number in 53 bits (RFC 8259, 6). A larger one would be kept here, shown as it is, and read there as
//! another one; so none is taken. What is free JSON, the `params` of a module, is for the module alone.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The largest.
pub(crate) const EXACT_MAX: u64 = (1 << 53) - 1;
/// The field that is free JSON wherever it stands.
const FREE: &str = "params";

/// JSON in which each whole number is exact.
pub(crate) struct Exact;

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Exact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Exact, E> {
        if number > EXACT_MAX {
            return Err(E::custom(format!("{number} is more than {EXACT_MAX}, the largest number taken")));
        }
        Ok(Exact)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_unit<E: Error>(self) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Exact, A::Error> {
        while items.next_element::<Exact>()?.is_some() {}
        Ok(Exact)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Exact, A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            match name == FREE {
                true => _ = fields.next_value::<IgnoredAny>()?,
                false => _ = fields.next_value::<Exact>()?,
            }
        }
        Ok(Exact)
    }
}
