//! Texts and lists with their most in their type, and texts with their least.
//!
//! The bound is checked while reading: a list of a million items costs no more than the bound.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::__dev::ComposeSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// What stands at the end of a text that was cut.
const CUT: &str = "…";

/// A text that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLong {
    /// More bytes than allowed.
    #[error("a text of {bytes} bytes; at most {max} are allowed")]
    Bytes {
        /// It has.
        bytes: usize,
        /// It may have.
        max: usize,
    },
    /// Fewer than needed.
    #[error("a text of {bytes} bytes; {min} or more are needed")]
    Few {
        /// It has.
        bytes: usize,
        /// It must have.
        min: usize,
    },
    /// A character that would disturb whoever shows it.
    #[error("a text with the control character {character:?}")]
    Control {
        /// The first.
        character: char,
    },
}

/// A text of at most `MAX` bytes, and at least `MIN`, without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize, const MIN: usize = 0>(String);

impl<const MAX: usize> Default for Text<MAX> {
    fn default() -> Self {
        Self(String::new())
    }
}

impl<const MAX: usize, const MIN: usize> Text<MAX, MIN> {
    /// Takes a text as it is, or refuses it.
    pub fn new(text: impl Into<String>) -> Result<Self, TooLong> {
        let text = text.into();
        if text.len() < MIN {
            return Err(TooLong::Few { bytes: text.len(), min: MIN });
        }
        if text.len() > MAX {
            return Err(TooLong::Bytes { bytes: text.len(), max: MAX });
        }
        match text.chars().find(|c| disturbs(*c)) {
            Some(character) => Err(TooLong::Control { character }),
            None => Ok(Self(text)),
        }
    }

    /// Makes any text fit: control characters are written out (`\n`, `\u{1b}`), and what is too long is cut. For messages that
    /// guests and files may have a part in. Of one that is too short there is the mark that something is missing.
    pub fn escaped(text: &str) -> Self {
        let mut kept = String::new();
        for character in text.chars() {
            let before = kept.len();
            if disturbs(character) {
                kept.extend(character.escape_default());
            } else {
                kept.push(character);
            }
            if kept.len() > MAX {
                kept.truncate(before);
                return Self::cut(kept);
            }
        }
        if kept.len() < MIN { Self::cut(kept) } else { Self(kept) }
    }

    /// Room is made for the mark that something is missing.
    fn cut(mut kept: String) -> Self {
        let mut end = MAX.saturating_sub(CUT.len()).min(kept.len());
        while !kept.is_char_boundary(end) {
            end -= 1;
        }
        kept.truncate(end);
        if kept.len() + CUT.len() <= MAX {
            kept.push_str(CUT);
        }
        Self(kept)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, and those that turn the direction of what follows: a log or a table would show something else.
fn disturbs(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<const MAX: usize, const MIN: usize> Deref for Text<MAX, MIN> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize, const MIN: usize> fmt::Display for Text<MAX, MIN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize, const MIN: usize> fmt::Debug for Text<MAX, MIN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MAX: usize, const MIN: usize> From<Text<MAX, MIN>> for String {
    fn from(text: Text<MAX, MIN>) -> Self {
        text.0
    }
}

impl<const MAX: usize, const MIN: usize> TryFrom<String> for Text<MAX, MIN> {
    type Error = TooLong;
    fn try_from(text: String) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl<const MAX: usize, const MIN: usize> PartialSchema for Text<MAX, MIN> {
    /// In characters, of which each is a byte at least.
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX));
        // A character may be several bytes: no more than one is asked for.
        text.min_length((MIN > 0).then_some(1)).build().into()
    }
}

impl<const MAX: usize, const MIN: usize> ToSchema for Text<MAX, MIN> {
    fn name() -> Cow<'static, str> {
        let least = if MIN > 0 { format!("{MIN}-") } else { String::new() };
        format!("Text.{least}{MAX}").into()
    }
}

impl<'de, const MAX: usize, const MIN: usize> Deserialize<'de> for Text<MAX, MIN> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(d)?).map_err(D::Error::custom)
    }
}

/// A list that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {max} items")]
pub struct TooMany {
    /// It may have.
    pub max: usize,
}

/// A list of at most `MAX` items.
///
/// In a body that derives its description a bound with a name stands in braces, `List<Grant, { GRANTS_MAX }>`: the
/// derivation would take the bare name for a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// None.
    pub const EMPTY: Self = Self(Vec::new());

    /// Takes a list, or refuses it.
    pub fn new(items: Vec<T>) -> Result<Self, TooMany> {
        if items.len() > MAX { Err(TooMany { max: MAX }) } else { Ok(Self(items)) }
    }

    /// The first `MAX` of them, and those that are left over for another time.
    pub fn first(mut items: Vec<T>) -> (Self, Vec<T>) {
        let rest = items.split_off(items.len().min(MAX));
        (Self(items), rest)
    }

    /// The items.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> IntoIterator for List<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What the derived descriptions of bodies ask a generic type for.
impl<T: ToSchema, const MAX: usize> ComposeSchema for List<T, MAX> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let item = RefOr::Ref(Ref::from_schema_name(T::name()));
        ArrayBuilder::new().items(item).max_items(Some(MAX)).build().into()
    }
}

impl<T: ToSchema, const MAX: usize> ToSchema for List<T, MAX> {
    /// Whoever names it adds the name of the items.
    fn name() -> Cow<'static, str> {
        format!("List.{MAX}").into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_seq(Items::<T, MAX>(PhantomData)).map(Self)
    }
}

struct Items<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut taken = Vec::new();
        while let Some(item) = items.next_element()? {
            if taken.len() == MAX {
                return Err(A::Error::custom(TooMany { max: MAX }));
            }
            taken.push(item);
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema as _;
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::Schema;

    use super::{List, Text};

    #[test]
    fn a_text_may_be_as_long_as_its_type_says_and_no_longer() {
        assert_eq!(Text::<4>::new("abcd").unwrap().as_str(), "abcd");
        let refused = Text::<4>::new("abcde").unwrap_err();
        assert_eq!(refused.to_string(), "a text of 5 bytes; at most 4 are allowed");
        let parsed = serde_json::from_str::<Text<4>>(r#""abcde""#).unwrap_err();
        assert!(parsed.to_string().starts_with("a text of 5 bytes"), "{parsed}");
    }

    #[test]
    fn a_text_that_must_not_be_empty_is_refused_and_described_so() {
        type Named = Text<4, 1>;
        assert_eq!(Named::new("a").unwrap().as_str(), "a");
        assert_eq!(Named::new("").unwrap_err().to_string(), "a text of 0 bytes; 1 or more are needed");
        assert!(serde_json::from_str::<Named>(r#""""#).is_err());
        assert_eq!(Named::escaped("").as_str(), "…");
        let described = |schema| serde_json::to_value::<RefOr<Schema>>(schema).unwrap();
        assert_eq!(described(Named::schema())["minLength"], 1);
        assert!(described(Text::<4>::schema()).get("minLength").is_none());
    }

    #[test]
    fn what_would_disturb_a_terminal_is_refused_or_written_out() {
        for bad in ["a\nb", "\u{1b}[31m", "a\u{202e}b", "\u{0}"] {
            assert!(Text::<64>::new(bad).is_err(), "{bad:?}");
            let escaped = Text::<64>::escaped(bad);
            assert!(Text::<64>::new(escaped.as_str()).is_ok(), "{escaped}");
        }
        assert_eq!(Text::<64>::escaped("a\nb \u{1b}[31m").as_str(), r"a\nb \u{1b}[31m");
    }

    #[test]
    fn what_is_cut_says_so_and_keeps_whole_characters() {
        assert_eq!(Text::<8>::escaped("ääääääää").as_str(), "ää…");
        assert_eq!(Text::<8>::escaped("ääää").as_str(), "ääää");
        assert_eq!(Text::<2>::escaped("abc").as_str(), "");
        assert_eq!(Text::<8>::escaped("abcdef\n\n").as_str(), "abcde…");
    }

    #[test]
    fn a_list_is_refused_at_the_first_item_too_many() {
        let parse = serde_json::from_str::<List<u8, 2>>;
        assert_eq!(parse("[1,2]").unwrap().into_vec(), [1, 2]);
        // The third item is a number; the fourth would not be and is not looked at.
        assert!(parse(r#"[1,2,3,"x"]"#).unwrap_err().to_string().starts_with("more than 2 items"));
        let (first, rest) = List::<u8, 2>::first(vec![1, 2, 3]);
        assert_eq!((first.into_vec(), rest), (vec![1, 2], vec![3]));
    }
}
