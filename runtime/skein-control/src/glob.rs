//! Names of datasets, exactly or as globs.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use skein_types::codes;

use crate::error::ServiceError;

/// What fits one of some patterns; all names, if there are none.
#[derive(Debug)]
pub(crate) struct Names(Option<GlobSet>);

/// One of these. `*` does not cross a `/`, `**` does.
pub(crate) fn any_of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Names, ServiceError> {
    let (mut set, mut some) = (GlobSetBuilder::new(), false);
    let bad = |error: globset::Error| {
        ServiceError::new(codes::BODY_INVALID, format!("a name to select by: {error}"))
    };
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(bad)?);
        some = true;
    }
    Ok(Names(if some { Some(set.build().map_err(bad)?) } else { None }))
}

impl Names {
    /// Whether a name does.
    pub(crate) fn fits(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|set| set.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    use super::any_of;

    #[test]
    fn nothing_said_is_all_and_a_star_stays_in_its_part() {
        assert!(any_of([]).unwrap().fits("any/name"));
        let some = any_of(["sales/*", "orders"]).unwrap();
        for (name, fits) in
            [("sales/eu", true), ("sales/eu/north", false), ("orders", true), ("orders2", false)]
        {
            assert_eq!(some.fits(name), fits, "{name}");
        }
        assert!(any_of(["a[", "b"]).is_err());
    }
}
