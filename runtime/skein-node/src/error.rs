//! Everything that can end a run.

use arrow_schema::ArrowError;
use skein_dataset::parquet::FileError;
use skein_dataset::{
    Conflict, IoFault, OutputError, PlaceError, PublishError, Refusal, SnapshotError, StageError, StateError,
};
use skein_sandbox::{GuestError, SchemaError};
use skein_types::{Code, ErrorClass, ModuleDigest, ParamsDigest, PlanError, RuleResult, UnifyError, codes};

use crate::choice::ChoiceError;
use crate::params::ParamsError;
use crate::preserved::PreservedChanged;
use crate::quarantine::RejectNote;

/// Why a run ended without a result. Unless it is [`RunError::Unknown`], the dataset is as it was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum RunError {
    #[error("cancelled")]
    Cancelled,
    #[error("asked to stop, and stopped behind a checkpoint")]
    Evicted,
    #[error(transparent)]
    Params(#[from] ParamsError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Io(#[from] IoFault),
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error("{file} is not selected and would keep another schema: {difference}")]
    LeftDiffers { file: String, difference: String },
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("too much for one dataset: {0}")]
    Varied(#[from] UnifyError),
    #[error("migration {name:?} was applied before with module {module} and parameters {params}")]
    AppliedDifferently { name: String, module: ModuleDigest, params: ParamsDigest },
    #[error("{name:?} remembers rows, and {done} files have been through it without the other {todo}")]
    StateLost { name: String, todo: usize, done: usize },
    #[error("{name:?} remembers rows, so files and row groups cannot be given another size")]
    ResizeWithState { name: String },
    #[error("the module describes itself in a way that cannot be used: {problem}")]
    Manifest { problem: String },
    #[error("the module refuses {file}: {code}: {message}")]
    PlanRefused { file: String, code: String, message: String, column: Option<String> },
    #[error("the module refuses the parameters: {message}")]
    ParamsRefused { message: String, column: Option<String> },
    #[error("the plan for {file} cannot be used: {source}")]
    Plan { file: String, source: PlanError },
    #[error("the target schema for {file} cannot be used: {source}")]
    Target { file: String, source: SchemaError },
    #[error("the files lead to different targets: {difference}")]
    GroupsDiffer { difference: String, groups: Vec<GroupLine>, among: Groups },
    #[error("{place}: {source}")]
    Guest { place: String, source: GuestError },
    #[error("{place}: {source}")]
    Preserved { place: String, source: PreservedChanged },
    #[error("{file}: rows do not add up: {what}")]
    Counts { file: String, what: String },
    #[error("{file}, read again before it is published: {what}")]
    ReadBack { file: String, what: String },
    #[error(
        "{file}, read again before it is published: the bytes of column {column:?} are not those of its source"
    )]
    CopyDiffers { file: String, column: String },
    #[error("more than {limit} rejected rows; {first}")]
    TooManyRejects { limit: u64, first: RejectNote },
    #[error("no row of {read} is left: {}", gone(*.read, *.rejected, .first))]
    NothingLeft { read: u64, rejected: u64, first: Option<RejectNote> },
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    RuleBroken(Vec<RuleResult>),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    RulesHold(Vec<RuleResult>),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("not published: {}", conflict(.reason))]
    Conflict { reason: Conflict },
    #[error("not published: {0}")]
    Refused(Refusal),
    #[error("it is not known whether the result was published: {cause}")]
    Unknown { cause: String },
    #[error("a mistake in Skein: {0}")]
    Bug(String),
}

impl RunError {
    pub(crate) fn bug(what: impl Into<String>) -> Self {
        Self::Bug(what.into())
    }

    #[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
    pub(crate) fn arrow(error: ArrowError) -> Self {
        Self::Bug(error.to_string())
    }

    pub(crate) fn guest(file: &str, row_group: usize, source: GuestError) -> Self {
        Self::Guest { place: format!("{file}, row group {row_group}"), source }
    }

    pub(crate) fn preserved(file: &str, row_group: usize, source: PreservedChanged) -> Self {
        Self::Preserved { place: format!("{file}, row group {row_group}"), source }
    }

    /// What was asked to stop says so in the terms of what it was doing; the user did not ask for that.
    pub(crate) fn if_asked_to_stop(self) -> Self {
        let of_files = matches!(
            self,
            Self::Snapshot(_) | Self::Stage(_) | Self::Publish(_) | Self::Output(_) | Self::Io(_)
        );
        if of_files && self.code() == codes::CANCELLED { Self::Cancelled } else { self }
    }

    /// The catalogue's entry.
    pub fn code(&self) -> Code {
        match self {
            Self::Cancelled | Self::Evicted => codes::CANCELLED,
            Self::Params(e) => e.code(),
            Self::Place(e) => e.code(),
            Self::State(e) => e.code(),
            Self::Snapshot(e) => e.code(),
            Self::File(e) => e.code(),
            Self::Stage(e) => e.code(),
            Self::Io(e) => e.code(),
            Self::Choice(e) => e.code(),
            Self::LeftDiffers { .. } => codes::PLAN_GROUPS_DIFFER,
            Self::Output(e) => e.code(),
            Self::Varied(_) => codes::FILE_TOO_MANY_ROW_GROUPS,
            Self::AppliedDifferently { .. } => codes::ALREADY_OTHER_DIGEST,
            Self::StateLost { .. } => codes::STATE_LOST,
            Self::ResizeWithState { .. } => codes::USAGE,
            Self::Manifest { .. } => codes::BAD_MANIFEST,
            Self::PlanRefused { code, .. } if code == PARTITION_COLUMN => codes::PLAN_PARTITION,
            Self::PlanRefused { .. } => codes::PLAN_REFUSED,
            Self::ParamsRefused { .. } => codes::PARAMS_INVALID,
            Self::Plan { source, .. } => source.code(),
            Self::Target { source, .. } => source.code(),
            Self::GroupsDiffer { .. } => codes::PLAN_GROUPS_DIFFER,
            Self::Guest { source, .. } => source.code(),
            Self::Preserved { source: PreservedChanged::Rows { .. }, .. } => codes::GUEST_PRESERVED_CHANGED,
            Self::Preserved { .. } => codes::PRESERVED_SET_CHANGED,
            Self::Counts { .. } => codes::COUNTS_DIFFER,
            Self::ReadBack { .. } => codes::READBACK_DIFFERS,
            Self::CopyDiffers { .. } => codes::READBACK_COPY_DIFFERS,
            Self::TooManyRejects { .. } => codes::GUEST_REJECTS,
            Self::NothingLeft { .. } => codes::NOTHING_LEFT,
            Self::RuleBroken(_) => codes::RULE_BROKEN,
            Self::RulesHold(_) => codes::RULES_HOLD,
            Self::Publish(e) => e.code(),
            Self::Conflict { .. } => codes::DATASET_DRIFT,
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown { .. } => codes::OUTCOME_UNKNOWN,
            Self::Bug(_) => codes::BUG,
        }
    }

    /// Blame and retry.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What the user can do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Params(e) => e.hint(),
            Self::Place(e) => e.hint().map(str::to_owned),
            Self::State(e) => e.hint().map(str::to_owned),
            Self::File(e) => e.hint().map(str::to_owned),
            Self::Guest { source: GuestError::Rejects { .. }, .. } => Some(REJECTS_HINT.to_owned()),
            Self::Guest { source, .. } => source.hint().map(str::to_owned),
            Self::Choice(e) => e.hint(),
            Self::LeftDiffers { .. } => Some(
                "select all files, or give --mixed-schemas if readers of the dataset cope with both"
                    .to_owned(),
            ),
            Self::Output(e) => e.hint().map(str::to_owned),
            Self::Varied(_) => Some(
                "select fewer files at a time with --include and --mixed-schemas, or give them the same columns first".to_owned(),
            ),
            Self::AppliedDifferently { .. } => Some(APPLIED_HINT.to_owned()),
            Self::StateLost { .. } => {
                Some("roll back to the version before it and run it over all files at once".to_owned())
            }
            Self::ResizeWithState { .. } => {
                Some("run the module first, then `skein run columns` with --file-size".to_owned())
            }
            Self::PlanRefused { code, .. } if code == PARTITION_COLUMN => Some(PARTITION_HINT.to_owned()),
            Self::PlanRefused { column: Some(column), .. }
            | Self::ParamsRefused { column: Some(column), .. } => {
                Some(format!("it is about column {column:?}"))
            }
            Self::Plan { source: PlanError::PartitionChanged { .. }, .. } => Some(PARTITION_HINT.to_owned()),
            Self::GroupsDiffer { groups, among, .. } => Some(groups_hint(groups, *among)),
            Self::TooManyRejects { .. } => Some(REJECTS_HINT.to_owned()),
            Self::NothingLeft { .. } => Some(
                "`--dry-run` shows what becomes of rows; if a dataset without rows is what you want, say \
                 --allow-empty"
                    .to_owned(),
            ),
            Self::RuleBroken(_) => Some("look at the rows that break it; nothing was published".to_owned()),
            Self::RulesHold(_) => Some(
                "mend the data, the module or the rule; with `--publish hold` the result is kept for somebody to look at"
                    .to_owned(),
            ),
            Self::Refused(refusal) => Some(refusal.hint().to_owned()),
            Self::Unknown { .. } => {
                Some("run `skein recover` on the dataset: it finishes or undoes it".to_owned())
            }
            Self::Conflict { .. } => {
                Some("run it again: it will start from the dataset as it is now".to_owned())
            }
            Self::Publish(e) => e.hint().map(str::to_owned),
            Self::Snapshot(e) => e.hint().map(str::to_owned),
            Self::Stage(e) => e.hint().map(str::to_owned),
            Self::Io(e) => e.hint().map(str::to_owned),
            Self::Cancelled
            | Self::Evicted
            | Self::Manifest { .. }
            | Self::PlanRefused { column: None, .. }
            | Self::ParamsRefused { column: None, .. }
            | Self::Plan { .. }
            | Self::Target { .. }
            | Self::Preserved { .. }
            | Self::Counts { .. }
            | Self::Bug(_) => None,
            Self::ReadBack { .. } | Self::CopyDiffers { .. } => Some(
                "the dataset is as it was; if it happens again, look at the disk and the memory of the machine"
                    .to_owned(),
            ),
        }
    }
}

impl RunError {
    /// The like, of a task of a server: a campaign has other options than `skein run`, and most of its limits nothing raises.
    pub fn hint_in_task(&self) -> Option<String> {
        let of_guest = |is: fn(&GuestError) -> bool| matches!(self, Self::Guest { source, .. } if is(source));
        let rejects = of_guest(|source| matches!(source, GuestError::Rejects { .. }));
        let own = [
            (
                of_guest(|source| matches!(source, GuestError::Fuel { .. })),
                "look for a loop that does not end; `skein attempt replay` repeats it where you are",
            ),
            (
                of_guest(|source| matches!(source, GuestError::Memory { .. })),
                "keep less between batches; a policy can lower this limit (`limits.memory`), and nothing raises it",
            ),
            (
                rejects || matches!(self, Self::TooManyRejects { .. }),
                "`skein attempt rejects` shows which rows and why; if they are rightly rejected, a policy can raise \
                 `limits.rejects`",
            ),
            (
                matches!(self, Self::LeftDiffers { .. } | Self::Varied(_)),
                "give its files the same columns first",
            ),
            (
                matches!(self, Self::AppliedDifferently { .. }),
                "corrected? roll the dataset back, then run again; --again applies it on top of what was done; another \
                 migration gets another name with --migration",
            ),
            (
                matches!(self, Self::NothingLeft { .. }),
                "if a dataset without rows is what you want, say `allow_empty = true` in the policy",
            ),
        ];
        let own = own.iter().find(|(is_it, _)| *is_it).map(|(_, hint)| (*hint).to_owned());
        own.or_else(|| self.hint())
    }
}

const APPLIED_HINT: &str = "corrected? `skein rollback DATASET`, then run again; --again applies it on top of what was done; another \
     migration gets another --name";
const REJECTS_HINT: &str =
    "`--dry-run` shows which rows and why; if they are rightly rejected, raise --max-rejects";

/// Why no row is left.
fn gone(read: u64, rejected: u64, first: &Option<RejectNote>) -> String {
    let filtered = match read.saturating_sub(rejected) {
        0 => String::new(),
        filtered if rejected == 0 => return format!("the module let all {filtered} go"),
        filtered => format!(", the module let the other {filtered} go"),
    };
    let first = first.as_ref().map_or_else(String::new, |first| format!("; the first: {first}"));
    format!("{rejected} are rejected{filtered}{first}")
}

/// The code with which a module refuses to change a partition column: the SDK gives it.
const PARTITION_COLUMN: &str = "partition-column";
const PARTITION_HINT: &str =
    "carry it under its own name, as plans do by themselves; a column computed from it may have another";

/// Files that lead to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLine {
    /// How many.
    pub files: usize,
    /// One of them.
    pub first: String,
    /// First difference from the target of the first group; `None` for that group and those that agree with it.
    pub differs: Option<String>,
}

/// Where groups of files meet that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// All are to be migrated.
    Planned,
    /// The last has been through the migration.
    Joins {
        /// Whether the log knows with which schemas.
        recorded: bool,
    },
}

/// More groups than a reader would look at are counted.
const GROUPS_SHOWN: usize = 10;

fn groups_hint(groups: &[GroupLine], among: Groups) -> String {
    let mut lines: Vec<String> = groups.iter().take(GROUPS_SHOWN).map(group_line).collect();
    if groups.len() > GROUPS_SHOWN {
        lines.push(format!("{} more groups", groups.len() - GROUPS_SHOWN));
    }
    let advice = match among {
        Groups::Planned => "make their types meet, for instance with a cast for each column that differs",
        Groups::Joins { recorded: true } => {
            "the last has been through the migration and joins as it is only if it has exactly the new target: \
             roll back with --later-writes keep, put back what that set aside, and migrate all files at once"
        }
        Groups::Joins { recorded: false } => {
            "the last has been through the migration and joins as it is only if it has exactly the new target, and \
             the log is of a version that did not record with which columns it was planned: give the new files the \
             columns that they lack, or roll back with --later-writes keep, put back what that set aside, and \
             migrate all files at once"
        }
    };
    lines.push(advice.to_owned());
    lines.join("; ")
}

fn group_line(group: &GroupLine) -> String {
    let GroupLine { files, first, differs } = group;
    let files = match files {
        1 => format!("1 file: {first}"),
        more => format!("{more} files such as {first}"),
    };
    differs.as_ref().map_or_else(|| files.clone(), |differs| format!("{files} ({differs})"))
}

fn conflict(reason: &Conflict) -> String {
    match reason {
        Conflict::HeadMoved => "another version was published meanwhile".to_owned(),
        Conflict::NotPublished => "the log does not hold it".to_owned(),
        Conflict::Drift { changes } => {
            let shown: Vec<String> = changes.iter().take(3).map(ToString::to_string).collect();
            let more = changes.len().saturating_sub(shown.len());
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("others changed the dataset: {}{tail}", shown.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use skein_sandbox::GuestError;
    use skein_types::{Bytes, Fuel};

    use super::RunError;

    #[test]
    fn a_task_of_a_campaign_is_advised_no_option_that_campaigns_lack() {
        let guest = |source| RunError::Guest { place: "a, row group 0".to_owned(), source };
        let memory = GuestError::Memory { call: "process", wanted: Bytes::mib(65), limit: Bytes::mib(64) };
        let errors = [
            guest(GuestError::Fuel { call: "process", limit: Fuel(1), scope: "call" }),
            guest(memory),
            RunError::NothingLeft { read: 1, rejected: 1, first: None },
        ];
        for error in errors {
            assert!(error.hint().unwrap().contains("--"), "{error}");
            let hint = error.hint_in_task().unwrap();
            assert!(!hint.contains("--"), "{hint}");
        }
    }
}
