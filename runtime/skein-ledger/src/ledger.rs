//! The face of every engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, DatasetId, DeliveryId, Millis, ModuleDigest, Name, NodeId, QuotaOf,
    RunId, RunState, TaskId, Timestamp, TokenId, WebhookId,
};

use crate::attempt::{Attempt, AttemptFilter};
use crate::chain::{Head, Recorded};
use crate::error::LedgerError;
use crate::event::{Kind, Subject};
use crate::kept::{Answer, Delivery, DeliveryFilter, Scrubbed, Usage, UsageBy, UsageFilter};
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

/// A durable record of decisions with its queue.
///
/// Calls block for the disk: asynchronous callers use a thread for them. Each read sees one moment, and everything that was
/// acknowledged before it.
pub trait Ledger: Send + Sync + Debug {
    /// Writes units, each by itself, in order, and says what became of each. When it returns, that is on the disk. An error
    /// means that nothing of any unit is known to be written: units with causes may be given again.
    fn commit(&self, units: Vec<Unit>) -> Result<Vec<UnitOutcome>, LedgerError>;

    /// Calls what reads several times on this thread, so that all of it sees one moment. What is committed meanwhile is not seen.
    fn moment(&self, reads: &mut dyn FnMut()) -> Result<(), LedgerError>;

    /// The last event.
    fn head(&self) -> Result<Head, LedgerError>;
    /// The ledger's generation: the upper half of every token that it gives.
    fn generation(&self) -> Result<u64, LedgerError>;
    /// Events behind a position, those that fit. A page of a filtered list may be short, or empty, and have a next one.
    fn events(
        &self,
        after: u64,
        filter: &EventFilter,
        limit: Limit,
    ) -> Result<Page<Recorded, u64>, LedgerError>;

    /// The same from the last one on, or from before a position.
    fn newest_events(
        &self,
        before: Option<u64>,
        filter: &EventFilter,
        limit: Limit,
    ) -> Result<Page<Recorded, u64>, LedgerError>;

    /// One event.
    fn event(&self, position: u64) -> Result<Option<Recorded>, LedgerError>;
    /// The last event of one of these kinds about this, before a position.
    fn event_before(
        &self,
        position: u64,
        of: &Subject,
        kinds: &[Kind],
    ) -> Result<Option<Recorded>, LedgerError>;
    /// Events behind a position as they are hashed, for whoever verifies them without this ledger.
    fn records(&self, after: u64, limit: Limit) -> Result<Page<Record, u64>, LedgerError>;
    /// Keys that statements are and were signed with, in the order in which they were introduced.
    fn signing_keys(&self, after: Option<u64>, limit: Limit) -> Result<Page<SigningKey, u64>, LedgerError>;

    /// A dataset.
    fn dataset(&self, id: DatasetId) -> Result<Option<Dataset>, LedgerError>;
    /// A dataset by its name.
    fn dataset_named(&self, name: &Name) -> Result<Option<Dataset>, LedgerError>;
    /// Datasets by name.
    fn datasets(
        &self,
        filter: &DatasetFilter,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<Dataset, Name>, LedgerError>;

    /// A module, by its first name.
    fn module(&self, digest: ModuleDigest) -> Result<Option<Module>, LedgerError>;
    /// A module, by the first of its names that is one of these teams'; of everybody's, if no teams are said.
    fn module_among(
        &self,
        digest: ModuleDigest,
        owners: Option<&[Name]>,
    ) -> Result<Option<Module>, LedgerError>;
    /// How much a team has of modules.
    fn modules_of(&self, owner: &Name) -> Result<ModulesOf, LedgerError>;
    /// Whose a module's names are.
    fn module_owners(&self, digest: ModuleDigest) -> Result<BTreeSet<Option<Name>>, LedgerError>;
    /// A module by a name and a version.
    fn module_named(&self, name: &Name, version: &Name) -> Result<Option<Module>, LedgerError>;
    /// Modules by name and version, once for each that they have; of everybody, or of some teams alone. At most
    /// [`OWNERS_MAX`](crate::OWNERS_MAX).
    fn modules(
        &self,
        owners: Option<&[Name]>,
        after: Option<&(Name, Name)>,
        limit: Limit,
    ) -> Result<Page<Module, (Name, Name)>, LedgerError>;
    /// The versions of one name, for everybody or for some teams. At most [`OWNERS_MAX`](crate::OWNERS_MAX).
    fn module_versions(
        &self,
        name: &Name,
        owners: Option<&[Name]>,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<Module, Name>, LedgerError>;

    /// A campaign.
    fn campaign(&self, id: CampaignId) -> Result<Option<Campaign>, LedgerError>;
    /// Campaigns in the order that `from` says; ids are in the order in which they were made.
    fn campaigns(
        &self,
        filter: &CampaignFilter,
        from: &CampaignsFrom,
        limit: Limit,
    ) -> Result<Page<Campaign, CampaignsFrom>, LedgerError>;
    /// The waves of a campaign.
    fn waves(&self, campaign: CampaignId) -> Result<Vec<Wave>, LedgerError>;

    /// A slice of a campaign's plan.
    fn slice(&self, campaign: CampaignId, team: &Name) -> Result<Option<Slice>, LedgerError>;
    /// Slices of a campaign's plan by team.
    fn slices(
        &self,
        campaign: CampaignId,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<Slice, Name>, LedgerError>;
    /// Runs of a slice that are in a state, by number.
    fn runs_of_slice(
        &self,
        slice: (CampaignId, &Name),
        state: RunState,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Page<Run, u64>, LedgerError>;
    /// How many runs of a slice are planned, by wave. They are counted and not read, of however many it has.
    fn planned_of_slice(&self, campaign: CampaignId, team: &Name) -> Result<BTreeMap<u32, u64>, LedgerError>;
    /// Whether a run of a slice is planned in a later wave than this one.
    fn is_planned_behind(&self, campaign: CampaignId, team: &Name, wave: u32) -> Result<bool, LedgerError>;
    /// Approvals of a campaign's plan that count, by slice and person.
    fn approvals(
        &self,
        campaign: CampaignId,
        after: Option<&(Name, Name)>,
        limit: Limit,
    ) -> Result<Page<Approval, (Name, Name)>, LedgerError>;
    /// Waves of a campaign that somebody let through.
    fn wave_approvals(&self, campaign: CampaignId) -> Result<Vec<WaveApproval>, LedgerError>;
    /// Comments on a campaign by number.
    fn comments(
        &self,
        campaign: CampaignId,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Page<Comment, u64>, LedgerError>;

    /// A run.
    fn run(&self, campaign: CampaignId, seq: u64) -> Result<Option<Run>, LedgerError>;
    /// A run by the name that its dataset's log knows it by.
    fn run_named(&self, run: RunId) -> Result<Option<Run>, LedgerError>;
    /// Runs of a campaign by number. `after` none: from the first.
    fn runs(
        &self,
        campaign: CampaignId,
        filter: RunFilter,
        after: Option<u64>,
        limit: Limit,
    ) -> Result<Page<Run, u64>, LedgerError>;
    /// Where all runs of a campaign are: of each state in which there are some, their numbers in order. An index says it, and no run is
    /// read for it.
    fn run_states(&self, campaign: CampaignId) -> Result<Vec<(RunState, Vec<u64>)>, LedgerError>;
    /// How runs of a campaign came to rest, second by second, where some did: at most as many steps as it has moves, and none is counted.
    fn course(&self, campaign: CampaignId) -> Result<Vec<CourseStep>, LedgerError>;
    /// Runs of a dataset, by campaign.
    fn runs_of_dataset(
        &self,
        dataset: DatasetId,
        after: Option<(CampaignId, u64)>,
        limit: Limit,
    ) -> Result<Page<Run, (CampaignId, u64)>, LedgerError>;
    /// The run of a dataset that was planned last: that of the newest campaign.
    fn last_run_of(&self, dataset: DatasetId) -> Result<Option<Run>, LedgerError>;

    /// A node.
    fn node(&self, id: NodeId) -> Result<Option<Node>, LedgerError>;
    /// Nodes by id.
    fn nodes(&self, after: Option<NodeId>, limit: Limit) -> Result<Page<Node, NodeId>, LedgerError>;

    /// A team.
    fn team(&self, name: &Name) -> Result<Option<Team>, LedgerError>;
    /// Teams by name.
    fn teams(&self, after: Option<&Name>, limit: Limit) -> Result<Page<Team, Name>, LedgerError>;
    /// A token.
    fn token(&self, id: TokenId) -> Result<Option<Token>, LedgerError>;
    /// A token by the hash of its secret.
    fn token_by_hash(&self, hash: Blake3) -> Result<Option<Token>, LedgerError>;
    /// Tokens by id, which is the order in which they were issued. Those that were revoked are among them.
    fn tokens(&self, after: Option<TokenId>, limit: Limit) -> Result<Page<Token, TokenId>, LedgerError>;

    /// Somebody's quota.
    fn quota(&self, of: &QuotaOf) -> Result<Option<Quota>, LedgerError>;
    /// Quotas by the words for whose they are.
    fn quotas(&self, after: Option<&QuotaOf>, limit: Limit) -> Result<Page<Quota, QuotaOf>, LedgerError>;
    /// A policy by its name.
    fn policy(&self, name: &Name) -> Result<Option<Policy>, LedgerError>;
    /// Policies by name.
    fn policies(&self, after: Option<&Name>, limit: Limit) -> Result<Page<Policy, Name>, LedgerError>;
    /// A secret of a team, without its value.
    fn secret(&self, team: &Name, name: &Name) -> Result<Option<Secret>, LedgerError>;
    /// Secrets by team and name; of one team or of all.
    fn secrets(
        &self,
        team: Option<&Name>,
        after: Option<&(Name, Name)>,
        limit: Limit,
    ) -> Result<Page<Secret, (Name, Name)>, LedgerError>;
    /// A receiver of notices.
    fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, LedgerError>;
    /// Receivers by id.
    fn webhooks(
        &self,
        after: Option<WebhookId>,
        limit: Limit,
    ) -> Result<Page<Webhook, WebhookId>, LedgerError>;
    /// A rule of a dataset: its owner's, or a reader's.
    fn rule(
        &self,
        dataset: DatasetId,
        consumer: Option<&Name>,
        name: &Name,
    ) -> Result<Option<Rule>, LedgerError>;
    /// The first rules of a dataset: its owner's by name, then its readers' by team and name.
    fn rules(&self, dataset: DatasetId, limit: Limit) -> Result<Vec<Rule>, LedgerError>;
    /// The first rules that stand with datasets of a campaign's waves: by owner, then its own before those of readers.
    fn rules_of_campaign(&self, campaign: CampaignId, limit: Limit) -> Result<Vec<PlannedRule>, LedgerError>;
    /// Whether the fleet works.
    fn fleet(&self) -> Result<Fleet, LedgerError>;

    /// A task.
    fn task(&self, id: TaskId) -> Result<Option<Task>, LedgerError>;
    /// Tasks in the order in which they were queued.
    fn tasks(&self, filter: TaskFilter, after: u64, limit: Limit) -> Result<Page<Task, u64>, LedgerError>;
    /// How many tasks of each of these campaigns may be claimed at this time, by class: those that are, up to so many of each.
    fn tasks_ready(&self, of: &[CampaignId], now: Timestamp, most: u32) -> Result<Ready, LedgerError>;
    /// Tasks that a node has: claimed or staged by it, in any incarnation.
    fn tasks_of_node(&self, node: NodeId, after: u64, limit: Limit) -> Result<Page<Task, u64>, LedgerError>;
    /// Tasks of one run.
    fn tasks_of_run(
        &self,
        campaign: CampaignId,
        seq: u64,
        after: u64,
        limit: Limit,
    ) -> Result<Page<Task, u64>, LedgerError>;

    /// An attempt that is over.
    fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>, LedgerError>;
    /// Attempts of a campaign by id, which is the order in which they were given to nodes.
    fn attempts(
        &self,
        filter: AttemptFilter,
        after: Option<AttemptId>,
        limit: Limit,
    ) -> Result<Page<Attempt, AttemptId>, LedgerError>;
    /// The same from the one that was given last on, or from before one.
    fn newest_attempts(
        &self,
        filter: AttemptFilter,
        before: Option<AttemptId>,
        limit: Limit,
    ) -> Result<Page<Attempt, AttemptId>, LedgerError>;
    /// The last attempt at a run that failed.
    fn last_failed(&self, campaign: CampaignId, seq: u64) -> Result<Option<Attempt>, LedgerError>;

    /// The answer that is kept under a key.
    fn answer(&self, key: &Name) -> Result<Option<Answer>, LedgerError>;
    /// A notice.
    fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, LedgerError>;
    /// Notices by id, which is the order in which they were made.
    fn deliveries(
        &self,
        filter: DeliveryFilter,
        after: Option<DeliveryId>,
        limit: Limit,
    ) -> Result<Page<Delivery, DeliveryId>, LedgerError>;
    /// The same from the one that was made last on, or from before one.
    fn newest_deliveries(
        &self,
        filter: DeliveryFilter,
        before: Option<DeliveryId>,
        limit: Limit,
    ) -> Result<Page<Delivery, DeliveryId>, LedgerError>;
    /// Up to which event receivers have their notices.
    fn notified_to(&self) -> Result<u64, LedgerError>;
    /// When a dataset was last read in full, and what came of it.
    fn scrubbed(&self, dataset: DatasetId) -> Result<Option<Scrubbed>, LedgerError>;
    /// Which dataset was read in full last, and when.
    fn last_scrubbed(&self) -> Result<Option<(DatasetId, Timestamp)>, LedgerError>;
    /// What was used, summed.
    fn usage(&self, filter: &UsageFilter, by: UsageBy, limit: Limit) -> Result<Usage, LedgerError>;

    /// The bytes of a blob.
    fn blob(&self, digest: Blake3) -> Result<Option<Vec<u8>>, LedgerError>;

    /// Walks the whole chain and, given a head from elsewhere, compares it. Names the first position that does not fit.
    fn verify(&self, against: Option<Head>) -> Result<Head, LedgerError>;
    /// The like against many heads from elsewhere.
    fn verify_all(&self, against: &[Head]) -> Result<Head, LedgerError>;
    /// Reads every blob and compares it with its digest, and asks for each that a row names and that a sweep would leave, or that is kept as
    /// long as its row is: the first that is not there is named. How many there are.
    fn verify_blobs(&self) -> Result<u64, LedgerError>;
    /// Plays the log into an empty ledger and compares every projection; before that, that the ledger has the tables of one and nothing else.
    fn rebuild(&self) -> Result<Rebuilt, LedgerError>;
    /// Removes what is past its retention and named by nothing.
    fn sweep(&self, retention: Retention) -> Result<Swept, LedgerError>;
    /// Writes a copy that can be opened like the original, with the next generation: tokens of the ledger that it becomes
    /// fence those that the original goes on to give. What was put as rows ([`crate::Entry::PutRows`]) is not in it. Refused if there is something at `path`.
    fn backup_to(&self, path: &Path) -> Result<Head, LedgerError>;

    /// What was written since it was opened.
    fn written(&self) -> Written;
    /// What it takes on the disk now.
    fn size(&self) -> Result<Bytes, LedgerError>;
}

impl dyn Ledger {
    /// What is read within, all of one moment.
    pub fn at_once<T>(&self, read: impl FnOnce() -> T) -> Result<T, LedgerError> {
        let (mut read, mut answer) = (Some(read), None);
        self.moment(&mut || answer = read.take().map(|read| read()))?;
        answer.ok_or_else(|| LedgerError::Bug("a moment that was not read".to_owned()))
    }
}

/// What a rebuild compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Up to where.
    pub head: Head,
    /// Rows of each projection.
    pub tables: Vec<(&'static str, u64)>,
}

/// How long what is not decided is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Causes, from when they were applied: a retry that comes later is done again.
    pub causes: Millis,
    /// What was used, from the beginning of its hour.
    pub charges: Millis,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Causes.
    pub causes: u64,
    /// Blobs.
    pub blobs: u64,
    /// Answers.
    pub answers: u64,
    /// Attempts.
    pub attempts: u64,
    /// Notices.
    pub deliveries: u64,
    /// Rows of what was used.
    pub charges: u64,
}

impl Swept {
    /// Both together.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            causes: self.causes + other.causes,
            blobs: self.blobs + other.blobs,
            answers: self.answers + other.answers,
            attempts: self.attempts + other.attempts,
            deliveries: self.deliveries + other.deliveries,
            charges: self.charges + other.charges,
        }
    }
}
