//! Names of datasets, exactly or as globs.
//!
//! Names are anybody's to send and are looked through with what decides locked: exact ones are looked up in a set, and globs, of which
//! there are few, are matched one after the other by machines that stay small whatever they say.

use std::collections::BTreeSet;

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder};
use skein_types::codes;

use crate::error::ServiceError;

/// Globs of one selection, and their bytes together.
pub const GLOBS_MAX: usize = 64;
/// See [`GLOBS_MAX`].
pub const GLOB_BYTES_MAX: usize = 4_096;
/// Of one glob, made into a machine, and of what it remembers while it runs.
const MACHINE_BYTES_MAX: usize = 1 << 20;
const MEMORY_BYTES_MAX: usize = 64 << 10;

/// What fits one of some patterns; all names, if there are none.
#[derive(Debug)]
pub(crate) struct Names {
    all: bool,
    exact: BTreeSet<String>,
    globs: Vec<Regex>,
}

/// One of these. `*` does not cross a `/`, `**` does.
pub(crate) fn any_of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Names, ServiceError> {
    let mut names = Names { all: true, exact: BTreeSet::new(), globs: Vec::new() };
    let mut bytes = 0;
    for pattern in patterns {
        names.all = false;
        if is_glob(pattern) {
            bytes += pattern.len();
            if names.globs.len() == GLOBS_MAX || bytes > GLOB_BYTES_MAX {
                let message = format!("more than {GLOBS_MAX} globs, or than {GLOB_BYTES_MAX} bytes of them");
                return Err(ServiceError::new(codes::BODY_INVALID, message)
                    .hint(Some("name the datasets, or select by labels or with a manifest")));
            }
            names.globs.push(machine(pattern)?);
        } else {
            names.exact.insert(pattern.to_owned());
        }
    }
    Ok(names)
}

/// Whether it may mean more than itself.
fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

fn machine(pattern: &str) -> Result<Regex, ServiceError> {
    let bad = |error: &dyn std::error::Error| {
        ServiceError::new(codes::BODY_INVALID, format!("a name to select by: {error}"))
    };
    let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(|error| bad(&error))?;
    RegexBuilder::new(glob.regex())
        .dot_matches_new_line(true)
        .size_limit(MACHINE_BYTES_MAX)
        .dfa_size_limit(MEMORY_BYTES_MAX)
        .build()
        .map_err(|error| bad(&error))
}

impl Names {
    /// Whether a name does.
    pub(crate) fn fits(&self, name: &str) -> bool {
        self.all || self.exact.contains(name) || self.globs.iter().any(|glob| glob.is_match(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::{GLOB_BYTES_MAX, GLOBS_MAX, any_of};

    #[test]
    fn nothing_said_is_all_and_a_star_stays_in_its_part() {
        assert!(any_of([]).unwrap().fits("any/name"));
        let some = any_of(["sales/*", "orders", "**/eu", "u[0-3]?", "{a,b}c"]).unwrap();
        for (name, fits) in [
            ("sales/eu", true),
            ("sales/eu/north", false),
            ("orders", true),
            ("orders2", false),
            ("a/b/eu", true),
            ("u2x", true),
            ("u4x", false),
            ("bc", true),
            ("öc", false),
        ] {
            assert_eq!(some.fits(name), fits, "{name}");
        }
        assert!(any_of(["a[", "b"]).is_err());
    }

    #[test]
    fn names_are_many_and_globs_few_and_short() {
        let names: Vec<String> = (0..10_000).map(|n| format!("orders-{n}")).collect();
        assert!(any_of(names.iter().map(String::as_str)).unwrap().fits("orders-9999"));
        assert!(any_of(vec!["a*"; GLOBS_MAX]).is_ok());
        let refused = |patterns: Vec<&str>| any_of(patterns).unwrap_err().message;
        let said = "more than 64 globs, or than 4096 bytes of them";
        assert_eq!(refused(vec!["a*"; GLOBS_MAX + 1]), said);
        let long = "?".repeat(200);
        assert_eq!(refused(vec![&long; GLOB_BYTES_MAX / 200 + 1]), said);
    }
}
