//! A value that a rule compares with.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number, a text (which is what dates and times are too) or a truth value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// As it is written in SQL: digits, a sign, a point, an exponent.
    Number(String),
    /// Any text.
    Text(String),
    /// True or false.
    Bool(bool),
}

/// Most bytes of a text.
const TEXT_MAX: usize = 1_000;

impl Literal {
    /// As it is written in SQL. Nothing in a text can end it.
    pub fn sql(&self) -> String {
        match self {
            Self::Number(number) => number.clone(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Bool(bool) => bool.to_string(),
        }
    }

    /// Whether both are numbers and this is the greater one. How texts are ordered is the column's business.
    pub(super) fn is_above(&self, other: &Self) -> bool {
        let (Self::Number(one), Self::Number(other)) = (self, other) else { return false };
        if let (Ok(one), Ok(other)) = (one.parse::<i64>(), other.parse::<i64>()) {
            return one > other;
        }
        one.parse::<f64>().ok().zip(other.parse::<f64>().ok()).is_some_and(|(one, other)| one > other)
    }

    fn float<E: Error>(value: f64) -> Result<Self, E> {
        if !value.is_finite() {
            return Err(E::custom("a number that is none"));
        }
        Ok(Self::Number(format!("{value:?}")))
    }
}

impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => match number.parse::<i64>() {
                Ok(whole) => s.serialize_i64(whole),
                Err(_) => s.serialize_f64(number.parse().map_err(serde::ser::Error::custom)?),
            },
            Self::Text(text) => s.serialize_str(text),
            Self::Bool(bool) => s.serialize_bool(*bool),
        }
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(OfAny)
    }
}

struct OfAny;

impl Visitor<'_> for OfAny {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Literal, E> {
        Ok(Literal::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Literal, E> {
        Ok(Literal::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Literal, E> {
        let whole = i64::try_from(value).map_err(|_| E::custom("a number that is too large"))?;
        self.visit_i64(whole)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Literal, E> {
        Literal::float(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Literal, E> {
        if value.len() > TEXT_MAX {
            return Err(E::custom(format_args!("a text of more than {TEXT_MAX} bytes")));
        }
        Ok(Literal::Text(value.to_owned()))
    }
}

impl utoipa::PartialSchema for Literal {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        let any = SchemaType::from_iter([Type::Number, Type::String, Type::Boolean]);
        let about = "A number, a text or a truth value. Dates and times are texts.";
        ObjectBuilder::new().schema_type(any).description(Some(about)).build().into()
    }
}

impl utoipa::ToSchema for Literal {}
