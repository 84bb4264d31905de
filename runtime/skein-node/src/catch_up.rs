//! Catching up: what others added to a dataset while a run was at work on it is migrated as well, so that a writer
//! that only appends never makes a run start again.
//!
//! The dataset is pinned anew. If anything but added files is different, that is a conflict. Data files that were added
//! go through the same plan (or one with the same target), provided that the files before present the columns that they
//! did without them; sidecars are copied, and what was staged before is not touched. A module with state has seen the files in an order that the new ones break: it cannot catch up.

use skein_dataset::{Change, Conflict, Role, Snapshot, SnapshotError};
use skein_types::StateKind;

use crate::error::RunError;
use crate::inputs::{self, InputFile};
use crate::planning::{self, Planner};
use crate::run;
use crate::staged::{self, Job, Staged};
use crate::transform::{Transform, Transformed};

impl Staged {
    /// Whether files that come later can be migrated like those before.
    pub(crate) fn can_catch_up(&self) -> bool {
        self.job.manifest.state == StateKind::None && self.job.later.sandboxes.is_some()
    }

    /// Migrates what was added since the snapshot.
    pub(crate) fn catch_up(mut self, changes: Vec<Change>) -> Result<Self, RunError> {
        let (snapshot, added) = match self.dataset.pin_again(&self.lock, &self.snapshot) {
            Ok(pinned) => pinned,
            Err(SnapshotError::Drift { changes }) => return Err(conflict(changes)),
            Err(SnapshotError::Changed { path }) => return Err(conflict(vec![Change::Modified(path)])),
            Err(e) => return Err(RunError::from(e).if_asked_to_stop()),
        };
        self.staging.extend(&snapshot)?;
        self.job.rebase(&snapshot)?;
        self.snapshot = snapshot;
        let of_role = |role| {
            let added = added.iter().copied().filter(|place| self.snapshot.files()[*place].stat.role == role);
            added.collect::<Vec<_>>()
        };
        let (data, sidecars, dropped) = (of_role(Role::Data), of_role(Role::Sidecar), of_role(Role::Dropped));
        match self.migrate(data) {
            Ok(true) => {}
            Ok(false) => return Err(conflict(changes)),
            Err(error) => return Err(self.of_theirs(error, changes)),
        }
        for place in sidecars {
            self.staging.join(&self.snapshot, &self.snapshot.files()[place])?;
        }
        let dropped = dropped.iter().map(|place| self.snapshot.files()[*place].stat.path.clone());
        self.job.files_dropped.extend(dropped);
        self.job.caught_up += added.len();
        self.report = staged::report(&self.job, &self.snapshot, &self.staging);
        self.commit = staged::commit(&self.job, &self.snapshot, &self.report)?;
        Ok(self)
    }

    /// The data files at these places; `false` if those before would have been planned otherwise beside them.
    fn migrate(&mut self, places: Vec<usize>) -> Result<bool, RunError> {
        let (job, snapshot) = (&mut self.job, &self.snapshot);
        let choice = job.request.files.clone();
        let takes = |place: &usize| choice.takes(&snapshot.files()[*place].stat.path);
        let (places, left): (Vec<usize>, Vec<usize>) = places.into_iter().partition(takes);
        let (todo, joined) = match job.request.again {
            true => (places, Vec::new()),
            false => run::unapplied(snapshot, &places, &job.migration)?,
        };
        let files = inputs::read_later(snapshot, &todo, &job.files, &job.later.progress)?;
        let Some(files) = files else { return Ok(false) };
        // The plan is the run's: what the new files have not been through is no matter of it.
        let planner = Planner {
            module: &job.module,
            params: &job.request.params,
            applied: &job.applied,
            limits: &job.request.limits,
        };
        let earlier = std::mem::take(&mut job.plans.group_of);
        planner.extend(&mut job.plans, &files)?;
        for place in &joined {
            let pinned = &snapshot.files()[*place];
            planning::joins(&job.plans, &pinned.stat.path, inputs::open(snapshot, pinned)?.view())?;
        }
        run::left_fit(snapshot, &job.plans, &choice, &left)?;
        job.joined += joined.len() + left.len();
        for place in joined.into_iter().chain(left) {
            self.staging.join(snapshot, &snapshot.files()[place])?;
        }
        let rejected = job.quarantine.rows();
        let transformed = self.transform(&files)?;
        let job = &mut self.job;
        job.plans.group_of.splice(0..0, earlier);
        let first_file = job.files.len();
        job.transformed.add(transformed, first_file);
        job.files.extend(files);
        staged::something_left(&job.transformed.rows, &job.quarantine, &job.request)?;
        if job.quarantine.rows() > rejected {
            self.staging.forget_quarantine()?;
            staged::write_quarantine(&self.staging, &self.snapshot, &job.quarantine)?;
        }
        Ok(true)
    }

    fn transform(&self, files: &[InputFile]) -> Result<Transformed, RunError> {
        let job = &self.job;
        let sandboxes = job.later.sandboxes.as_ref();
        let sandboxes = sandboxes.ok_or_else(|| RunError::bug("native agents cannot catch up"))?;
        let agents: Vec<_> = job.plans.groups.iter().map(|group| sandboxes.for_group(group)).collect();
        if files.is_empty() {
            return Ok(Transformed::default());
        }
        let outputs = job.request.resize.outputs(&self.snapshot, files, &job.migration.name)?;
        let transform = Transform {
            snapshot: &self.snapshot,
            staging: &self.staging,
            files,
            outputs: &outputs,
            first_file: job.files.len(),
            plans: &job.plans,
            agents: &agents,
            module: job.migration.module,
            params: job.migration.params,
            batch_bytes: job.manifest.batch_bytes.map(u64::from),
            rule: run::name_rule(&self.dataset),
            checkpoint_rows: job.request.checkpoint_rows,
            progress: &job.later.progress,
            quarantine: &job.quarantine,
        };
        transform.run(job.request.threads)
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
    /// The files of the run, at their places in a snapshot that has more.
    fn rebase(&mut self, snapshot: &Snapshot) -> Result<(), RunError> {
        for file in &mut self.files {
            let place = snapshot.files().binary_search_by(|pinned| pinned.stat.path.cmp(&file.path));
            file.place = place.map_err(|_| RunError::bug("a file that was pinned twice is not there"))?;
        }
        Ok(())
    }
}

fn conflict(changes: Vec<Change>) -> RunError {
    RunError::Conflict { reason: Conflict::Drift { changes } }
}
