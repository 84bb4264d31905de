//! Where a team's data may be.
//!
//! A path is a claim on somebody's data: who registers `/data/pay/cards` as a dataset of another team has it migrated, shown
//! and rolled back in that team's name. So an operator of a team registers only below the directories that the server's
//! settings give to that team; who may register for all teams is not bound by them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use skein_types::codes;

use crate::access::{Act, Principal};
use crate::control::Control;
use crate::error::ServiceError;

/// Directories by team.
pub type Roots = BTreeMap<String, Vec<PathBuf>>;

impl Control {
    /// Refuses a place that the team may not have. `path` has no links in it.
    pub(crate) fn may_be_of(&self, who: &Principal, owner: &str, path: &Path) -> Result<(), ServiceError> {
        who.check(Act::Register, Some(owner), ("team", owner))?;
        if who.may(Act::Register, None) || below_any(self.roots.get(owner), path) {
            return Ok(());
        }
        let message = format!("{} is not below a directory of team {owner}", path.display());
        Err(ServiceError::new(codes::PLACE_OF_OTHERS, message).hint(Some(
            "an admin gives a team its directories in the server's settings: [roots] in skein.toml",
        )))
    }
}

/// A root that is a link is the place that it leads to; one that is not there is no place.
fn below_any(roots: Option<&Vec<PathBuf>>, path: &Path) -> bool {
    let real = |root: &PathBuf| std::fs::canonicalize(root).ok();
    roots.into_iter().flatten().filter_map(real).any(|root| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::below_any;

    #[test]
    fn a_place_is_below_a_root_by_whole_names_and_behind_links() {
        let place = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(place.path()).unwrap();
        std::fs::create_dir(real.join("pay")).unwrap();
        std::os::unix::fs::symlink(real.join("pay"), real.join("link")).unwrap();
        let of = |root: &str| vec![real.join(root)];
        assert!(below_any(Some(&of("pay")), &real.join("pay/cards")));
        assert!(below_any(Some(&of("link")), &real.join("pay/cards")));
        assert!(!below_any(Some(&of("pay")), &real.join("payments/cards")));
        assert!(!below_any(Some(&of("gone")), &real.join("gone/cards")));
        assert!(!below_any(None, &real.join("pay/cards")));
    }
}
