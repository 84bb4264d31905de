//! The node's side of the hand-over.

use rustix::fs::AtFlags;
use skein_types::{AttemptId, Blake3, Bytes, ServerId};

use crate::crash_point;
use crate::dataset::{Dataset, Fence};
use crate::fault::{During as _, IoFault};
use crate::listing::FileStat;
use crate::log::LogError;
use crate::log::record::{Intent, Operation, PublishFacts};
use crate::publish::handed::descriptor::{Descriptor, FORMAT, ReadVersion, StagedVersion};
use crate::publish::handed::{DESCRIPTOR, HandedOver};
use crate::publish::prepare;
use crate::publish::{LOT, Publish, PublishError, SYNCS};
use crate::snapshot::{PinnedFile, observed};
use crate::staging::QUARANTINE;
use crate::store;
use crate::store::barrier::Barrier;

/// A version with its descriptor written and not synced.
struct Described<'a> {
    publish: Publish<'a>,
    intent: Intent,
    over: HandedOver,
}

/// Hands staged attempts of managed datasets over, all with one wait for the disk. The answers come in the order of the
/// runs; after an error nothing is staged any more, after an answer the files are the server's.
pub fn hand_over_many(runs: Vec<Publish<'_>>) -> Vec<Result<HandedOver, PublishError>> {
    let mut answers = Vec::with_capacity(runs.len());
    let mut runs = runs.into_iter().peekable();
    while runs.peek().is_some() {
        answers.extend(hand_over_lot(runs.by_ref().take(LOT).collect()));
    }
    answers
}

fn hand_over_lot(runs: Vec<Publish<'_>>) -> Vec<Result<HandedOver, PublishError>> {
    let described: Vec<_> = runs.into_iter().map(describe).collect();
    let mut barrier = Barrier::default();
    let mut failed: Vec<(usize, PublishError)> = Vec::new();
    for (i, one) in described.iter().enumerate() {
        if let Ok(one) = one {
            failed.extend(one.barrier((i, &mut barrier)).err().map(|error| (i, error)));
        }
    }
    failed.extend(barrier.wait(SYNCS).into_iter().map(|(i, fault)| (i, fault.into())));
    let mut answers = Vec::with_capacity(described.len());
    for (i, one) in described.into_iter().enumerate() {
        let error = failed.iter().position(|(at, _)| *at == i).map(|at| failed.swap_remove(at).1);
        answers.push(match (one, error) {
            (Err(error), _) | (Ok(_), Some(error)) => Err(error),
            (Ok(one), None) => one.leave(),
        });
    }
    answers
}

fn describe(publish: Publish<'_>) -> Result<Described<'_>, PublishError> {
    let dataset = publish.dataset;
    let (Fence::Ledger(attempt), Some(server)) = (&publish.lock.fence, dataset.server) else {
        return Err(PublishError::Staged { problem: "only a server's attempt is handed over".to_owned() });
    };
    let attempt = *attempt;
    publish.snapshot.hash(dataset)?;
    publish.staging.finish_dirs()?;
    let base = base(&publish);
    let intent = prepare::intent(&publish, base)?;
    let Operation::Publish(facts) = &intent.operation else {
        return Err(PublishError::Staged { problem: "only a run's output is handed over".to_owned() });
    };
    let descriptor = descriptor(&publish, &intent, (server, attempt, facts))?;
    let (bytes, most) = (descriptor.bytes(), dataset.record_max);
    if bytes.len() as u64 > most {
        let too_large = LogError::TooLarge { bytes: Bytes(bytes.len() as u64), most: Bytes(most) };
        return Err(PublishError::State(too_large.into()));
    }
    let over = HandedOver {
        attempt,
        digest: Blake3::of(&bytes),
        run: facts.run,
        base,
        version: intent.version,
        rows: facts.rows,
        bytes: intent.files.iter().map(|file| Bytes(file.stat.size)).sum(),
    };
    let dir = &publish.staging.shared.dir;
    crash_point!("hand.before-descriptor").during("hand over", &dataset.place.name)?;
    store::write_new(dir, DESCRIPTOR, &bytes)?;
    crash_point!("hand.after-descriptor").during("hand over", &dataset.place.name)?;
    Ok(Described { publish, intent, over })
}

/// The version that would be displaced now: the one that was read, or the one that records what others did to it.
fn base(publish: &Publish<'_>) -> u64 {
    let snapshot = &publish.snapshot;
    let now = snapshot.files().iter().map(PinnedFile::hashed);
    match &snapshot.head {
        None => 0,
        Some(head) if observed(head, now, &snapshot.dirs).is_none() => head.version,
        Some(head) => head.version + 1,
    }
}

fn descriptor(
    publish: &Publish<'_>,
    intent: &Intent,
    (server, attempt, facts): (ServerId, AttemptId, &PublishFacts),
) -> Result<Descriptor, IoFault> {
    let (snapshot, dir) = (&publish.snapshot, &publish.staging.shared.dir);
    let quarantine = match publish.staging.quarantined() {
        false => None,
        true => {
            let stat = rustix::fs::statat(dir, QUARANTINE, AtFlags::SYMLINK_NOFOLLOW);
            Some(FileStat::new(QUARANTINE.to_owned(), &stat.during("look at", QUARANTINE)?))
        }
    };
    Ok(Descriptor {
        format: FORMAT,
        server,
        attempt,
        dataset: publish.dataset.place.name.clone(),
        read: ReadVersion {
            version: snapshot.version(),
            node: snapshot.node,
            files: snapshot.records(),
            dirs: snapshot.dirs.clone(),
        },
        staged: StagedVersion {
            node: intent.new,
            files: intent.files.clone(),
            dirs: intent.dirs.clone(),
            quarantine,
        },
        facts: facts.clone(),
    })
}

impl Described<'_> {
    fn barrier<'r>(&'r self, (owner, barrier): (usize, &mut Barrier<'r>)) -> Result<(), PublishError> {
        let dir = &self.publish.staging.shared.dir;
        prepare::data(&self.publish, &self.intent, (owner, barrier))?;
        if self.publish.staging.quarantined() {
            barrier.add(owner, dir, QUARANTINE)?;
        }
        for name in [DESCRIPTOR, "."] {
            barrier.add(owner, dir, name)?;
        }
        prepare::registration(&self.publish, (owner, barrier))
    }

    /// From here on the files are the server's, and this process removes nothing any more.
    fn leave(self) -> Result<HandedOver, PublishError> {
        let dataset: &Dataset = self.publish.dataset;
        self.publish.staging.note_synced();
        crash_point!("hand.after-sync").during("hand over", &dataset.place.name)?;
        self.publish.staging.keep();
        Ok(self.over)
    }
}
