//! Text that comes from people, guests and nodes, bounded where it enters: no record grows with what somebody writes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that cannot be a name, an actor or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Longer than allowed.
    #[error("it has more than {max} bytes")]
    TooLong {
        /// How many bytes it may have.
        max: usize,
    },
    /// A line break, an escape or the like.
    #[error("it has control characters")]
    Control,
}

macro_rules! text {
    ($(#[doc = $doc:literal])* $name:ident, empty $empty:literal, max $max:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// How many bytes it may have.
            pub const MAX: usize = $max;

            /// Takes it as it is or refuses it.
            pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
                let text = text.into();
                if text.is_empty() && !$empty {
                    return Err(TextError::Empty);
                }
                if text.len() > Self::MAX {
                    return Err(TextError::TooLong { max: Self::MAX });
                }
                if text.chars().any(char::is_control) {
                    return Err(TextError::Control);
                }
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = TextError;
            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::described::words_of_people(concat!($($doc),*), usize::from(!$empty), Self::MAX)
            }
        }

        impl utoipa::ToSchema for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

text! {
    /// What people call something: a dataset, a module, a campaign, a node, a team, a label.
    Name, empty false, max 200
}
text! {
    /// Who decided: a person, a token, `control`, a node. What the words mean is the caller's business.
    Actor, empty false, max 200
}
text! {
    /// A reason or a message, one line. May be empty.
    Text, empty true, max 2000
}

impl Text {
    /// Makes any text fit: control characters become spaces, and what is too long is cut.
    pub fn clip(text: &str) -> Self {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let end = (0..=clean.len().min(Self::MAX)).rev().find(|at| clean.is_char_boundary(*at));
        Self(clean[..end.unwrap_or(0)].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Actor, Name, Text, TextError};

    #[test]
    fn a_message_is_cut_at_a_character_and_loses_its_control_characters() {
        let long = "é".repeat(1_500);
        assert_eq!(Text::clip(&long).as_str().len(), 2_000);
        assert_eq!(Text::clip(&format!("x{long}")).as_str().len(), 1_999);
        assert_eq!(Text::clip("a\n\u{1b}[31mb").as_str(), "a  [31mb");
    }

    #[test]
    fn names_and_actors_are_refused_and_not_mended() {
        assert_eq!(Name::new(""), Err(TextError::Empty));
        assert_eq!(Name::new("a\nb"), Err(TextError::Control));
        assert_eq!(Actor::new("x".repeat(201)), Err(TextError::TooLong { max: 200 }));
        assert_eq!(serde_json::from_str::<Name>("\"orders\"").unwrap().as_str(), "orders");
        assert!(serde_json::from_str::<Name>("\"\"").is_err());
    }
}
