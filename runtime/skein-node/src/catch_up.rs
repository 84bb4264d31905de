//! Catching up: what others added to a dataset while a run was at work on it is migrated as well, so that a writer
//! that only appends never makes a run start again.
//!
//! The dataset is pinned anew. If anything but added files is different, that is a conflict. Data files that were added
//! go through the same plan (or one with the same target), provided that the files before present the columns that they
//! did without them; sidecars are copied, and what was staged before is neither touched nor synced again. A module with
//! state has seen the files in an order that the new ones break: it cannot catch up.
//!
//! A writer may be faster than that. After [`CATCH_UP_ROUNDS`](crate::CATCH_UP_ROUNDS) what still comes is not migrated
//! any more but joins as it is, if readers find the new version's columns in it: it is where a file is that comes right
//! after the publish, and the next run migrates it. A file of another schema would make a mix and is a conflict.

use skein_dataset::{Change, Conflict, Role, Snapshot, SnapshotError};
use skein_types::StateKind;

use crate::error::RunError;
use crate::inputs::{self, InputFile};
use crate::job::{Bench, Job};
use crate::planning::{self, Planner};
use crate::progress::Progress;
use crate::run;
use crate::staged::{self, Staged};
use crate::transform::Transformed;

/// How often a round looks for what came since its last look.
const LOOKS: usize = 4;

/// What becomes of data files that come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    Migrate,
    /// As they are, for the next run.
    Join,
}

impl Staged {
    /// Whether files that come later can be migrated like those before.
    pub(crate) fn can_catch_up(&self) -> bool {
        // What rules were looked at on is what becomes current, and nothing more.
        let ruled = !self.report.rules.is_empty();
        self.job.manifest.state == StateKind::None && self.later.sandboxes.is_some() && !ruled
    }

    /// Takes in what was added since the snapshot.
    pub(crate) fn catch_up(mut self, mut changes: Vec<Change>, late: Late) -> Result<Self, RunError> {
        let first = self.job.made.transformed.outputs.len();
        // What comes while the others are migrated and synced is seen now and not by a publish that begins for nothing.
        for _ in 0..LOOKS {
            let added = self.take_in_once(changes, late)?;
            if added == 0 {
                break;
            }
            self.staging.sync()?;
            changes = Vec::new();
        }
        self.report = staged::report(&self.job, &self.snapshot, &self.staging);
        let mut files = std::mem::take(&mut self.commit.files);
        files.extend(staged::facts(&self.job, &self.snapshot, first)?);
        self.commit = staged::commit(&self.job, files, &self.report)?;
        Ok(self)
    }

    /// What was added since the last look; answers how much that was.
    fn take_in_once(&mut self, changes: Vec<Change>, late: Late) -> Result<usize, RunError> {
        let (snapshot, added) = match self.dataset.pin_again(&self.lock, &self.snapshot) {
            Ok(pinned) => pinned,
            Err(SnapshotError::Drift { changes }) => return Err(conflict(changes)),
            Err(SnapshotError::Changed { path }) => return Err(conflict(vec![Change::Modified(path)])),
            Err(e) => return Err(RunError::from(e).if_asked_to_stop()),
        };
        let changes = if changes.is_empty() { named(&snapshot, &added) } else { changes };
        if !added.is_empty() {
            self.staging.extend(&snapshot, &added)?;
        }
        self.job.rebase(&snapshot)?;
        self.snapshot = snapshot;
        let of_role = |role| {
            let added = added.iter().copied().filter(|place| self.snapshot.files()[*place].stat.role == role);
            added.collect::<Vec<_>>()
        };
        let (data, sidecars, dropped) = (of_role(Role::Data), of_role(Role::Sidecar), of_role(Role::Dropped));
        match self.take_in(data, late) {
            Ok(true) => {}
            Ok(false) => return Err(conflict(changes)),
            Err(error) => return Err(self.of_theirs(error, changes)),
        }
        self.join(sidecars.into_iter())?;
        let dropped = dropped.iter().map(|place| self.snapshot.files()[*place].stat.path.clone());
        self.job.made.files_dropped.extend(dropped);
        self.job.made.caught_up += added.len();
        Ok(added.len())
    }

    /// The data files at these places; `false` if those before would have been planned otherwise beside them.
    fn take_in(&mut self, places: Vec<usize>, late: Late) -> Result<bool, RunError> {
        let (job, snapshot) = (&mut self.job, &self.snapshot);
        let choice = job.request.files.clone();
        let takes = |place: &usize| choice.takes(&snapshot.files()[*place].stat.path);
        let (places, left): (Vec<usize>, Vec<usize>) = places.into_iter().partition(takes);
        let (todo, joined) = match job.request.again {
            true => (places, Vec::new()),
            false => run::unapplied(snapshot, &places, &job.migration)?,
        };
        let earlier = inputs::Earlier { recorded: &job.recorded.schemas, files: &job.files };
        let files = inputs::read_later(snapshot, &todo, earlier, &self.later.progress)?;
        let Some(files) = files else { return Ok(false) };
        let earlier = match late {
            Late::Migrate => job.extend_plans(&files, &self.later.progress)?,
            // However files that are not chosen may join, nobody asked for a mix by coming late.
            Late::Join => run::all_fit(snapshot, &job.plans, &todo).map(|()| Vec::new())?,
        };
        for place in &joined {
            let pinned = &snapshot.files()[*place];
            let joined = (pinned.stat.path.as_str(), inputs::open(snapshot, pinned)?);
            planning::joins(&job.plans, (joined.0, joined.1.view()), &job.recorded)?;
        }
        run::left_fit(snapshot, &job.plans, &choice, &left)?;
        job.made.joined += joined.len() + left.len();
        self.join(joined.into_iter().chain(left))?;
        match late {
            Late::Migrate => self.migrate(files, earlier)?,
            Late::Join => {
                self.job.made.left_for_next += todo.len();
                self.join(todo.into_iter())?;
            }
        }
        Ok(true)
    }

    fn join(&self, places: impl Iterator<Item = usize>) -> Result<(), RunError> {
        for place in places {
            self.staging.join(&self.snapshot, &self.snapshot.files()[place])?;
        }
        Ok(())
    }

    /// Files that the plans have been extended to; `earlier` are the groups of those before.
    fn migrate(&mut self, files: Vec<InputFile>, earlier: Vec<usize>) -> Result<(), RunError> {
        let rejected = self.job.made.quarantine.rows();
        let transformed = self.transform(&files)?;
        let job = &mut self.job;
        job.plans.group_of.splice(0..0, earlier);
        let first_file = job.files.len();
        job.made.transformed.add(transformed, first_file);
        job.files.extend(files);
        staged::something_left(&job.made, &job.request)?;
        if job.made.quarantine.rows() > rejected {
            self.staging.forget_quarantine()?;
            staged::write_quarantine(&self.staging, &self.snapshot, &job.made.quarantine)?;
        }
        Ok(())
    }

    fn transform(&self, files: &[InputFile]) -> Result<Transformed, RunError> {
        let job = &self.job;
        let sandboxes = self.later.sandboxes.as_ref();
        let sandboxes = sandboxes.ok_or_else(|| RunError::bug("native agents cannot catch up"))?;
        let agents: Vec<_> = job.plans.groups.iter().map(|group| sandboxes.for_group(group)).collect();
        if files.is_empty() {
            return Ok(Transformed::default());
        }
        let bench = Bench {
            snapshot: &self.snapshot,
            staging: &self.staging,
            rule: job.request.names,
            progress: &self.later.progress,
            pieces: None,
        };
        job.transform((files, job.files.len()), bench, &agents)
    }

    /// A file that is half written, or of another form, is drift like any other: the run ends as it did before it
    /// could catch up, and the next one says what is the matter with it.
    fn of_theirs(&self, error: RunError, changes: Vec<Change>) -> RunError {
        let error = error.if_asked_to_stop();
        let theirs = matches!(
            error,
            RunError::File(_)
                | RunError::Snapshot(_)
                | RunError::PlanRefused { .. }
                | RunError::Plan { .. }
                | RunError::Target { .. }
                | RunError::GroupsDiffer { .. }
                | RunError::Varied(_)
                | RunError::LeftDiffers { .. }
                | RunError::AppliedDifferently { .. }
        );
        if !theirs {
            return error;
        }
        tracing::info!(run = %self.lock.run, %error, "cannot catch up");
        conflict(changes)
    }
}

impl Job {
    /// Plans for these files too, and the groups of those before. The plan is the run's: what the new files have not been
    /// through is no matter of it.
    fn extend_plans(&mut self, files: &[InputFile], progress: &Progress) -> Result<Vec<usize>, RunError> {
        let planner = Planner {
            module: &self.module,
            params: &self.request.params,
            applied: &self.applied,
            limits: &self.request.limits,
            progress,
            sensitive: &self.request.sensitive,
        };
        let earlier = std::mem::take(&mut self.plans.group_of);
        planner.extend(&mut self.plans, files)?;
        self.made.quarantine.hush_for(self.plans.groups.iter().map(|group| &group.plan));
        Ok(earlier)
    }

    /// The files of the run, at their places in a snapshot that has more.
    fn rebase(&mut self, snapshot: &Snapshot) -> Result<(), RunError> {
        for file in &mut self.files {
            let place = snapshot.files().binary_search_by(|pinned| pinned.stat.path.cmp(&file.path));
            file.place = place.map_err(|_| RunError::bug("a file that was pinned twice is not there"))?;
        }
        Ok(())
    }
}

fn named(snapshot: &Snapshot, added: &[usize]) -> Vec<Change> {
    added.iter().map(|place| Change::Added(snapshot.files()[*place].stat.path.clone())).collect()
}

fn conflict(changes: Vec<Change>) -> RunError {
    RunError::Conflict { reason: Conflict::Drift { changes } }
}
