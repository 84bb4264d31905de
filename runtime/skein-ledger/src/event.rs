//! Decisions. A kind's name is never changed or used for something else; a body that changes gets a higher schema version,
//! an upcaster and golden files of both. Unknown fields are refused: an older program must not read half of a newer record.

pub(crate) mod access;
pub(crate) mod approval;
pub(crate) mod campaign;
pub(crate) mod dataset;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod module;
pub(crate) mod node;
pub(crate) mod run;
pub(crate) mod server;
pub(crate) mod settings;

use std::fmt;

use serde_json::Value;
use skein_types::{CampaignId, DatasetId, ModuleDigest, Name, NodeId, QuotaOf, TokenId, WebhookId};

use crate::canonical::{self, NotCanonical};
use crate::upcast::{self, UPCASTERS};
use access::*;
use approval::*;
use campaign::*;
use dataset::*;
use health::*;
use key::*;
use module::*;
use node::*;
use run::*;
use server::*;
use settings::*;

/// What a decision is about: the thing whose history it is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A module.
    Module(ModuleDigest),
    /// A dataset.
    Dataset(DatasetId),
    /// A campaign, its waves and its runs.
    Campaign(CampaignId),
    /// One run of a campaign.
    Run(CampaignId, u64),
    /// A node.
    Node(NodeId),
    /// A team.
    Team(Name),
    /// A token.
    Token(TokenId),
    /// Somebody's quota.
    Quota(QuotaOf),
    /// A policy.
    Policy(Name),
    /// A secret, by its team and its name.
    Secret(Name, Name),
    /// A receiver of notices.
    Webhook(WebhookId),
    /// A rule of a dataset: the reader's whose it is, and its name.
    Rule(DatasetId, Option<Name>, Name),
    /// The fleet.
    Fleet,
    /// A key that statements are signed with.
    Key(Name),
    /// The server as a whole.
    Server,
}

impl Subject {
    /// How it stands beside an event: the id, or what has none by a word and its name, and the run's number.
    pub(crate) fn columns(&self) -> (String, Option<u64>) {
        match self {
            Self::Module(id) => (id.to_string(), None),
            Self::Dataset(id) => (id.to_string(), None),
            Self::Campaign(id) => (id.to_string(), None),
            Self::Run(id, seq) => (id.to_string(), Some(*seq)),
            Self::Node(id) => (id.to_string(), None),
            Self::Team(name) => (format!("team:{name}"), None),
            Self::Token(id) => (id.to_string(), None),
            Self::Quota(of) => (format!("quota:{of}"), None),
            Self::Policy(name) => (format!("policy:{name}"), None),
            // No name has a line break, so no two secrets have one spelling.
            Self::Secret(team, name) => (format!("secret:{team}\n{name}"), None),
            Self::Webhook(id) => (id.to_string(), None),
            Self::Rule(dataset, consumer, name) => {
                let consumer = consumer.as_ref().map_or("", Name::as_str);
                (format!("rule:{dataset}\n{consumer}\n{name}"), None)
            }
            Self::Fleet => ("fleet".to_owned(), None),
            Self::Key(id) => (format!("key:{id}"), None),
            Self::Server => ("server".to_owned(), None),
        }
    }
}

impl fmt::Display for Subject {
    /// The id of what it is about, or its name behind a word; of a run, its campaign's and its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.columns() {
            (id, None) => f.write_str(&id.replace('\n', "/")),
            (id, Some(seq)) => write!(f, "{id}/{seq}"),
        }
    }
}

/// Why a stored record cannot be read as an event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("its kind {0:?} is not known")]
    Kind(String),
    #[error("its kind {kind} has the version {found}, and this program knows up to {known}")]
    Schema { kind: Kind, found: u32, known: u32 },
    #[error("its body is not one of {kind}: {source}")]
    Body { kind: Kind, source: serde_json::Error },
}

macro_rules! events {
    ($($variant:ident = $word:literal, v $schema:literal, $subject:expr;)+) => {
        /// One decision.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = concat!("`", $word, "`")] $variant($variant),)+
        }

        /// The kinds of decisions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it, for ever.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The version of its body that is written.
            pub const fn schema(self) -> u32 {
                match self { $(Self::$variant => $schema),+ }
            }

            pub(crate) fn of(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// Whether decisions of it are about one run of a campaign each.
            pub(crate) fn is_of_a_run(self) -> bool {
                self.as_str().starts_with("run.")
            }
        }

        impl Event {
            /// Which kind of decision it is.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant),+ }
            }

            /// What it is about.
            pub fn subject(&self) -> Subject {
                match self { $(Self::$variant(body) => { let of: fn(&$variant) -> Subject = $subject; of(body) }),+ }
            }

            /// Its body as JSON, for those who show it.
            pub fn shown(&self) -> Value {
                match self { $(Self::$variant(body) => serde_json::to_value(body).unwrap_or_default()),+ }
            }

            /// Its body as it is stored and hashed.
            pub(crate) fn body(&self) -> Result<Vec<u8>, NotCanonical> {
                match self { $(Self::$variant(body) => canonical::bytes(body)),+ }
            }

            fn of_body(kind: Kind, body: Value) -> Result<Self, serde_json::Error> {
                match kind { $(Kind::$variant => serde_json::from_value(body).map(Self::$variant)),+ }
            }
        }

        $(impl From<$variant> for Event {
            fn from(body: $variant) -> Self {
                Self::$variant(body)
            }
        })+
    };
}

events! {
    ModuleSubmitted = "module.submitted", v 2, |e| Subject::Module(e.module);
    ModuleCompiled = "module.compiled", v 1, |e| Subject::Module(e.module);
    ModuleRefused = "module.refused", v 1, |e| Subject::Module(e.module);
    ModuleSuspended = "module.suspended", v 1, |e| Subject::Module(e.module);
    ModuleRestored = "module.restored", v 1, |e| Subject::Module(e.module);
    ModuleBanned = "module.banned", v 1, |e| Subject::Module(e.module);
    DatasetRegistered = "dataset.registered", v 1, |e| Subject::Dataset(e.dataset);
    DatasetChanged = "dataset.changed", v 1, |e| Subject::Dataset(e.dataset);
    DatasetRemoved = "dataset.removed", v 1, |e| Subject::Dataset(e.dataset);
    DatasetDamaged = "dataset.damaged", v 1, |e| Subject::Dataset(e.dataset);
    CampaignCreated = "campaign.created", v 2, |e| Subject::Campaign(e.campaign);
    CampaignMoved = "campaign.moved", v 1, |e| Subject::Campaign(e.campaign);
    CampaignPlanned = "campaign.planned", v 1, |e| Subject::Campaign(e.campaign);
    CampaignUnplanned = "campaign.unplanned", v 1, |e| Subject::Campaign(e.campaign);
    CampaignRolledOut = "campaign.rolled_out", v 1, |e| Subject::Campaign(e.campaign);
    CampaignChecked = "campaign.checked", v 1, |e| Subject::Campaign(e.campaign);
    WavePlanned = "wave.planned", v 1, |e| Subject::Campaign(e.campaign);
    WaveMoved = "wave.moved", v 1, |e| Subject::Campaign(e.campaign);
    RunPlanned = "run.planned", v 2, |e| Subject::Run(e.campaign, e.seq);
    RunIntended = "run.intended", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunPublished = "run.published", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunFinalized = "run.finalized", v 2, |e| Subject::Run(e.campaign, e.seq);
    RunFailed = "run.failed", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunSkipped = "run.skipped", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunCancelled = "run.cancelled", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunStale = "run.stale", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunRetried = "run.retried", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunReverting = "run.reverting", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunReverted = "run.reverted", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunRevertFailed = "run.revert_failed", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunRehearsed = "run.rehearsed", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunAlarmed = "run.alarmed", v 1, |e| Subject::Run(e.campaign, e.seq);
    NodeJoined = "node.joined", v 1, |e| Subject::Node(e.node);
    NodeLost = "node.lost", v 1, |e| Subject::Node(e.node);
    NodeLeft = "node.left", v 1, |e| Subject::Node(e.node);
    TeamCreated = "team.created", v 1, |e| Subject::Team(e.team.clone());
    TeamChanged = "team.changed", v 1, |e| Subject::Team(e.team.clone());
    TeamRemoved = "team.removed", v 1, |e| Subject::Team(e.team.clone());
    TokenIssued = "token.issued", v 1, |e| Subject::Token(e.token);
    TokenRevoked = "token.revoked", v 1, |e| Subject::Token(e.token);
    NodeMarked = "node.marked", v 1, |e| Subject::Node(e.node);
    QuotaSet = "quota.set", v 1, |e| Subject::Quota(e.of.clone());
    QuotaRemoved = "quota.removed", v 1, |e| Subject::Quota(e.of.clone());
    PolicySet = "policy.set", v 1, |e| Subject::Policy(e.name.clone());
    PolicyRemoved = "policy.removed", v 1, |e| Subject::Policy(e.name.clone());
    SecretSet = "secret.set", v 1, |e| Subject::Secret(e.team.clone(), e.name.clone());
    SecretRemoved = "secret.removed", v 1, |e| Subject::Secret(e.team.clone(), e.name.clone());
    WebhookSet = "webhook.set", v 1, |e| Subject::Webhook(e.webhook);
    WebhookRemoved = "webhook.removed", v 1, |e| Subject::Webhook(e.webhook);
    FleetFrozen = "fleet.frozen", v 1, |_| Subject::Fleet;
    FleetThawed = "fleet.thawed", v 1, |_| Subject::Fleet;
    SlicePlanned = "slice.planned", v 1, |e| Subject::Campaign(e.campaign);
    ApprovalGiven = "approval.given", v 1, |e| Subject::Campaign(e.campaign);
    ApprovalRevoked = "approval.revoked", v 1, |e| Subject::Campaign(e.campaign);
    SliceDeferred = "slice.deferred", v 1, |e| Subject::Campaign(e.campaign);
    SliceDeclined = "slice.declined", v 1, |e| Subject::Campaign(e.campaign);
    CommentAdded = "comment.added", v 1, |e| Subject::Campaign(e.campaign);
    CommentResolved = "comment.resolved", v 1, |e| Subject::Campaign(e.campaign);
    ApprovalBrokenGlass = "approval.broken_glass", v 1, |e| Subject::Campaign(e.campaign);
    WaveApproved = "wave.approved", v 1, |e| Subject::Campaign(e.campaign);
    RunHeld = "run.held", v 1, |e| Subject::Run(e.campaign, e.seq);
    RunReleased = "run.released", v 1, |e| Subject::Run(e.campaign, e.seq);
    RuleSet = "rule.set", v 1, |e| Subject::Rule(e.dataset, e.consumer.clone(), e.name.clone());
    RuleRemoved = "rule.removed", v 1, |e| Subject::Rule(e.dataset, e.consumer.clone(), e.name.clone());
    RuleIgnored = "rule.ignored", v 1, |e| Subject::Rule(e.dataset, Some(e.consumer.clone()), e.name.clone());
    KeyIntroduced = "key.introduced", v 1, |e| Subject::Key(e.key.clone());
    BackupMade = "backup.made", v 1, |_| Subject::Server;
    ServerRestored = "server.restored", v 1, |_| Subject::Server;
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Event {
    /// Reads a stored record of any version that was ever written.
    pub(crate) fn decode(kind: &str, schema: u32, body: &[u8]) -> Result<Self, Unreadable> {
        let kind = Kind::of(kind).ok_or_else(|| Unreadable::Kind(kind.chars().take(64).collect()))?;
        let body = serde_json::from_slice(body).map_err(|source| Unreadable::Body { kind, source })?;
        let body = upcast::to_current(UPCASTERS, kind, (schema, kind.schema()), body)?;
        Self::of_body(kind, body).map_err(|source| Unreadable::Body { kind, source })
    }
}

#[cfg(test)]
mod tests;
