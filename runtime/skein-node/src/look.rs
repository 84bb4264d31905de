//! What a run would find: whether there is anything to do, for how much, and with which plan. One dataset of many in a
//! campaign's plan; nothing is locked or written.
//!
//! A dataset that cannot be migrated is a finding, not an error: a plan of thousands has some. What failed in a way that
//! passes, or is a mistake of ours, is an error, because another look may find something else.

use skein_dataset::{Dataset, Snapshot};
use skein_sandbox::Module;
use skein_types::{Blake3, Bytes, Code, ErrorClass, Rows, Verdict, codes};

use crate::error::RunError;
use crate::planning::{self, SchemaGroup};
use crate::presented;
use crate::progress::Progress;
use crate::run::{RunRequest, Work, look_at};

/// The code with which a module says that a dataset has nothing that it is for.
pub(crate) const NOT_APPLICABLE: &str = "not-applicable";

/// What a look at one dataset found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What is to become of it.
    pub verdict: Verdict,
    /// Why not, unless it is eligible or migrated already.
    pub reason: Option<Why>,
    /// The current version; none for a dataset that no run has published to, or that could not be looked at.
    pub version: Option<u64>,
    /// What was planned; none unless it is eligible.
    pub digests: Option<PlanDigests>,
    /// Data files that would be migrated.
    pub files: usize,
    /// Their row groups.
    pub row_groups: usize,
    /// Their rows.
    pub rows: Rows,
    /// Their size.
    pub bytes: Bytes,
    /// Names of sensitive columns that no file has, so that they hide nothing.
    pub hides_nothing: Vec<String>,
}

/// Why a dataset is not migrated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The catalogue's entry.
    pub code: Code,
    /// The error, on one line.
    pub message: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// What an approval is about: a run that plans something else is not what was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanDigests {
    /// Of the distinct schemas that the files present.
    pub schema: Blake3,
    /// Of the module's plans for them.
    pub plan: Blake3,
}

impl PlanDigests {
    pub(crate) fn of(groups: &[SchemaGroup]) -> Result<Self, RunError> {
        Ok(Self { schema: presented::record(groups)?.0, plan: planning::digest(groups) })
    }
}

/// Looks at a dataset for a campaign's plan.
pub fn look(
    dataset: &Dataset,
    module: &Module,
    request: &RunRequest,
    progress: &Progress,
) -> Result<Look, RunError> {
    match look_at(dataset, module, request, progress) {
        Ok((snapshot, _, Some(work))) => Look::eligible(&snapshot, &work, &request.sensitive),
        Ok((snapshot, _, None)) => {
            Ok(Look { version: snapshot.version(), ..Look::nothing(Verdict::AlreadyMigrated, None) })
        }
        Err(error) => Look::refused(error),
    }
}

impl Look {
    fn eligible(snapshot: &Snapshot, work: &Work, sensitive: &[String]) -> Result<Self, RunError> {
        let groups = &work.plans.groups;
        let is_nowhere = |name: &&String| !groups.iter().any(|group| group.plan.has_column(name));
        Ok(Self {
            version: snapshot.version(),
            digests: Some(PlanDigests::of(groups)?),
            files: work.files.len(),
            row_groups: work.files.iter().map(|file| file.row_groups).sum(),
            rows: work.files.iter().map(|file| Rows(file.rows)).sum(),
            bytes: work.files.iter().map(|file| Bytes(file.pinned(snapshot).stat.size)).sum(),
            hides_nothing: sensitive.iter().filter(is_nowhere).cloned().collect(),
            ..Self::nothing(Verdict::Eligible, None)
        })
    }

    const fn nothing(verdict: Verdict, reason: Option<Why>) -> Self {
        Self {
            verdict,
            reason,
            version: None,
            digests: None,
            files: 0,
            row_groups: 0,
            rows: Rows(0),
            bytes: Bytes(0),
            hides_nothing: Vec::new(),
        }
    }

    fn refused(error: RunError) -> Result<Self, RunError> {
        match error.class() {
            ErrorClass::Transient | ErrorClass::Bug => return Err(error),
            ErrorClass::Fault | ErrorClass::Denied | ErrorClass::BadInput | ErrorClass::Conflict => {}
        }
        let is_for_nothing = [codes::NOTHING_SELECTED, codes::DATASET_EMPTY].contains(&error.code())
            || matches!(&error, RunError::PlanRefused { code, .. } if code == NOT_APPLICABLE);
        let verdict = if is_for_nothing { Verdict::NotApplicable } else { Verdict::Refused };
        let why = Why { code: error.code(), message: with_causes(&error), hint: error.hint_in_task() };
        Ok(Self::nothing(verdict, Some(why)))
    }
}

fn with_causes(error: &RunError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
