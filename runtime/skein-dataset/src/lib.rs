//! Drivers, snapshots, staging, publish and rollback.
//!
//! Level 1. The only crate that knows formats and stores. [`parquet`] reads, splices and
//! writes files; the rest is the *files* driver on a local root: where
//! a dataset may live ([`Place`]), what it holds right now ([`Snapshot`]), what a run wants it to hold ([`Staging`]),
//! how the one becomes the other in one step ([`publish_many`]) and back again ([`roll_back`]), and what to do after a
//! crash at any point ([`recover`]). `publish.rs` has the protocol and its table of crash points.

mod account;
pub mod crash;
mod damage;
mod dataset;
mod examine;
mod export;
mod fault;
mod finalize;
mod forget;
mod given_up;
mod health;
mod held;
mod intact;
mod later;
mod listing;
mod log;
mod made;
mod managed;
mod moved;
mod output;
mod pace;
pub mod parquet;
mod partition;
mod place;
mod publish;
mod recover;
mod rehearsal;
mod rollback;
mod scan;
mod scrub;
mod snapshot;
mod staging;
mod statement;
mod store;
mod sweep;
mod told;
mod vanished;
mod version;

pub use account::{Account, account};
pub use crash::CRASH_POINTS;
pub use dataset::{Dataset, Options, RunLock, StateError};
pub use examine::{Finding, Grade, examine};
pub use export::{Copied, ExportError, VersionFiles};
pub use fault::IoFault;
pub use finalize::{
    Finalized, Quarantined, ROLLBACK_WINDOW, RejectedRows, Waiting, collect, finalize, finalize_displaced_by,
    quarantine_of,
};
pub use forget::{ForgetError, Holding, Part, collect_forgotten, forget, holdings, is_forgotten};
pub use health::{Arrived, Found, Health, HealthError};
pub use held::{Discarded, HeldError, PublishedHeld, discard, publish_held};
pub use later::SetAside;
pub use listing::{Change, FileStat, Listing, Role};
pub use log::machine::{Content, Held, History, Illegal, Undone, UndoneBy, Unsettled, Version, VersionKind};
pub use log::record::{
    Applied, Body, Denial, FileRecord, Hold, Intent, Operation, Origin, PublishFacts, Record, Refusal,
    RevertReason, RowCounts,
};
pub use log::{LogError, MAX_RECORD};
pub use made::{Made, NamedFile, Tree, made, tree_of};
pub use managed::{Manager, StagedAttempt, manage_many, release, remove_attempts, staged_attempts};
pub use moved::Moved;
pub use output::{Output, OutputError};
pub use pace::{Flow, Pace, pace, paced};
pub use partition::Partitions;
pub use place::filesystem::{FileSystem, Verdict};
pub use place::probe::ProbeCache;
pub use place::trust::Doubt;
pub use place::{Kind, Place, PlaceError, STATE};
pub use publish::alone::ExchangeError;
pub use publish::beside::{BadName, Name, beside, check_free, state_beside};
pub use publish::{
    Attempted, CommitData, Conflict, FileFacts, Handed, HandedError, HandedOver, Outcome, Publish,
    PublishError, attempt_many, hand_over_many, hold, publish_handed, publish_handed_made, publish_many,
    resolve,
};
pub use recover::{Recovered, Step, recover};
pub use rehearsal::{Leg, Rehearsal, RehearseError, Rehearsed, left_new, rehearse, resolve_over};
pub use rollback::{
    LaterWrites, NO_STATE, RollbackError, RolledBack, Undo, previous, roll_back, roll_back_damaged_many,
    roll_back_many, roll_back_over, roll_forward_many,
};
pub use scan::{ScanError, Sighting, scan};
pub use scrub::{Damage, Damaged, ScrubError, Scrubbed, scrub};
pub use snapshot::{Access, PinnedFile, Snapshot, SnapshotError};
pub use staging::{NameRule, OUTPUT_REJECTS, Room, StageError, StagedEntry, StagedFile, Staging};
pub use statement::Statement;
pub use sweep::Swept;
pub use told::VersionTold;
pub use vanished::{Remains, remains};
pub use version::VersionError;
