//! Which data files of a dataset a run works on: by globs over paths and by values of hive partitions.
//!
//! What is not chosen is not lost: it joins the new version as it is. Sidecars are not chosen or left out; they go with
//! the dataset. Pure over relative paths.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Serialize;
use skein_dataset::Partitions;
use skein_types::{Code, codes, nearest};

/// Bound on globs and conditions, so that choosing stays quick over many files.
const RULES_MAX: usize = 1_000;

/// What somebody wrote to choose files, kept for the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChoiceText {
    /// A file is in if one of these matches its path, or if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// A file is out if one of these matches its path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// `key=value`, `key=value1,value2` or `key!=value`; all of them must hold.
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<String>,
}

/// The data files that a run works on.
#[derive(Clone, Debug)]
pub struct FileChoice {
    text: ChoiceText,
    include: GlobSet,
    exclude: GlobSet,
    conditions: Vec<Condition>,
    /// Whether files that are not chosen may join although their schema is not the target's.
    pub mixed_schemas: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    key: String,
    values: Vec<Option<String>>,
    negated: bool,
}

/// A choice that cannot be understood, or that chooses nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChoiceError {
    /// No glob.
    #[error("{glob:?} is no glob: {problem}")]
    Glob {
        /// As given.
        glob: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A glob for another kind of path.
    #[error("{glob:?} matches no path inside a dataset")]
    NotRelative {
        /// As given.
        glob: String,
    },
    /// No condition.
    #[error("{condition:?} is no condition")]
    Condition {
        /// As given.
        condition: String,
    },
    /// Too many globs or conditions.
    #[error("more than {RULES_MAX} globs or conditions")]
    TooMany,
    /// No path has such a directory level.
    #[error("no data file lies in a partition of {key:?}")]
    NoSuchKey {
        /// Which.
        key: String,
        /// The key that was meant, perhaps.
        near: Option<String>,
    },
    /// There are data files, and none is chosen.
    #[error("none of the {files} data files is selected")]
    Nothing {
        /// How many there are.
        files: usize,
        /// One of them.
        first: String,
    },
}

impl ChoiceError {
    /// The code of this error.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchKey { .. } | Self::Nothing { .. } => codes::NOTHING_SELECTED,
            Self::Glob { .. } | Self::NotRelative { .. } | Self::Condition { .. } | Self::TooMany => {
                codes::SELECTION_INVALID
            }
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchKey { near: Some(near), .. } => Some(format!("did you mean {near:?}?")),
            Self::NoSuchKey { near: None, .. } => Some(
                "partitions are directories such as year=2024/; choose by path with --include".to_owned(),
            ),
            Self::Nothing { first, .. } => {
                Some(format!("globs match whole paths inside the dataset, such as {first}"))
            }
            Self::NotRelative { .. } => {
                Some("write it relative to the dataset, such as year=2024/**".to_owned())
            }
            Self::Condition { .. } => Some("write key=value, key=value1,value2 or key!=value".to_owned()),
            Self::Glob { .. } | Self::TooMany => None,
        }
    }
}

impl FileChoice {
    /// All data files.
    pub fn everything() -> Self {
        Self {
            text: ChoiceText::default(),
            include: GlobSet::empty(),
            exclude: GlobSet::empty(),
            conditions: Vec::new(),
            mixed_schemas: false,
        }
    }

    /// The choice that these words make.
    pub fn new(text: ChoiceText) -> Result<Self, ChoiceError> {
        if text.include.len() + text.exclude.len() + text.partitions.len() > RULES_MAX {
            return Err(ChoiceError::TooMany);
        }
        Ok(Self {
            include: globs(&text.include)?,
            exclude: globs(&text.exclude)?,
            conditions: text.partitions.iter().map(|t| condition(t)).collect::<Result<_, _>>()?,
            text,
            mixed_schemas: false,
        })
    }

    /// What was written.
    pub const fn text(&self) -> &ChoiceText {
        &self.text
    }

    /// Whether nothing was written, so that every data file is chosen.
    pub fn is_everything(&self) -> bool {
        self.text == ChoiceText::default()
    }

    /// Whether the file at a path relative to the dataset is chosen.
    pub fn takes(&self, path: &str) -> bool {
        let included = self.include.is_empty() || self.include.is_match(path);
        included && !self.exclude.is_match(path) && {
            let levels = Partitions::of([path]);
            let values = levels.values(path);
            self.conditions.iter().all(|condition| condition.holds(levels.keys(), &values))
        }
    }

    /// Refuses a choice that leaves none of these data files, or that names a partition that none of them is in.
    pub(crate) fn check<'a>(&self, paths: impl Iterator<Item = &'a str> + Clone) -> Result<(), ChoiceError> {
        for condition in &self.conditions {
            let keys: Vec<String> = paths.clone().flat_map(|p| Partitions::of([p]).keys().to_vec()).collect();
            if !keys.contains(&condition.key) {
                let near = nearest(&condition.key, keys.iter().map(String::as_str)).map(str::to_owned);
                return Err(ChoiceError::NoSuchKey { key: condition.key.clone(), near });
            }
        }
        match (paths.clone().any(|path| self.takes(path)), paths.clone().next()) {
            (false, Some(first)) => {
                Err(ChoiceError::Nothing { files: paths.count(), first: first.to_owned() })
            }
            (true, _) | (false, None) => Ok(()),
        }
    }
}

impl Condition {
    /// A file without the key has none of the values.
    fn holds(&self, keys: &[String], values: &[Option<String>]) -> bool {
        let own = keys.iter().position(|key| *key == self.key).and_then(|at| values.get(at));
        own.is_some_and(|own| self.values.contains(own)) != self.negated
    }
}

fn globs(texts: &[String]) -> Result<GlobSet, ChoiceError> {
    let bad = |glob: &str, problem: String| ChoiceError::Glob { glob: glob.to_owned(), problem };
    let mut set = GlobSetBuilder::new();
    for text in texts {
        if text.starts_with('/') || text.split('/').any(|part| matches!(part, "." | ".." | "")) {
            return Err(ChoiceError::NotRelative { glob: text.clone() });
        }
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        set.add(glob.map_err(|error| bad(text, error.kind().to_string()))?);
    }
    set.build().map_err(|error| bad("", error.to_string()))
}

/// Keys and values are percent-decoded, so that a value may hold a comma.
fn condition(text: &str) -> Result<Condition, ChoiceError> {
    let refused = || ChoiceError::Condition { condition: text.to_owned() };
    let (key, values) = text.split_once('=').ok_or_else(refused)?;
    let (key, negated) = key.strip_suffix('!').map_or((key, false), |key| (key, true));
    let decoded = |key: &str, value: &str| {
        let path = format!("{key}={value}/");
        let level = Partitions::of([path.as_str()]);
        Some((level.keys().first()?.clone(), level.values(&path).pop()?))
    };
    if key.is_empty() || text.contains('/') {
        return Err(refused());
    }
    let mut all = Vec::new();
    let mut name = String::new();
    for value in values.split(',') {
        let (key, value) = decoded(key, value).ok_or_else(refused)?;
        name = key;
        all.push(value);
    }
    Ok(Condition { key: name, values: all, negated })
}

#[cfg(test)]
mod tests {
    use super::{ChoiceError, ChoiceText, FileChoice};

    const PATHS: [&str; 6] = [
        "part-0.parquet",
        "year=2023/part-0.parquet",
        "year=2024/month=01/part-0.parquet",
        "year=2024/month=02/part 1#.parquet",
        "year=2024/month=02/é=%2C,/part-2.parquet",
        "year=__HIVE_DEFAULT_PARTITION__/part-9.parquet",
    ];

    fn text(include: &[&str], exclude: &[&str], partitions: &[&str]) -> ChoiceText {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        ChoiceText { include: owned(include), exclude: owned(exclude), partitions: owned(partitions) }
    }

    fn chosen(include: &[&str], exclude: &[&str], partitions: &[&str]) -> Vec<usize> {
        let choice = FileChoice::new(text(include, exclude, partitions)).unwrap();
        (0..PATHS.len()).filter(|at| choice.takes(PATHS[*at])).collect()
    }

    #[test]
    fn globs_match_whole_paths_and_only_two_stars_cross_directories() {
        assert_eq!(chosen(&[], &[], &[]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(chosen(&["*.parquet"], &[], &[]), [0]);
        assert_eq!(chosen(&["**/part-0.parquet"], &[], &[]), [0, 1, 2]);
        assert_eq!(chosen(&["year=2024/**"], &[], &[]), [2, 3, 4]);
        assert_eq!(chosen(&["year=2024/**", "year=2023/*"], &["**/month=02/*"], &[]), [1, 2, 4]);
        assert_eq!(chosen(&["**/part {0,1}#.parquet"], &[], &[]), [3]);
        assert_eq!(chosen(&[], &["**"], &[]), [0_usize; 0]);
    }

    #[test]
    fn conditions_are_over_the_values_of_directory_levels() {
        assert_eq!(chosen(&[], &[], &["year=2024"]), [2, 3, 4]);
        assert_eq!(chosen(&[], &[], &["year=2023,2024", "month!=02"]), [1, 2]);
        assert_eq!(chosen(&[], &[], &["year!=2024"]), [0, 1, 5]);
        assert_eq!(chosen(&[], &[], &["year=__HIVE_DEFAULT_PARTITION__"]), [5]);
        assert_eq!(chosen(&[], &[], &["é=%2C%2C"]), [4]);
        assert_eq!(chosen(&[], &[], &["%C3%A9!=%2C%2C", "month=02"]), [3]);
        assert_eq!(chosen(&[], &[], &["year=24"]), [0_usize; 0]);
    }

    #[test]
    fn what_is_no_glob_and_no_condition_is_refused() {
        let refused = |text: ChoiceText| {
            let error = FileChoice::new(text).unwrap_err();
            (error.code().id, error.to_string())
        };
        assert_eq!(
            refused(text(&["a[b"], &[], &[])).1,
            "\"a[b\" is no glob: unclosed character class; missing ']'"
        );
        for glob in ["/data/orders/*", "../x", "a//b"] {
            let message = format!("{glob:?} matches no path inside a dataset");
            assert_eq!(refused(text(&[], &[glob], &[])), ("SK0220", message));
        }
        for condition in ["year", "=2024", "!=2024", "a/b=1"] {
            assert_eq!(
                refused(text(&[], &[], &[condition])),
                ("SK0220", format!("{condition:?} is no condition"))
            );
        }
    }

    #[test]
    fn a_choice_that_leaves_nothing_is_refused_with_what_was_meant() {
        let check = |include: &[&str], partitions: &[&str]| {
            FileChoice::new(text(include, &[], partitions)).unwrap().check(PATHS.into_iter())
        };
        assert_eq!(check(&["**"], &["year=2024"]), Ok(()));
        let nothing = ChoiceError::Nothing { files: 6, first: "part-0.parquet".to_owned() };
        assert_eq!(check(&["month=01/*"], &[]), Err(nothing));
        let no_key = |key: &str, near: Option<&str>| {
            Err(ChoiceError::NoSuchKey { key: key.to_owned(), near: near.map(str::to_owned) })
        };
        assert_eq!(check(&[], &["yaer=2024"]), no_key("yaer", Some("year")));
        assert_eq!(
            check(&[], &["country!=DE"]),
            no_key("country", None),
            "also where nothing would be left out"
        );
    }
}
