//! Where a team's data may be.
//!
//! A path is a claim on somebody's data: who registers `/data/pay/cards` as a dataset of another team has it migrated, shown
//! and rolled back in that team's name. So an operator of a team registers only below the directories that the server's
//! settings give to that team; who may register for all teams is not bound by them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use skein_types::codes;

use crate::access::{Act, Principal};
use crate::control::Control;
use crate::error::ServiceError;

/// Directories by team.
pub type Roots = BTreeMap<String, Vec<PathBuf>>;

impl Control {
    /// Where a path leads that the team may have; refused before anything is looked at there. Whether there is something elsewhere
    /// is not told: a path that leads away from the team's directories is refused alike.
    pub(crate) fn place_of(&self, who: &Principal, owner: &str, said: &str) -> Result<PathBuf, ServiceError> {
        who.check(Act::Register, Some(owner), ("team", owner))?;
        if !said.starts_with('/') {
            let message = format!("{said} is no absolute path");
            return Err(ServiceError::new(codes::BODY_INVALID, message));
        }
        if who.may(Act::Register, None) {
            return Ok(PathBuf::from(said));
        }
        inside(self.roots.get(owner), Path::new(said)).ok_or_else(|| of_others(owner, said))
    }

    /// Refuses a place that the team may not have, once it is known where it is: it may be another one by now.
    pub(crate) fn may_be_of(&self, who: &Principal, owner: &str, path: &Path) -> Result<(), ServiceError> {
        who.check(Act::Register, Some(owner), ("team", owner))?;
        if who.may(Act::Register, None) || below_any(self.roots.get(owner), path) {
            return Ok(());
        }
        Err(of_others(owner, &path.display().to_string()))
    }
}

fn of_others(owner: &str, path: &str) -> ServiceError {
    ServiceError::new(codes::PLACE_OF_OTHERS, format!("{path} is not below a directory of team {owner}"))
        .hint(Some("an admin gives a team its directories in the server's settings: [roots] in skein.toml"))
}

/// Where a path leads, if that is below one of these as it is written and as it is. One that leads nowhere is itself, unless there is
/// a link on its way: where that leads is not told.
fn inside(roots: Option<&Vec<PathBuf>>, said: &Path) -> Option<PathBuf> {
    for root in roots.into_iter().flatten() {
        let Ok(real) = std::fs::canonicalize(root) else { continue };
        let Ok(rest) = said.strip_prefix(root).or_else(|_| said.strip_prefix(&real)) else { continue };
        if !rest.components().all(|part| matches!(part, Component::Normal(_))) {
            continue;
        }
        let path = real.join(rest);
        match std::fs::canonicalize(&path) {
            Ok(path) if below_any(roots, &path) => return Some(path),
            Err(_) if !is_on_a_link(&real, rest) => return Some(path),
            Ok(_) | Err(_) => {}
        }
    }
    None
}

/// Whether a part of a path below a directory is a link.
fn is_on_a_link(root: &Path, rest: &Path) -> bool {
    let mut at = root.to_owned();
    rest.components().any(|part| {
        at.push(part);
        std::fs::symlink_metadata(&at).is_ok_and(|found| found.is_symlink())
    })
}

/// A root that is a link is the place that it leads to; one that is not there is no place.
fn below_any(roots: Option<&Vec<PathBuf>>, path: &Path) -> bool {
    let real = |root: &PathBuf| std::fs::canonicalize(root).ok();
    roots.into_iter().flatten().filter_map(real).any(|root| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::{below_any, inside};

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

    #[test]
    fn what_lies_elsewhere_is_not_told_apart_from_what_is_not_there() {
        let place = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(place.path()).unwrap();
        for made in ["pay/cards", "other/cards"] {
            std::fs::create_dir_all(real.join(made)).unwrap();
        }
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(real.join(to), real.join(at)).unwrap();
        link("pay", "root");
        link("other", "pay/away");
        link("gone", "pay/dangling");
        link("pay/cards", "pay/own");
        let roots = vec![real.join("root")];
        let inside = |said: &str| inside(Some(&roots), &real.join(said));
        for (said, leads) in [
            ("root/cards", Some("pay/cards")),
            ("pay/cards", Some("pay/cards")),
            ("root/own", Some("pay/cards")),
            ("root/none/at/all", Some("pay/none/at/all")),
            ("other/cards", None),
            ("other/none", None),
            ("root/../other/cards", None),
            ("root/../other/none", None),
            ("root/away/cards", None),
            ("root/away/none", None),
            ("root/dangling", None),
            ("root/dangling/more", None),
        ] {
            assert_eq!(inside(said), leads.map(|leads| real.join(leads)), "{said}");
        }
        assert_eq!(super::inside(None, &real.join("pay/cards")), None);
    }
}
