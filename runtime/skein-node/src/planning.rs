//! From schemas to plans: the module plans once per distinct schema that files present, and all plans must meet in one
//! target.

use arrow_schema::{Schema, SchemaRef};
use skein_sandbox::{Applied, Limits, Module, PlanCallError, Source};
use skein_types::{Blake3, ColumnTree, PlanError, ProposedPlan, SchemaPlan, schema_difference};

use crate::error::{GroupLine, Groups, RunError};
use crate::inputs::InputFile;
use crate::journal::At;
use crate::params::Params;
use crate::presented::Recorded;
use crate::progress::Progress;

/// The code with which a module refuses its parameters and not the schema: the SDK gives it too.
const BAD_PARAMS: &str = "bad-params";

/// The plan for all files that present one schema.
#[derive(Debug)]
pub struct SchemaGroup {
    /// As the guest answered it; it gets it back when a task opens.
    pub proposed: ProposedPlan,
    /// Checked.
    pub plan: SchemaPlan,
    /// Paths of the files, in byte order.
    pub files: Vec<String>,
}

/// Plans of a run.
#[derive(Debug)]
pub(crate) struct Plans {
    pub(crate) groups: Vec<SchemaGroup>,
    /// For each input file, its group.
    pub(crate) group_of: Vec<usize>,
}

/// What the module is asked with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planner<'a> {
    pub(crate) module: &'a Module,
    pub(crate) params: &'a Params,
    pub(crate) applied: &'a [Applied],
    pub(crate) limits: &'a Limits,
    pub(crate) progress: &'a Progress,
    /// Columns whose values are shown to nobody.
    pub(crate) sensitive: &'a [String],
}

impl Planner<'_> {
    /// Plans for all files.
    pub(crate) fn plan(&self, files: &[InputFile]) -> Result<Plans, RunError> {
        let mut plans = Plans { groups: Vec::new(), group_of: Vec::with_capacity(files.len()) };
        self.extend(&mut plans, files)?;
        Ok(plans)
    }

    /// Adds files that came later to the plans: those of a known schema under its plan, others under one of their own
    /// with the same target.
    pub(crate) fn extend(&self, plans: &mut Plans, files: &[InputFile]) -> Result<(), RunError> {
        for file in files {
            let known = plans.groups.iter().position(|g| g.plan.source() == &file.view.schema);
            let group = match known {
                Some(group) => group,
                None if self.progress.is_cancelled() => return Err(RunError::Cancelled),
                None => {
                    plans.groups.push(self.group(&file.view.schema, &file.path)?);
                    plans.groups.len() - 1
                }
            };
            plans.groups[group].files.push(file.path.clone());
            plans.group_of.push(group);
        }
        one_target(&plans.groups)
    }

    fn group(&self, view: &SchemaRef, path: &str) -> Result<SchemaGroup, RunError> {
        // Files within the limits may be beyond them together.
        ColumnTree::new(view)
            .map_err(|source| RunError::Plan { file: path.to_owned(), source: PlanError::Source(source) })?;
        let proposed = self.ask(view, path)?;
        let plan = SchemaPlan::check(SchemaRef::clone(view), &proposed)
            .map_err(|source| RunError::Plan { file: path.to_owned(), source })?;
        let plan = plan.with_sensitive(self.sensitive);
        Ok(SchemaGroup { proposed, plan, files: Vec::new() })
    }

    fn ask(&self, view: &SchemaRef, path: &str) -> Result<ProposedPlan, RunError> {
        let (config, mask) = (self.params.guest_config(), self.params.mask());
        let (proposed, log) = self.module.plan_and_log(&self.source(view), config, self.limits);
        let at = At { file: path.to_owned(), row_group: None };
        self.progress.journal().module_said(&at, &log, &mask);
        proposed.map_err(|error| match error {
            PlanCallError::Refused { code, message, column } if code == BAD_PARAMS => {
                let message = mask.words(message);
                RunError::ParamsRefused { message, column: column.map(|id| column_name(view, id)) }
            }
            PlanCallError::Refused { code, message, column } => RunError::PlanRefused {
                file: path.to_owned(),
                code: mask.words(code),
                message: mask.words(message),
                column: column.map(|id| column_name(view, id)),
            },
            PlanCallError::Target(source) => RunError::Target { file: path.to_owned(), source },
            PlanCallError::Guest(source) => {
                RunError::Guest { place: format!("plan for {path}"), source: mask.error(source) }
            }
        })
    }

    /// The source as the module sees it.
    pub(crate) fn source(&self, view: &SchemaRef) -> Source {
        Source {
            schema: SchemaRef::clone(view),
            params: self.params.json().to_owned(),
            applied: self.applied.to_vec(),
        }
    }
}

/// Digest over the plans of all groups.
pub(crate) fn digest(groups: &[SchemaGroup]) -> Blake3 {
    let digests: Vec<u8> = groups.iter().flat_map(|group| group.plan.digest().0).collect();
    Blake3::of(&digests)
}

fn column_name(view: &Schema, id: skein_types::ColumnId) -> String {
    ColumnTree::new(view).map_or_else(|_| id.to_string(), |tree| tree.path(id))
}

/// All plans must give one target schema: readers see one dataset.
fn one_target(groups: &[SchemaGroup]) -> Result<(), RunError> {
    let Some(first) = groups.first() else { return Ok(()) };
    let target = first.plan.target();
    let line = |group: &SchemaGroup| GroupLine {
        files: group.files.len(),
        first: group.files.first().cloned().unwrap_or_default(),
        differs: schema_difference(&target, &group.plan.target()),
    };
    let groups: Vec<GroupLine> = groups.iter().map(line).collect();
    match groups.iter().find_map(|group| group.differs.clone()) {
        None => Ok(()),
        Some(difference) => Err(RunError::GroupsDiffer { difference, groups, among: Groups::Planned }),
    }
}

/// Files that join a version as they are must have its schema.
pub(crate) fn joins(
    plans: &Plans,
    (path, view): (&str, &Schema),
    recorded: &Recorded,
) -> Result<(), RunError> {
    let Some(group) = plans.groups.first() else { return Ok(()) };
    let Some(difference) = schema_difference(&group.plan.written(), view) else { return Ok(()) };
    let first = group.files.first().cloned().unwrap_or_default();
    let files = plans.groups.iter().map(|group| group.files.len()).sum();
    let groups = vec![
        GroupLine { files, first, differs: None },
        GroupLine { files: 1, first: path.to_owned(), differs: Some(difference.clone()) },
    ];
    Err(RunError::GroupsDiffer { difference, groups, among: Groups::Joins { recorded: recorded.complete } })
}

/// How the schema of a file that is not selected differs from the target's.
pub(crate) fn left_differs(plans: &Plans, view: &Schema) -> Option<String> {
    plans.groups.first().and_then(|group| schema_difference(&group.plan.written(), view))
}
