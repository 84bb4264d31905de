//! Control's side of the hand-over.

use std::collections::BTreeMap;

use cap_std::fs::Dir;
use skein_types::{Blake3, RunId};

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::{During as _, IoFault};
use crate::listing::{FileStat, Listing, changes};
use crate::log;
use crate::log::machine::{History, VersionKind};
use crate::log::record::{Intent, Operation};
use crate::made::Made;
use crate::place::{Kind, PlaceError};
use crate::publish::batch::{self, Answer, Ended};
use crate::publish::handed::descriptor::{Descriptor, Expected, ReadVersion, StagedVersion};
use crate::publish::handed::{DESCRIPTOR, Handed, HandedError};
use crate::publish::lots::lots;
use crate::publish::prepare::{Base, Chain, Prepared};
use crate::publish::source::{Shell, Source};
use crate::publish::{Conflict, Outcome, PublishError};
use crate::recover;
use crate::snapshot::observed;
use crate::staging::{DATA, QUARANTINE};
use crate::store::{self, Node};

/// Makes versions current that nodes have handed over. Answers as [`publish_many`](crate::publish_many) does, but what is
/// not committed stays staged: after an error or [`Outcome::Unknown`] it can be tried again, with the same attempt. A run
/// that is current already is answered as committed, by whichever of its attempts that was.
pub fn publish_handed(handed: &[Handed<'_>]) -> Vec<Answer> {
    publish_handed_made(handed).into_iter().map(|(answer, _)| answer).collect()
}

/// The like, with what each of them is, for whoever makes a statement of it: known where it is known that it is current.
pub fn publish_handed_made(handed: &[Handed<'_>]) -> Vec<(Answer, Option<Box<Made>>)> {
    let mut all = Vec::with_capacity(handed.len());
    for lot in lots(handed, |handed| handed.dataset) {
        let mut made: BTreeMap<RunId, Box<Made>> = BTreeMap::new();
        let runs: Vec<RunId> = lot.iter().map(|handed| handed.run).collect();
        let attempted = batch::run_all(
            lot,
            |handed| handed.dataset,
            |handed| {
                let (taken, known) = take(&handed);
                made.extend(known.map(|known| (handed.run, Box::new(known))));
                taken
            },
        );
        let answers = attempted.into_iter().map(|attempted| attempted.answer);
        all.extend(answers.zip(runs).map(|(answer, run)| {
            let made = made.remove(&run).filter(|_| matches!(answer, Ok(Outcome::Committed { .. })));
            (answer, made)
        }));
    }
    all
}

/// What is to be published, and what it will be then.
fn take<'a>(handed: &Handed<'a>) -> (Result<Prepared<'a>, Ended<'a>>, Option<Made>) {
    let dataset = handed.dataset;
    let (state, history) = match settled(dataset) {
        Ok(settled) => settled,
        Err(error) => return (Err(batch::failed(error)), None),
    };
    // What was gone back from is not current: a run that is tried again publishes anew.
    if let Some(version) = history.published_by(handed.run).filter(|version| !history.was_left(*version)) {
        let made = Made::logged(&history, handed.run);
        return (Err(batch::done(Outcome::Committed { version })), made);
    }
    match opened(handed, state, &history) {
        Ok(prepared) => {
            let made = prepared.made();
            (Ok(prepared), made)
        }
        Err(ended) => (Err(ended), None),
    }
}

fn opened<'a>(handed: &Handed<'a>, state: &State, history: &History) -> Result<Prepared<'a>, Ended<'a>> {
    let (shell, descriptor) = open(handed, state).map_err(batch::failed)?;
    match prepare(handed, history, shell, descriptor).map_err(batch::refuse)? {
        Some(prepared) => Ok(prepared),
        None => Err(batch::conflict(Conflict::HeadMoved)),
    }
}

/// The log as it is when nothing is under way.
pub(crate) fn settled(dataset: &Dataset) -> Result<(&State, History), StateError> {
    let state = dataset.state().ok_or(StateError::NotManaged { server: dataset.server })?;
    let history = log::read(&state.log)?;
    if history.unsettled().is_none() {
        return Ok((state, history));
    }
    let _lock = dataset.lock_publish(state)?;
    Ok((state, recover::settle(dataset, state)?.1))
}

fn open(handed: &Handed<'_>, state: &State) -> Result<(Shell, Descriptor), PublishError> {
    let Handed { dataset, run, attempt, digest } = *handed;
    let bad = |problem: String| PublishError::from(HandedError::Descriptor { attempt, problem });
    let server = dataset.server.ok_or(StateError::NotManaged { server: None })?;
    let name = attempt.to_string();
    let missing = |fault: IoFault| match fault.is_missing() {
        true => PublishError::from(HandedError::Missing { attempt }),
        false => fault.into(),
    };
    let dir = store::open_dir(&state.stage, &name).map_err(missing)?;
    let bytes = store::read_bounded(&dir, DESCRIPTOR, dataset.record_max).map_err(missing)?;
    let bytes = bytes.ok_or_else(|| bad(format!("more than {} bytes", dataset.record_max)))?;
    if Blake3::of(&bytes) != digest {
        return Err(bad("it is not the one that was handed over".to_owned()));
    }
    let place = &dataset.place;
    let expected = Expected { server, attempt, run, dataset: &place.name, kind: place.kind };
    let descriptor = Descriptor::open(&bytes, &expected).map_err(bad)?;
    let stage = state.stage.try_clone().during("open", "stage")?;
    Ok((Shell { run, stage, name, dir }, descriptor))
}

/// `None`: another version is current.
fn prepare<'a>(
    handed: &Handed<'a>,
    history: &History,
    shell: Shell,
    Descriptor { read, staged, mut facts, .. }: Descriptor,
) -> Result<Option<Prepared<'a>>, PublishError> {
    let dataset = handed.dataset;
    crash_point!("handed.before-check").during("publish", &dataset.place.name)?;
    lies_staged(handed, &shell.dir, &staged)?;
    let node = read.node;
    let mut chain = Chain::after(dataset, history.last());
    let Some(base) = base(history, read, &mut chain)? else { return Ok(None) };
    facts.quarantine = staged.quarantine.map(|_| quarantine(handed.run));
    let intent = Intent {
        operation: Operation::Publish(Box::new(facts)),
        version: base.version + 1,
        base: base.version,
        old: node,
        new: staged.node,
        source: format!("stage/{}/{DATA}/{}", shell.name, dataset.place.name),
        files: staged.files,
        dirs: if dataset.place.kind == Kind::Directory { staged.dirs } else { Vec::new() },
    };
    Prepared::seal((dataset, Source::Handed(shell)), intent, base, (history.last(), chain)).map(Some)
}

fn quarantine(run: RunId) -> String {
    format!("quarantine/{run}.parquet")
}

/// The version that will be displaced. What was read must be what the log calls current, or what it was before somebody
/// recorded exactly that: whoever died between that record and the intent, or gave old versions up, has changed nothing.
fn base(history: &History, read: ReadVersion, chain: &mut Chain) -> Result<Option<Base>, StateError> {
    let ReadVersion { version, files, dirs, .. } = read;
    let head = history.head().map(std::sync::Arc::as_ref);
    let as_read = match (version, head) {
        (version, head) if version == head.map(|head| head.version) => true,
        (version, Some(head)) => {
            let before = version.map_or(Some(0), |version| version.checked_add(1));
            let recorded = matches!(head.kind, VersionKind::Adopted | VersionKind::Observed { .. });
            let now = files.iter().map(|file| (&file.stat, Some(file.blake3)));
            before == Some(head.version) && recorded && observed(head, now, &dirs).is_none()
        }
        (_, None) => false,
    };
    if !as_read {
        return Ok(None);
    }
    Base::over(head, (files, dirs), chain).map(Some)
}

/// Whether the staged files are those that are described: by their numbers, for their content is not for control to read.
fn lies_staged(handed: &Handed<'_>, dir: &Dir, staged: &StagedVersion) -> Result<(), PublishError> {
    let attempt = handed.attempt;
    let other = |problem: String| PublishError::from(HandedError::Staged { attempt, problem });
    let (node, listing) = match found(handed.dataset, dir) {
        Ok(found) => found,
        Err(PlaceError::Io(fault)) if !fault.is_missing() => return Err(fault.into()),
        Err(error) => return Err(other(error.to_string())),
    };
    let changes = changes(staged.files.iter().map(|file| &file.stat), &listing.files, FileStat::same);
    if let Some(first) = changes.first() {
        return Err(other(first.to_string()));
    }
    if node != staged.node || listing.dirs != staged.dirs {
        return Err(other("its directories are others".to_owned()));
    }
    let rejects = match rustix::fs::statat(dir, QUARANTINE, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Some(FileStat::new(QUARANTINE.to_owned(), &stat)),
        Err(rustix::io::Errno::NOENT) => None,
        Err(errno) => return Err(errno).during("look at", QUARANTINE)?,
    };
    let same = match (&rejects, &staged.quarantine) {
        (Some(found), Some(described)) => described.same(found),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if same { Ok(()) } else { Err(other("its rejected rows are others".to_owned())) }
}

fn found(dataset: &Dataset, dir: &Dir) -> Result<(Node, Listing), PlaceError> {
    let name = dataset.place.name.as_str();
    let data = store::open_dir(dir, DATA)?;
    let missing =
        || IoFault { action: "look at", path: name.to_owned(), source: rustix::io::Errno::NOENT.into() };
    let node = store::node(&data, name)?.ok_or_else(missing)?;
    let listing = match dataset.place.kind {
        Kind::File => Listing::of_file(&data, name)?,
        Kind::Directory => Listing::of_directory(store::open_dir(&data, name)?)?,
    };
    Ok((node, listing))
}
