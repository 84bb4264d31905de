//! Where a path says whose a dataset is and how it is labelled: `{owner}/{label:region}/**`.
//!
//! A layout has a part for each part of the path from the directory that is scanned, and each stands for one:
//!
//! ```text
//! lake              that name
//! *                 any name
//! {owner}           the team
//! {label:region}    the value of the label `region`
//! team-{owner}      the like, with something before or behind it that is the same everywhere
//! **                one name or more; only as the last
//! ```
//! What does not fit is told with the part where. Nothing is guessed: a path that fits says all that its layout asks for.

mod parse;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::Name;
use crate::bounded::{Text, TooLong};
use crate::dataset::Labels;

pub use parse::{LayoutError, PartError};

/// Most bytes of a layout.
pub const LAYOUT_BYTES_MAX: usize = 1_000;
/// Most parts: as deep as a scan looks.
pub(crate) const LAYOUT_PARTS_MAX: usize = 32;

/// What the parts of a path say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text<LAYOUT_BYTES_MAX>", into = "Text<LAYOUT_BYTES_MAX>")]
pub struct Layout {
    text: Text<LAYOUT_BYTES_MAX>,
    parts: Vec<Part>,
    /// More may follow, and something has to.
    open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Any,
    Same(String),
    Says { before: String, what: What, behind: String },
}

/// What a part of a path can say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Owner,
    Label(Text<64, 1>),
}

/// What a path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSays {
    /// The team, if the layout has it.
    pub owner: Option<Name>,
    /// The labels that the layout has.
    pub labels: Labels,
}

/// Why a path does not fit a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathUnfit {
    /// It ends before the layout does.
    #[error("its path has {has} of the {least} parts that the layout asks for")]
    Short {
        /// It has.
        has: usize,
        /// It should have.
        least: usize,
    },
    /// It goes on behind the layout's end.
    #[error("its path has more than the {most} parts of the layout, which does not end in **")]
    Long {
        /// It should have.
        most: usize,
    },
    /// A part is another name, or says nothing.
    #[error("part {at} of its path is {found:?}, and the layout has {wanted:?} there")]
    Other {
        /// Which, from 1.
        at: usize,
        /// What is there.
        found: String,
        /// What should be.
        wanted: String,
    },
    /// What a part says cannot be a team's name or a label's value.
    #[error("part {at} of its path: {why}")]
    Value {
        /// Which, from 1.
        at: usize,
        /// Why not.
        why: TooLong,
    },
}

impl Layout {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// Whether it says whose a dataset is.
    pub fn has_owner(&self) -> bool {
        self.says().any(|what| *what == What::Owner)
    }

    /// Keys of the labels that it has.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        self.says().filter_map(|what| match what {
            What::Owner => None,
            What::Label(key) => Some(key.as_str()),
        })
    }

    fn says(&self) -> impl Iterator<Item = &What> {
        self.parts.iter().filter_map(|part| match part {
            Part::Says { what, .. } => Some(what),
            Part::Any | Part::Same(_) => None,
        })
    }

    /// What a path says, from the directory that the layout is of.
    pub fn read(&self, path: &str) -> Result<PathSays, PathUnfit> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let (has, least) = (names.len(), self.parts.len() + usize::from(self.open));
        if has < least {
            return Err(PathUnfit::Short { has, least });
        }
        if has > least && !self.open {
            return Err(PathUnfit::Long { most: least });
        }
        let (mut owner, mut labels) = (None, BTreeMap::new());
        for (at, (part, found)) in (1..).zip(self.parts.iter().zip(names)) {
            let value = |why| PathUnfit::Value { at, why };
            match part.read(found) {
                None => {
                    let (found, wanted) = (found.to_owned(), part.to_string());
                    return Err(PathUnfit::Other { at, found, wanted });
                }
                Some(None) => {}
                Some(Some((What::Owner, said))) => owner = Some(Text::new(said).map_err(value)?),
                Some(Some((What::Label(key), said))) => {
                    labels.insert(key.clone(), Text::new(said).map_err(value)?);
                }
            }
        }
        // A layout has no more labels than a dataset may have.
        Ok(PathSays { owner, labels: Labels::try_from(labels).unwrap_or_default() })
    }
}

impl Part {
    /// What a name says here, if it fits.
    fn read<'a>(&'a self, name: &'a str) -> Option<Option<(&'a What, &'a str)>> {
        match self {
            Self::Any => Some(None),
            Self::Same(same) => (same == name).then_some(None),
            Self::Says { before, what, behind } => {
                let said = name.strip_prefix(before.as_str())?.strip_suffix(behind.as_str())?;
                (!said.is_empty()).then_some(Some((what, said)))
            }
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Same(same) => f.write_str(same),
            Self::Says { before, what: What::Owner, behind } => write!(f, "{before}{{owner}}{behind}"),
            Self::Says { before, what: What::Label(key), behind } => {
                write!(f, "{before}{{label:{key}}}{behind}")
            }
        }
    }
}

impl From<Layout> for Text<LAYOUT_BYTES_MAX> {
    fn from(layout: Layout) -> Self {
        layout.text
    }
}

impl PartialSchema for Layout {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(LAYOUT_BYTES_MAX))
            .description(Some(
                "What the parts of a path say, from the directory that is scanned: `{owner}` is the team, `{label:KEY}` the value of a \
                 label, `*` any name and `**` at the end one or more; anything else is that name, also around braces.",
            ))
            .examples(["{owner}/{label:region}/**", "team-{owner}/*"])
            .build()
            .into()
    }
}

impl ToSchema for Layout {
    fn name() -> Cow<'static, str> {
        "Layout".into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, PathUnfit};

    fn read(layout: &str, path: &str) -> Result<(Option<String>, Vec<String>), PathUnfit> {
        let layout: Layout = layout.parse().unwrap();
        layout.read(path).map(|says| {
            let labels = says.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (says.owner.map(String::from), labels)
        })
    }

    fn says(layout: &str, path: &str) -> (String, String) {
        let (owner, labels) = read(layout, path).unwrap();
        (owner.unwrap_or_default(), labels.join(" "))
    }

    fn unfit(layout: &str, path: &str) -> String {
        read(layout, path).unwrap_err().to_string()
    }

    #[test]
    fn a_path_says_what_stands_in_its_parts() {
        let pair = |owner: &str, labels: &str| (owner.to_owned(), labels.to_owned());
        assert_eq!(says("{owner}/{label:region}/**", "pay/eu/orders"), pair("pay", "region=eu"));
        assert_eq!(says("{owner}/{label:region}/**", "pay/eu/a/b/c"), pair("pay", "region=eu"));
        assert_eq!(says("{owner}/*", "pay/orders"), pair("pay", ""));
        assert_eq!(says("lake/team-{owner}/{label:b}/{label:a}.parquet", "lake/team-pay/2/x.parquet"), {
            pair("pay", "a=x b=2")
        });
        assert_eq!(says("**", "any/thing"), pair("", ""));
        // What is around it may be in it, too.
        assert_eq!(says("-{owner}-", "--a--"), pair("-a-", ""));
    }

    #[test]
    fn a_path_that_does_not_fit_is_told_where() {
        assert_eq!(unfit("{owner}/*/**", "pay/eu"), "its path has 2 of the 3 parts that the layout asks for");
        assert_eq!(
            unfit("{owner}/*", "pay/eu/x"),
            "its path has more than the 2 parts of the layout, which does not end in **"
        );
        let other = |layout: &str, path: &str, said: &str| assert_eq!(unfit(layout, path), said);
        let said = "part 2 of its path is \"eu\", and the layout has \"us\" there";
        other("*/us/*", "pay/eu/x", said);
        let said = "part 1 of its path is \"team-\", and the layout has \"team-{owner}\" there";
        other("team-{owner}", "team-", said);
        let said = "part 1 of its path is \"ab\", and the layout has \"ab{label:k}b\" there";
        other("ab{label:k}b", "ab", said);
        let long = "n".repeat(65);
        other("{label:k}", &long, "part 1 of its path: a text of 65 bytes; at most 64 are allowed");
        assert_eq!(says("{owner}", &long).0, long);
    }
}
