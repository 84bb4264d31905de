//! Checkpoints of large runs: what a split gave is kept in the attempt's directory, and a later attempt at the same run takes
//! it over instead of sending the rows through a guest again.
//!
//! The unit is a split, which is where the borders of output row groups are: a row group of the source, or several small
//! ones under `free`. So a run that dies repeats at most the splits that were under way. Kept is what the guest made,
//! encoded, with its rejects and meters; carried columns are copied from the source when the output is sealed, as ever.
//! A piece is a function of what its key names, and is only kept if it reads back the same, so an output has the same
//! bytes whether or not pieces were taken over. Under a module with state the next row group depends on all before: its
//! pieces are taken over only up to a checkpoint whose saved state is kept beside them, and in order (see `sequential`).
//! Not kept are pieces of outputs whose row groups are cut anew, and of modules with state under `free`: such runs begin
//! again.
//!
//! Nothing is synced. A process that dies takes nothing with it that was written, and what a loss of power takes is seen
//! by its hash and made again: losing a piece costs time and nothing else. An error while one is kept, a full disk for
//! instance, is not the run's.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use skein_dataset::parquet::Piece;
use skein_dataset::{Dataset, PinnedFile, RowCounts, Staging};
use skein_sandbox::Reject;
use skein_types::{AttemptId, Bytes, Fuel, Millis};

use crate::job::Job;
use crate::lane::FileWork;
use crate::planning::{self, SchemaGroup};
use crate::transform::Transform;
use crate::witness::Witness;

/// Whether and whence a run keeps and takes over pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumption {
    /// Attempts at the same run that are over, whose pieces may be taken.
    pub earlier: Vec<AttemptId>,
    /// Size of the source from which on pieces are kept: for a smaller one it is quicker to begin again.
    pub from: Bytes,
}

/// Where the pieces of a run are.
#[derive(Clone, Copy)]
pub(crate) struct Pieces<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) staging: &'a Staging,
    pub(crate) earlier: &'a [AttemptId],
}

/// What is noted beside a split's pieces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) key: String,
    pub(crate) rows: RowCounts,
    pub(crate) fuel: Fuel,
    #[serde(default)]
    pub(crate) cpu: Millis,
    pub(crate) memory_peak: Bytes,
    pub(crate) counters: BTreeMap<String, u64>,
    /// By row group.
    pub(crate) rejects: Vec<(usize, Vec<Rejected>)>,
    /// What was seen of the rows; those of a whole file add up.
    #[serde(default)]
    pub(crate) witness: Witness,
}

/// A reject, its row counted within the row group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rejected {
    row: u64,
    code: String,
    message: String,
}

impl From<&Reject> for Rejected {
    fn from(reject: &Reject) -> Self {
        Self { row: reject.row, code: reject.code.clone(), message: reject.message.clone() }
    }
}

impl From<Rejected> for Reject {
    fn from(Rejected { row, code, message }: Rejected) -> Self {
        Self { row, code, message }
    }
}

/// Everything that a split's pieces are a function of, as a name.
pub(crate) struct Key(String);

impl Key {
    /// Of a point of a run whose rows depend on all before them: of everything that the run reads, and of the point.
    pub(crate) fn of_all(transform: &Transform<'_>, point: &str) -> Self {
        let job = transform.job;
        let mut hasher = blake3::Hasher::new_derive_key("skein 2026-11 piece of a run with state");
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        };
        add(concat!(env!("CARGO_PKG_VERSION"), " 2").as_bytes());
        // What is noted beside a piece is what is looked at when it is made.
        add(job.request.verify.as_str().as_bytes());
        add(&job.migration.module.0);
        add(&job.migration.params.0);
        add(&planning::digest(&job.plans.groups).0);
        add(format!("{:?} {}", job.applied, job.request.checkpoint_rows.0).as_bytes());
        for file in transform.files {
            let stat = &file.pinned(transform.bench.snapshot).stat;
            add(format!("{} {} {} {}", stat.size, stat.mtime_ns, stat.ctime_ns, stat.ino).as_bytes());
            add(stat.path.as_bytes());
        }
        add(point.as_bytes());
        Self(hasher.finalize().to_hex().to_string())
    }

    pub(crate) fn of(
        job: &Job,
        group: &SchemaGroup,
        (pinned, work): (&PinnedFile, &FileWork),
        row_groups: &Range<usize>,
    ) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("skein 2026-11 piece of an output");
        let stat = &pinned.stat;
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        };
        add(concat!(env!("CARGO_PKG_VERSION"), " 2").as_bytes());
        // What is noted beside a piece is what is looked at when it is made.
        add(job.request.verify.as_str().as_bytes());
        add(&job.migration.module.0);
        add(&job.migration.params.0);
        add(&group.plan.digest().0);
        add(format!("{:?}", job.applied).as_bytes());
        // The footer alone would let a file that was changed in place pass for what it was.
        add(&work.source.footer_digest().0);
        add(format!("{} {} {} {}", stat.size, stat.mtime_ns, stat.ctime_ns, stat.ino).as_bytes());
        add(stat.path.as_bytes());
        add(format!("{row_groups:?}").as_bytes());
        Self(hasher.finalize().to_hex().to_string())
    }
}

impl Pieces<'_> {
    /// Bytes that an earlier attempt kept, if they are whole.
    pub(crate) fn find_bytes(&self, key: &Key) -> Option<Vec<u8>> {
        let kept = self.earlier.iter().rev().filter_map(|attempt| self.dataset.piece(*attempt, &key.0));
        let mut whole = kept.filter_map(|bytes| {
            let (hash, body) = bytes.split_at_checked(blake3::OUT_LEN)?;
            (blake3::hash(body).as_bytes() == hash).then(|| body.to_vec())
        });
        whole.next()
    }

    /// Keeps bytes, if it can; says whether it could.
    pub(crate) fn keep_bytes(&self, key: &Key, body: &[u8]) -> bool {
        let hash = *blake3::hash(body).as_bytes();
        let kept =
            self.staging.keep_piece(&key.0, |out| out.write_all(&hash).and_then(|()| out.write_all(body)));
        if let Err(fault) = &kept {
            tracing::debug!(error = %fault, "a checkpoint is not kept");
        }
        kept.is_ok()
    }

    /// What an earlier attempt kept.
    pub(crate) fn find(&self, key: &Key) -> Option<(Vec<Piece>, Note)> {
        // The latest knows most.
        let kept = self.earlier.iter().rev().filter_map(|attempt| self.dataset.piece(*attempt, &key.0));
        let read = kept.filter_map(|bytes| Piece::read(&bytes));
        let mut noted =
            read.filter_map(|(pieces, note)| Some((pieces, serde_json::from_value::<Note>(note).ok()?)));
        noted.find(|(_, note)| note.key == key.0)
    }

    /// Keeps what a split gave, if it can; says whether it could.
    pub(crate) fn keep(&self, key: Key, pieces: &[Piece], note: Note) -> bool {
        let note = Note { key: key.0, ..note };
        let Ok(value) = serde_json::to_value(&note) else { return false };
        let Some(written) = Piece::written(pieces, &value) else { return false };
        let kept = self.staging.keep_piece(&note.key, |out| written.write_to(out));
        if let Err(fault) = &kept {
            tracing::debug!(error = %fault, "a piece is not kept");
        }
        kept.is_ok()
    }
}
