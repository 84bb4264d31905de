//! The closed words of the contract: shape, state, encoding. Parsed once, at the edge.

use serde::{Deserialize, Serialize};

/// A word that is not in its list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not one of {allowed}")]
pub struct UnknownWord {
    word: String,
    allowed: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? } $allowed:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word in the contract.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { word: word.chars().take(64).collect(), allowed: $allowed }),
                }
            }
        }
    };
}

words! {
    /// How output rows relate to input rows.
    Shape {
        /// Kept rows are all but rejected ones, in order.
        Same = "same",
        /// Kept rows are those of the `kept` bitmap, in order.
        Filtered = "filtered",
        /// Any rows; no carried columns.
        Free = "free",
    } "same, filtered, free"
}

words! {
    /// What a module remembers between batches.
    StateKind {
        /// Nothing: splits run in any order and in parallel.
        None = "none",
        /// One task over the whole dataset, files in byte order of path, rows in order.
        Sequential = "sequential",
    } "none, sequential"
}

words! {
    /// How batches cross the sandbox border.
    Encoding {
        /// Arrow IPC streams.
        Arrow = "arrow",
    } "arrow"
}
