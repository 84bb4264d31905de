//! What there is to know about a place before a run is tried there: every rule, every number, every trouble, not only the
//! first.
//!
//! It takes no lock and changes nothing but for the probe, which makes a directory beside the dataset and removes it. So
//! a run that is at work may show through half way, and what is said holds for the moment only.

mod contents;
mod mount;
mod state;

use rustix::fs::StatVfsMountFlags;
use rustix::process::getpid;
use skein_types::{Bytes, Code, codes};

use crate::dataset::Dataset;
use crate::fault::{During as _, IoFault};
use crate::listing::Listing;
use crate::place::filesystem::Verdict;
use crate::place::{Kind, Place, PlaceError, probe};
use crate::staging::{StageError, may_change, needed};

/// Entries of one kind that are named one by one; more are counted.
const NAMED: usize = 10;

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Ok,
    /// A run would work, and somebody should know.
    Warning,
    /// A run would be refused.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// How it stands.
    pub grade: Grade,
    /// What was found, on one line.
    pub text: String,
    /// The code that a run would be refused with.
    pub code: Option<Code>,
    /// What a person can do.
    pub hint: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, grade: Grade::Ok, text: text.into(), code: None, hint: None }
    }

    /// To be known.
    pub fn warning(check: &'static str, text: impl Into<String>, hint: Option<&str>) -> Self {
        Self { check, grade: Grade::Warning, text: text.into(), code: None, hint: hint.map(str::to_owned) }
    }

    /// In the way of a run.
    pub fn problem(check: &'static str, code: Code, text: impl Into<String>, hint: Option<&str>) -> Self {
        let (text, hint) = (text.into(), hint.map(str::to_owned));
        Self { check, grade: Grade::Problem, text, code: Some(code), hint }
    }

    /// A place that is refused.
    pub fn of_place(error: &PlaceError) -> Self {
        Self::problem("place", error.code(), with_cause(error), error.hint())
    }
}

/// The message and its cause, where that is not part of it.
pub(crate) fn with_cause(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(ToString::to_string).filter(|cause| !error.to_string().contains(cause));
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Looks at everything.
pub fn examine(dataset: &Dataset) -> Vec<Finding> {
    let place = &dataset.place;
    let mut findings = vec![named(place), device(place), filesystem(place), probed(place)];
    findings.push(permission(dataset));
    if let Some(listing) = contents::listed(place, &mut findings) {
        findings.push(space(place, &listing));
        contents::files(place, &listing, &mut findings);
    }
    state::look(dataset, &mut findings);
    findings
}

fn named(place: &Place) -> Finding {
    let kind = match place.kind {
        Kind::Directory => "a directory",
        Kind::File => "one file",
    };
    Finding::ok("place", format!("{}, {kind}", place.path().display()))
}

fn device(place: &Place) -> Finding {
    let (major, minor) = (rustix::fs::major(place.dev), rustix::fs::minor(place.dev));
    let mount = mount::of(&place.parent).unwrap_or_else(|| "mount not known".to_owned());
    Finding::ok("device", format!("{major}:{minor}, {mount}"))
}

fn filesystem(place: &Place) -> Finding {
    const CHECK: &str = "file system";
    match place.filesystem() {
        Err(fault) => Finding::problem(CHECK, fault.code(), with_cause(&fault), None),
        Ok(found) => match found.verdict() {
            Verdict::Tested => Finding::ok(CHECK, format!("{found}, which Skein is tested on")),
            Verdict::Probe => Finding::ok(CHECK, format!("{found}, not tested: the probe decides")),
            // Such a place cannot be located.
            Verdict::Refused(problem) => {
                Finding::problem(CHECK, codes::FILESYSTEM_UNSUPPORTED, format!("{found} {problem}"), None)
            }
        },
    }
}

/// The one check that writes.
fn probed(place: &Place) -> Finding {
    const CHECK: &str = "probe";
    let name = format!(".skein-probe-{}", getpid().as_raw_nonzero());
    match probe::try_below(&place.parent, &name) {
        Ok(None) => Finding::ok(
            CHECK,
            format!("{}: all work; tried in {name} beside the dataset, which is gone", probe::TRIED),
        ),
        Ok(Some(problem)) => {
            let refused = PlaceError::FileSystem { filesystem: "here".to_owned(), problem };
            Finding::problem(CHECK, refused.code(), refused.to_string(), refused.hint())
        }
        Err(fault) => Finding::problem(
            CHECK,
            fault.code(),
            format!("not tried: {}", with_cause(&fault)),
            Some("Skein writes beside the dataset: run as a user who may"),
        ),
    }
}

fn permission(dataset: &Dataset) -> Finding {
    const CHECK: &str = "permissions";
    match may_change(dataset) {
        Ok(()) => Finding::ok(CHECK, "this user may write the dataset and its parent"),
        Err(error) => {
            let hint = "old and new are exchanged by name: run as a user who may write both";
            Finding::problem(CHECK, error.code(), with_cause(&error), Some(hint))
        }
    }
}

fn space(place: &Place, listing: &Listing) -> Finding {
    const CHECK: &str = "space";
    let (needed, room) = (Bytes(needed(listing.bytes())), free(place));
    match room {
        Ok((free, false)) if free >= needed => {
            Finding::ok(CHECK, format!("{free} free, {needed} needed for a second copy and a fifth"))
        }
        Ok((_, true)) => Finding::problem(CHECK, codes::READ_ONLY, "mounted read-only", None),
        Ok((free, false)) => {
            let error = StageError::NoSpace { needed, free };
            let hint = "free space, give old versions up, or narrow the run with --where";
            Finding::problem(CHECK, error.code(), error.to_string(), Some(hint))
        }
        Err(fault) => Finding::problem(CHECK, fault.code(), with_cause(&fault), None),
    }
}

/// Bytes for this user, and whether nothing may be written.
fn free(place: &Place) -> Result<(Bytes, bool), IoFault> {
    let shown = || place.path().display().to_string();
    let statvfs = rustix::fs::fstatvfs(&place.parent).during("ask the file system of", shown())?;
    let free = Bytes(statvfs.f_bavail.saturating_mul(statvfs.f_frsize));
    Ok((free, statvfs.f_flag.contains(StatVfsMountFlags::RDONLY)))
}

/// Adds the first findings of one kind and says how many more there are.
fn push_some(findings: &mut Vec<Finding>, some: Vec<Finding>, more: impl Fn(usize) -> Finding) {
    let rest = some.len().saturating_sub(NAMED);
    findings.extend(some.into_iter().take(NAMED));
    if rest > 0 {
        findings.push(more(rest));
    }
}
