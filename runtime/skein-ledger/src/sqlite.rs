//! The engine for one machine: one SQLite file, one thread that writes, a few connections that read.
//!
//! The directory belongs to one process (`lock`). The write-ahead log is synced before a commit is told
//! (`synchronous = FULL`); what queued during one sync shares the next. Readers see snapshots and wait for nobody.

mod apart;
mod apply;
mod attempt;
mod backup;
mod cells;
mod fault;
mod guard;
mod kept;
mod lock;
mod named;
mod open;
mod prepare;
mod project;
mod queue;
mod read;
mod readers;
mod rebuild;
mod schema;
#[cfg(all(test, feature = "conformance"))]
mod statements;
mod sweep;
mod verify;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, Clock, DatasetId, DeliveryId, ModuleDigest, Name, NodeId, QuotaOf,
    RunId, RunState, TaskId, Timestamp, TokenId, WebhookId,
};

use crate::attempt::{Attempt, AttemptFilter};
use crate::chain::{Head, Recorded};
use crate::error::LedgerError;
use crate::event::{Kind, Subject};
use crate::kept::{Answer, Delivery, DeliveryFilter, Scrubbed, Usage, UsageBy, UsageFilter};
use crate::ledger::{Ledger, Rebuilt, Retention, Swept};
use crate::page::{Limit, Page};
use crate::record::Record;
use crate::task::Task;
use crate::unit::{Unit, UnitOutcome};
use crate::view::{
    Approval, Campaign, CampaignFilter, CampaignsFrom, Comment, CourseStep, Dataset, DatasetFilter,
    EventFilter, Fleet, Module, ModulesOf, Node, PlannedRule, Policy, Quota, Ready, Rule, Run, RunFilter,
    Secret, SigningKey, Slice, TaskFilter, Team, Token, Wave, WaveApproval, Webhook,
};
use crate::written::Written;
use lock::Lock;
use readers::Readers;
use writer::Writer;

/// Places where a test kills the process that has a ledger, see `skein_types::crash`.
pub const CRASH_POINTS: &[&str] =
    &["ledger.before-commit", "ledger.after-commit", "ledger.before-sweep", "ledger.after-sweep"];

/// Called by the writer after each commit that appended events, with the new head. It must not wait for anything.
pub type Notify = Box<dyn Fn(Head) + Send + Sync>;

/// What a ledger is opened with.
pub struct Options {
    /// For the times in records; a clock that jumps spoils those and nothing else.
    pub clock: Arc<dyn Clock>,
    /// Who is told that there is more to read.
    pub notify: Option<Notify>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// A ledger in a directory of this machine.
#[derive(Debug)]
pub struct Sqlite {
    // Fields are dropped in order: the readers first, so that the writer is the last to close and folds its log into the
    // file, which readers may not; the lock at the very end.
    readers: Readers,
    writer: Writer,
    path: PathBuf,
    generation: u64,
    clock: Arc<dyn Clock>,
    _lock: Lock,
}

impl Sqlite {
    /// The name of the file in its directory.
    pub const FILE: &'static str = "ledger.db";

    /// Opens the ledger of a directory, which is made if it is not there. Refused if another process has it, if it is
    /// damaged, if its tail does not verify, or if a newer program wrote it.
    pub fn open(directory: &Path, options: Options) -> Result<Self, LedgerError> {
        let place = |source| LedgerError::Place { path: directory.to_owned(), source: Arc::new(source) };
        std::fs::create_dir_all(directory).map_err(place)?;
        // Samples of plans have rows of datasets: they are for whoever may read those, and that is this user.
        std::fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(place)?;
        let lock = Lock::take(directory)?;
        let path = directory.join(Self::FILE);
        let opened = open::open(&path)?;
        let readers = Readers::new(path.clone());
        let generation = opened.generation;
        let writer = Writer::start(opened, Arc::clone(&options.clock), options.notify)?;
        Ok(Self { readers, writer, path, generation, clock: options.clock, _lock: lock })
    }
}

impl Ledger for Sqlite {
    fn commit(&self, units: Vec<Unit>) -> Result<Vec<UnitOutcome>, LedgerError> {
        if units.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.commit(prepare::prepare(units)?)
    }

    fn moment(&self, reads: &mut dyn FnMut()) -> Result<(), LedgerError> {
        self.readers.moment(reads)
    }

    fn head(&self) -> Result<Head, LedgerError> {
        self.readers.read(read::event::head)
    }

    fn generation(&self) -> Result<u64, LedgerError> {
        Ok(self.generation)
    }

    fn events(
        &self,
        after: u64,
        filter: &EventFilter,
        limit: Limit,
    ) -> Result<Page<Recorded, u64>, LedgerError> {
        self.readers.read_checked(|db| read::event::events(db, after, filter, limit))
    }

    fn newest_events(
        &self,
        before: Option<u64>,
        filter: &EventFilter,
        limit: Limit,
    ) -> Result<Page<Recorded, u64>, LedgerError> {
        self.readers.read_checked(|db| read::event::newest_events(db, before, filter, limit))
    }

    fn event(&self, position: u64) -> Result<Option<Recorded>, LedgerError> {
        self.readers.read_checked(|db| read::event::event(db, position))
    }

    fn event_before(
        &self,
        position: u64,
        of: &Subject,
        kinds: &[Kind],
    ) -> Result<Option<Recorded>, LedgerError> {
        self.readers.read_checked(|db| read::event::event_before(db, position, (of, kinds)))
    }

    fn records(&self, after: u64, limit: Limit) -> Result<Page<Record, u64>, LedgerError> {
        self.readers.read_checked(|db| read::event::records(db, after, limit))
    }

    fn signing_keys(&self, after: Option<u64>, limit: Limit) -> Result<Page<SigningKey, u64>, LedgerError> {
        self.readers.read(|db| read::key::keys(db, after, limit))
    }

    fn dataset(&self, id: DatasetId) -> Result<Option<Dataset>, LedgerError> {
        self.readers.read(|db| read::catalogue::dataset(db, id))
    }

    fn dataset_named(&self, name: &Name) -> Result<Option<Dataset>, LedgerError> {
        self.readers.read(|db| read::catalogue::dataset_named(db, name))
    }

    fn datasets(
        &self,
        filter: &DatasetFilter,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<Dataset, Name>, LedgerError> {
        self.readers.read_checked(|db| read::catalogue::datasets(db, filter, after, limit))
    }

    fn module(&self, digest: ModuleDigest) -> Result<Option<Module>, LedgerError> {
        self.readers.read(|db| read::catalogue::module(db, digest))
    }

    fn module_among(
        &self,
        digest: ModuleDigest,
        owners: Option<&[Name]>,
    ) -> Result<Option<Module>, LedgerError> {
        self.readers.read(|db| read::catalogue::module_among(db, digest, owners))
    }

    fn modules_of(&self, owner: &Name) -> Result<ModulesOf, LedgerError> {
        self.readers.read(|db| read::catalogue::modules_of(db, owner))
    }

    fn module_owners(&self, digest: ModuleDigest) -> Result<BTreeSet<Option<Name>>, LedgerError> {
        self.readers.read(|db| read::catalogue::module_owners(db, digest))
    }

    fn module_named(&self, name: &Name, version: &Name) -> Result<Option<Module>, LedgerError> {
        self.readers.read(|db| read::catalogue::module_named(db, name, version))
    }

    fn modules(
        &self,
        owners: Option<&[Name]>,
        after: Option<&(Name, Name)>,
        limit: Limit,
    ) -> Result<Page<Module, (Name, Name)>, LedgerError> {
        self.readers.read_checked(|db| read::catalogue::modules(db, owners, after, limit))
    }

    fn module_versions(
        &self,
        name: &Name,
        owners: Option<&[Name]>,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<Module, Name>, LedgerError> {
        self.readers.read_checked(|db| read::catalogue::module_versions(db, (name, owners), after, limit))
    }

    fn campaign(&self, id: CampaignId) -> Result<Option<Campaign>, LedgerError> {
        self.readers.read(|db| read::campaign::campaign(db, id))
    }

    fn campaigns(
        &self,
        filter: &CampaignFilter,
        from: &CampaignsFrom,
        limit: Limit,
    ) -> Result<Page<Campaign, CampaignsFrom>, LedgerError> {
        self.readers.read_checked(|db| read::campaign::campaigns(db, filter, from, limit))
    }

    fn waves(&self, campaign: CampaignId) -> Result<Vec<Wave>, LedgerError> {
        self.readers.read(|db| read::campaign::waves(db, campaign))
    }

    fn slice(&self, campaign: CampaignId, team: &Name) -> Result<Option<Slice>, LedgerError> {
        self.readers.read(|db| read::approval::slice(db, campaign, team))
    }

    fn slices(
        &self,
        campaign: CampaignId,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<Slice, Name>, LedgerError> {
        self.readers.read(|db| read::approval::slices(db, campaign, after, limit))
    }

    fn runs_of_slice(
        &self,
        (campaign, team): (CampaignId, &Name),
        state: RunState,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Page<Run, u64>, LedgerError> {
        self.readers.read(|db| read::approval::runs_of_slice(db, (campaign, team, state), after, limit))
    }

    fn planned_of_slice(&self, campaign: CampaignId, team: &Name) -> Result<BTreeMap<u32, u64>, LedgerError> {
        self.readers.read(|db| read::approval::planned_of_slice(db, campaign, team))
    }

    fn is_planned_behind(&self, campaign: CampaignId, team: &Name, wave: u32) -> Result<bool, LedgerError> {
        self.readers.read(|db| read::approval::is_planned_behind(db, campaign, (team, wave)))
    }

    fn approvals(
        &self,
        campaign: CampaignId,
        after: Option<&(Name, Name)>,
        limit: Limit,
    ) -> Result<Page<Approval, (Name, Name)>, LedgerError> {
        self.readers.read(|db| read::approval::approvals(db, campaign, after, limit))
    }

    fn wave_approvals(&self, campaign: CampaignId) -> Result<Vec<WaveApproval>, LedgerError> {
        self.readers.read(|db| read::approval::wave_approvals(db, campaign))
    }

    fn comments(
        &self,
        campaign: CampaignId,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Page<Comment, u64>, LedgerError> {
        self.readers.read(|db| read::approval::comments(db, campaign, after, limit))
    }

    fn run(&self, campaign: CampaignId, seq: u64) -> Result<Option<Run>, LedgerError> {
        self.readers.read(|db| read::run::run(db, campaign, seq))
    }

    fn run_named(&self, run: RunId) -> Result<Option<Run>, LedgerError> {
        self.readers.read(|db| read::run::run_named(db, run))
    }

    fn runs(
        &self,
        campaign: CampaignId,
        filter: RunFilter,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Page<Run, u64>, LedgerError> {
        self.readers.read(|db| read::run::runs(db, campaign, filter, after, limit))
    }

    fn run_states(&self, campaign: CampaignId) -> Result<Vec<(RunState, Vec<u64>)>, LedgerError> {
        self.readers.read(|db| read::run::run_states(db, campaign))
    }

    fn course(&self, campaign: CampaignId) -> Result<Vec<CourseStep>, LedgerError> {
        self.readers.read(|db| read::run::course(db, campaign))
    }

    fn runs_of_dataset(
        &self,
        dataset: DatasetId,
        after: Option<(CampaignId, u64)>,
        limit: Limit,
    ) -> Result<Page<Run, (CampaignId, u64)>, LedgerError> {
        self.readers.read(|db| read::run::runs_of_dataset(db, dataset, after, limit))
    }

    fn last_run_of(&self, dataset: DatasetId) -> Result<Option<Run>, LedgerError> {
        self.readers.read(|db| read::run::last_run_of(db, dataset))
    }

    fn node(&self, id: NodeId) -> Result<Option<Node>, LedgerError> {
        self.readers.read(|db| read::node::node(db, id))
    }

    fn nodes(&self, after: Option<NodeId>, limit: Limit) -> Result<Page<Node, NodeId>, LedgerError> {
        self.readers.read(|db| read::node::nodes(db, after, limit))
    }

    fn team(&self, name: &Name) -> Result<Option<Team>, LedgerError> {
        self.readers.read(|db| read::access::team(db, name))
    }

    fn teams(&self, after: Option<&Name>, limit: Limit) -> Result<Page<Team, Name>, LedgerError> {
        self.readers.read(|db| read::access::teams(db, after, limit))
    }

    fn token(&self, id: TokenId) -> Result<Option<Token>, LedgerError> {
        self.readers.read(|db| read::access::token(db, id))
    }

    fn token_by_hash(&self, hash: Blake3) -> Result<Option<Token>, LedgerError> {
        self.readers.read(|db| read::access::token_by_hash(db, hash))
    }

    fn tokens(&self, after: Option<TokenId>, limit: Limit) -> Result<Page<Token, TokenId>, LedgerError> {
        self.readers.read(|db| read::access::tokens(db, after, limit))
    }

    fn quota(&self, of: &QuotaOf) -> Result<Option<Quota>, LedgerError> {
        self.readers.read(|db| read::settings::quota(db, of))
    }

    fn quotas(&self, after: Option<&QuotaOf>, limit: Limit) -> Result<Page<Quota, QuotaOf>, LedgerError> {
        self.readers.read(|db| read::settings::quotas(db, after, limit))
    }

    fn policy(&self, name: &Name) -> Result<Option<Policy>, LedgerError> {
        self.readers.read(|db| read::settings::policy(db, name))
    }

    fn policies(&self, after: Option<&Name>, limit: Limit) -> Result<Page<Policy, Name>, LedgerError> {
        self.readers.read(|db| read::settings::policies(db, after, limit))
    }

    fn secret(&self, team: &Name, name: &Name) -> Result<Option<Secret>, LedgerError> {
        self.readers.read(|db| read::settings::secret(db, team, name))
    }

    fn secrets(
        &self,
        team: Option<&Name>,
        after: Option<&(Name, Name)>,
        limit: Limit,
    ) -> Result<Page<Secret, (Name, Name)>, LedgerError> {
        self.readers.read(|db| read::settings::secrets(db, team, after, limit))
    }

    fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, LedgerError> {
        self.readers.read(|db| read::settings::webhook(db, id))
    }

    fn webhooks(
        &self,
        after: Option<WebhookId>,
        limit: Limit,
    ) -> Result<Page<Webhook, WebhookId>, LedgerError> {
        self.readers.read(|db| read::settings::webhooks(db, after, limit))
    }

    fn rule(
        &self,
        dataset: DatasetId,
        consumer: Option<&Name>,
        name: &Name,
    ) -> Result<Option<Rule>, LedgerError> {
        self.readers.read(|db| read::rule::rule(db, dataset, (consumer, name)))
    }

    fn rules(&self, dataset: DatasetId, limit: Limit) -> Result<Vec<Rule>, LedgerError> {
        self.readers.read(|db| read::rule::rules(db, dataset, limit))
    }

    fn rules_of_campaign(&self, campaign: CampaignId, limit: Limit) -> Result<Vec<PlannedRule>, LedgerError> {
        self.readers.read(|db| read::rule::rules_of_campaign(db, campaign, limit))
    }

    fn fleet(&self) -> Result<Fleet, LedgerError> {
        self.readers.read(read::settings::fleet)
    }

    fn task(&self, id: TaskId) -> Result<Option<Task>, LedgerError> {
        self.readers.read(|db| read::task::task(db, id))
    }

    fn tasks(&self, filter: TaskFilter, after: u64, limit: Limit) -> Result<Page<Task, u64>, LedgerError> {
        self.readers.read(|db| read::task::tasks(db, filter, after, limit))
    }

    fn tasks_ready(&self, of: &[CampaignId], now: Timestamp, most: u32) -> Result<Ready, LedgerError> {
        self.readers.read(|db| read::task::tasks_ready(db, of, now, most))
    }

    fn tasks_of_node(&self, node: NodeId, after: u64, limit: Limit) -> Result<Page<Task, u64>, LedgerError> {
        self.readers.read(|db| read::task::tasks_of_node(db, node, after, limit))
    }

    fn tasks_of_run(
        &self,
        campaign: CampaignId,
        seq: u64,
        after: u64,
        limit: Limit,
    ) -> Result<Page<Task, u64>, LedgerError> {
        self.readers.read(|db| read::task::tasks_of_run(db, (campaign, seq), after, limit))
    }

    fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>, LedgerError> {
        self.readers.read(|db| attempt::attempt(db, id))
    }

    fn attempts(
        &self,
        filter: AttemptFilter,
        after: Option<AttemptId>,
        limit: Limit,
    ) -> Result<Page<Attempt, AttemptId>, LedgerError> {
        self.readers.read(|db| attempt::attempts(db, filter, after, limit))
    }

    fn newest_attempts(
        &self,
        filter: AttemptFilter,
        before: Option<AttemptId>,
        limit: Limit,
    ) -> Result<Page<Attempt, AttemptId>, LedgerError> {
        self.readers.read(|db| attempt::newest_attempts(db, filter, before, limit))
    }

    fn last_failed(&self, campaign: CampaignId, seq: u64) -> Result<Option<Attempt>, LedgerError> {
        self.readers.read(|db| attempt::last_failed(db, campaign, seq))
    }

    fn answer(&self, key: &Name) -> Result<Option<Answer>, LedgerError> {
        self.readers.read(|db| read::kept::answer(db, key))
    }

    fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, LedgerError> {
        self.readers.read(|db| read::kept::delivery(db, id))
    }

    fn deliveries(
        &self,
        filter: DeliveryFilter,
        after: Option<DeliveryId>,
        limit: Limit,
    ) -> Result<Page<Delivery, DeliveryId>, LedgerError> {
        self.readers.read(|db| read::kept::deliveries(db, filter, after, limit))
    }

    fn newest_deliveries(
        &self,
        filter: DeliveryFilter,
        before: Option<DeliveryId>,
        limit: Limit,
    ) -> Result<Page<Delivery, DeliveryId>, LedgerError> {
        self.readers.read(|db| read::kept::newest_deliveries(db, filter, before, limit))
    }

    fn notified_to(&self) -> Result<u64, LedgerError> {
        self.readers.read(read::kept::notified_to)
    }

    fn last_scrubbed(&self) -> Result<Option<(DatasetId, Timestamp)>, LedgerError> {
        self.readers.read(read::kept::last_scrubbed)
    }

    fn scrubbed(&self, dataset: DatasetId) -> Result<Option<Scrubbed>, LedgerError> {
        self.readers.read(|db| read::kept::scrubbed(db, dataset))
    }

    fn usage(&self, filter: &UsageFilter, by: UsageBy, limit: Limit) -> Result<Usage, LedgerError> {
        self.readers.read(|db| read::kept::usage(db, filter, by, limit))
    }

    fn blob(&self, digest: Blake3) -> Result<Option<Vec<u8>>, LedgerError> {
        self.readers.read_checked(|db| read::event::blob(db, digest))
    }

    fn verify(&self, against: Option<Head>) -> Result<Head, LedgerError> {
        self.verify_all(against.as_slice())
    }

    fn verify_all(&self, against: &[Head]) -> Result<Head, LedgerError> {
        self.readers.read_checked(|db| verify::all(db, against))
    }

    fn verify_blobs(&self) -> Result<u64, LedgerError> {
        let (mut sum, mut next) = (0, Some(Blake3([0; 32])));
        while let Some(after) = next {
            let (count, last) = self.readers.read_checked(|db| verify::blobs(db, after))?;
            (sum, next) = (sum + count, last);
        }
        let now = self.clock.now();
        self.readers.read_checked(|db| named::all_there(db, now))?;
        Ok(sum)
    }

    fn rebuild(&self) -> Result<Rebuilt, LedgerError> {
        self.readers.read_checked(rebuild::rebuild)
    }

    fn sweep(&self, retention: Retention) -> Result<Swept, LedgerError> {
        sweep::sweep(&self.writer, retention, self.clock.now())
    }

    fn backup_to(&self, path: &Path) -> Result<Head, LedgerError> {
        backup::backup(&self.path, path)
    }

    fn written(&self) -> Written {
        self.writer.written()
    }

    fn size(&self) -> Result<Bytes, LedgerError> {
        // The index of the log lies in memory for the most part and is made anew at will.
        let files = [self.path.clone(), self.path.with_extension("db-wal")];
        let sizes = files.iter().map(|file| match std::fs::metadata(file) {
            Ok(file) => Ok(Bytes(file.len())),
            // There is no log while nothing is in it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Bytes(0)),
            Err(error) => Err(LedgerError::Io(Arc::new(error))),
        });
        sizes.sum()
    }
}
