//! What drives campaigns: reconcilers over ledger, machines and datasets; nodes of this machine; service functions that all faces call.
//!
//! Level 2. [`Control`] is the one object behind all of it. People and nodes call its functions; a thread of its own ([`Reconciler`])
//! carries out what the machines say is due; another ([`Herald`]) tells receivers; a [`Supervisor`] runs nodes.
//! ```text
//! people -> service functions -> machine.decide -> ledger -> machine.apply
//! nodes  -> exchange: reports -> ledger; tasks <- ledger
//! reconciler: plan, scan, admit, intend -> publish -> confirm, cancel, revert, finalize
//! ```
//! Invariants: what is acknowledged is in the ledger before it is said; a publish is announced there before a dataset is touched, and only
//! what was announced is published; nothing is kept here that cannot be made again from the ledger, the datasets' logs and what nodes say.
//! Of data it reads ledger and log records only, no file's content. It does not know HTTP, formats of files, or how a run is done.

mod access;
mod admit;
mod approvals;
mod at_work;
mod attempts;
mod audit;
mod backup;
mod campaigns;
mod charges;
mod collect;
mod compiler;
mod control;
mod counters;
mod datasets;
mod deal;
mod decide;
mod desk;
mod division;
mod door;
mod error;
mod exchange;
mod explain;
mod feed;
mod fleet;
mod glob;
mod herald;
mod history;
mod import;
mod large;
mod list;
mod live;
mod looks;
mod map;
mod marks;
mod membership;
mod metrics;
mod modules;
mod nodes;
mod once;
mod places;
mod planning;
mod points;
mod policy;
mod prices;
mod quotas;
mod reconcile;
mod report;
mod reports;
mod results;
mod roots;
mod sampling;
mod scan;
#[cfg(test)]
mod scene;
mod secrets;
mod selection;
mod sessions;
mod settings;
mod shelf;
mod shown;
mod soak;
mod status;
mod stop;
mod submit;
mod supervisor;
mod tokens;
mod undo;
mod usage;
mod vault;
mod waiting;
mod wake;
mod watched;
mod webhooks;
mod whose;
mod work;

pub use access::{Principal, Right};
pub use audit::{Anchor, sealed, verify_stopped};
pub use backup::{NewerVersion, Restored, back_up_stopped, restore};
pub use compiler::Compiler;
pub use control::{Control, Options};
pub use desk::{Back, DatasetListed, DatasetPart, LastRun, Migration, ModuleSaid, Selected};
pub use desk::{Care, Catalogued, Desk, ImportAsk, LastBackup, OpenAlarm, Stance, Stances};
pub use error::ServiceError;
pub use feed::{Told, WATCHERS, WATCHERS_OF_TOKEN, Watcher};
pub use fleet::EXCHANGE_EVERY;
pub use glob::{GLOB_BYTES_MAX, GLOBS_MAX};
pub use herald::{Herald, MailFrom, Notices};
pub use list::*;
pub use map::{CoursePoint, MapRuns, RunMap};
pub use metrics::{Answered, Metrics};
pub use once::{ANSWERS_KEPT, Asked, Turn};
pub use places::{Full, Most, Place, Places};
pub use points::CRASH_POINTS;
pub use policy::{whole_policy, written_policy};
pub use prices::Prices;
pub use reconcile::Reconciler;
pub use roots::Roots;
pub use sessions::provider::{AWAY_COOKIE, AWAY_TIME, Away, BACK, Leaves, Provider, Vouched};
pub use sessions::{COOKIE, COOKIE_OVER_TLS, Came, SESSION_TIME, Session, SignedIn, one_cookie};
pub use settings::Seen;
pub use submit::{MODULES_BYTES_OF_TEAM, MODULES_OF_TEAM, Submitted, UPLOADS, UPLOADS_OF_TEAM, Upload};
pub use supervisor::{Launch, NodeCommand, Roster, STOP_GRACE, Supervisor};
pub use tokens::new_secret;
pub use usage::UsagePart;
pub use vault::SecretKeys;
