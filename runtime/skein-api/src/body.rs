//! Reading a body: bounded first, then JSON, then its form.

use serde::de::DeserializeOwned;
use skein_types::{Code, ErrorClass, codes};

use crate::bounded::Text;
use crate::exact::Exact;

/// Most bytes of a request's body where its endpoint does not say otherwise.
pub const BODY_BYTES_MAX: usize = 2 << 20;

/// A body that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the endpoint takes.
    #[error("a body of {bytes} bytes; at most {max} are taken here")]
    TooLarge {
        /// It has at least.
        bytes: usize,
        /// It may have.
        max: usize,
    },
    /// No JSON, or not of the form that the endpoint wants.
    #[error("the body cannot be understood: {problem}")]
    Invalid {
        /// What and where, bounded.
        problem: Text<500>,
    },
}

impl BodyError {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => codes::BODY_TOO_LARGE,
            Self::Invalid { .. } => codes::BODY_INVALID,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooLarge { .. } => Some("send less at a time"),
            Self::Invalid { .. } => {
                Some("compare the fields with the API's reference; a field that is not known is refused")
            }
        }
    }
}

/// Reads a body of at most `max` bytes. Whoever reads from a connection stops at `max` too; this is the last check.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, BodyError> {
    if bytes.len() > max {
        return Err(BodyError::TooLarge { bytes: bytes.len(), max });
    }
    serde_json::from_slice(bytes)
        .map_err(|error| BodyError::Invalid { problem: Text::escaped(&error.to_string()) })
}

/// The like, of what people and their tools ask: no whole number in it is larger than every reader takes exactly.
pub fn parse_asked<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, BodyError> {
    let asked = parse(bytes, max)?;
    parse::<Exact>(bytes, max)?;
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::{BodyError, parse, parse_asked};
    use crate::campaign::CampaignCreate;
    use crate::dataset::DatasetAdd;

    #[test]
    fn a_body_at_the_bound_is_read_and_one_byte_more_is_not() {
        assert_eq!(parse::<Vec<u8>>(b"[1]", 3), Ok(vec![1]));
        assert_eq!(parse::<Vec<u8>>(b"[1] ", 3), Err(BodyError::TooLarge { bytes: 4, max: 3 }));
    }

    #[test]
    fn a_number_that_not_every_reader_takes_exactly_is_refused_but_for_modules() {
        let read = |number: u64| {
            let body = format!(r#"{{"name":"c","module":"m","policy":{{"window_ms":{number}}}}}"#);
            parse_asked::<CampaignCreate>(body.as_bytes(), 1_000)
        };
        assert!(read((1 << 53) - 1).is_ok());
        let refused = read(1 << 53).unwrap_err().to_string();
        assert!(refused.contains("9007199254740992 is more than 9007199254740991"), "{refused}");
        let free = br#"{"name":"c","module":"m","params":{"id":18446744073709551615}}"#;
        assert!(parse_asked::<CampaignCreate>(free, 1_000).is_ok());
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_by_name() {
        let body = br#"{"name":"orders","location":"/d/orders","owner":"shop","lables":{}}"#;
        let refused = parse::<DatasetAdd>(body, 1_000).unwrap_err();
        assert!(refused.to_string().contains("unknown field `lables`"), "{refused}");
        assert_eq!(refused.code().id, "SK0664");
    }

    #[test]
    fn what_a_caller_wrote_comes_back_bounded_and_without_control_characters() {
        let body = format!(r#"{{"{}\u001b[2J":1}}"#, "x".repeat(5_000));
        let refused = parse::<DatasetAdd>(body.as_bytes(), 10_000).unwrap_err().to_string();
        assert!(refused.len() < 600 && !refused.contains('\u{1b}'), "{refused}");
    }
}
