//! The record of decisions, for whoever audits it: lists, one with what it changed, all of them as they are hashed, and whether they
//! are what they were.

mod anchor;
pub(crate) mod provenance;
pub(crate) mod signing;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use skein_api::{AuditChange, AuditEvent, AuditRecord, AuditVerified, ChainHead, Page, Time, parse};
use skein_attest::{AttestError, Envelope, PROVENANCE_TYPE, Provenance, PublicKey, Ring, Statement, Trust};
use skein_ledger::{
    Actor, Event, EventFilter, Head, Kind, Ledger, Limit, ModuleState, Name, Options, Record, Recorded,
    Sqlite, Subject,
};
use skein_types::{Blake3, Clock, TokenId, codes};

use crate::campaigns::{campaign_id, kinds, subject};
use crate::control::Control;
use crate::error::ServiceError;
use crate::list::{AuditPart, RecordPart};
use crate::modules::Modules;
use crate::shown;
use crate::whose::Whose;

pub use anchor::Anchor;
pub use skein_attest::sealed;

/// Events of a page where nothing is said.
const ITEMS: usize = 100;
/// Pages of events of which one page of a team's is made.
const PAGES_MAX: usize = 10;

/// Those that say what a dataset is called, whose it is and how it is labelled.
pub(crate) const SAID_OF_DATASETS: &[Kind] =
    &[Kind::DatasetRegistered, Kind::DatasetChanged, Kind::DatasetRemoved];
/// Decisions that set the same things: what one says takes the place of what the last one of them said.
const FAMILIES: [&[Kind]; 11] = [
    SAID_OF_DATASETS,
    &[Kind::TeamCreated, Kind::TeamChanged, Kind::TeamRemoved],
    &[Kind::TokenIssued, Kind::TokenRevoked],
    &[Kind::NodeMarked],
    &[Kind::QuotaSet, Kind::QuotaRemoved],
    &[Kind::PolicySet, Kind::PolicyRemoved],
    &[Kind::SecretSet, Kind::SecretRemoved],
    &[Kind::WebhookSet, Kind::WebhookRemoved],
    &[Kind::FleetFrozen, Kind::FleetThawed],
    &[Kind::RuleSet, Kind::RuleRemoved],
    &[Kind::RuleIgnored],
];
/// Those after which nothing is set.
const REMOVALS: [Kind; 8] = [
    Kind::DatasetRemoved,
    Kind::TeamRemoved,
    Kind::TokenRevoked,
    Kind::QuotaRemoved,
    Kind::PolicyRemoved,
    Kind::SecretRemoved,
    Kind::WebhookRemoved,
    Kind::RuleRemoved,
];

impl Control {
    /// The last decision.
    pub(crate) fn audit_head(&self) -> Result<ChainHead, ServiceError> {
        let head = self.ledger.head()?;
        Ok(ChainHead { position: head.position, hash: head.hash })
    }

    /// What was decided, by whom, when and from where.
    pub(crate) fn audit(&self, part: &AuditPart) -> Result<Page<AuditEvent>, ServiceError> {
        let filter = filter(part)?;
        let limit = Limit::new(part.limit.unwrap_or(ITEMS));
        let mut after = part.after.unwrap_or(0);
        let Some(team) = &part.team else {
            let page = self.ledger.events(after, &filter, limit)?;
            let next = page.next.map(|position| position.to_string());
            return shown::page(page.items, next, |event| self.audited(&event));
        };
        // A team is not beside an event: whose each is, is looked up.
        let team = crate::control::name("team", team)?;
        let mut items = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = self.ledger.events(after, &filter, Limit::MAX)?;
            for recorded in page.items {
                if self.is_of(&recorded.event, &team)? {
                    after = recorded.position;
                    items.push(recorded);
                    if items.len() == limit.rows() {
                        return shown::page(items, Some(after.to_string()), |event| self.audited(&event));
                    }
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return shown::page(items, None, |event| self.audited(&event)),
            }
        }
        shown::page(items, Some(after.to_string()), |event| self.audited(&event))
    }

    fn is_of(&self, event: &Event, team: &Name) -> Result<bool, ServiceError> {
        Ok(match self.whose_event(event)? {
            Whose::Team(of) => of == *team,
            Whose::Teams(of) => of.contains(team),
            Whose::Everybodys | Whose::Nobodys | Whose::Auditors => false,
        })
    }

    /// One decision.
    pub(crate) fn audit_event(&self, position: u64) -> Result<AuditEvent, ServiceError> {
        let found = self.ledger.event(position)?;
        self.audited(&found.ok_or_else(|| ServiceError::absent("decision", &position.to_string()))?)
    }

    fn audited(&self, recorded: &Recorded) -> Result<AuditEvent, ServiceError> {
        Ok(AuditEvent {
            position: recorded.position,
            kind: shown::text(recorded.event.kind()),
            at: Time(recorded.at),
            actor: shown::text(&recorded.actor),
            from: recorded.origin.map(|origin| shown::text(origin.from)),
            token: recorded.origin.and_then(|origin| origin.token),
            subject: shown::text(recorded.event.subject()),
            body: recorded.event.shown(),
            change: self.change(recorded)?,
            hash: recorded.hash,
            trace: recorded.trace,
        })
    }

    /// What a decision that sets something changed: found in the record itself, which says what was set before.
    fn change(&self, recorded: &Recorded) -> Result<Option<AuditChange>, ServiceError> {
        let kind = recorded.event.kind();
        let Some(family) = FAMILIES.iter().find(|family| family.contains(&kind)) else { return Ok(None) };
        let set = |event: &Event| (!REMOVALS.contains(&event.kind())).then(|| event.shown());
        let subject = recorded.event.subject();
        let before = self.ledger.event_before(recorded.position, &subject, family)?;
        Ok(Some(AuditChange {
            before_at: before.as_ref().map(|before| before.position),
            before: before.and_then(|before| set(&before.event)),
            after: set(&recorded.event),
        }))
    }

    /// Decisions as they are hashed.
    pub(crate) fn audit_records(&self, part: &RecordPart) -> Result<Page<AuditRecord>, ServiceError> {
        let page = self.ledger.records(part.after.unwrap_or(0), Limit::new(part.limit.unwrap_or(ITEMS)))?;
        shown::page(page.items, page.next.map(|position| position.to_string()), as_hashed)
    }

    /// Reads the whole record, each decision against the one before it and all of them against heads from elsewhere; and, if asked, all
    /// that follows from it or lies beside it.
    pub(crate) fn verify_audit(&self, heads: &[&str], deep: bool) -> Result<AuditVerified, ServiceError> {
        let heads = heads.iter().map(|text| head(text)).collect::<Result<Vec<_>, _>>()?;
        let ring = if deep { self.keys()? } else { Ring::default() };
        let verifier = Verifier { ledger: &*self.ledger, modules: &self.modules, ring };
        verifier.verify(&heads, deep)
    }
}

/// The like of a server that does not run, in its state directory; one that does is refused by its ledger. What compiled modules are
/// signed with is its artifact key. `heads` says what was kept elsewhere, told which keys the ledger has.
pub fn verify_stopped(
    dir: &Path,
    artifact_key: &[u8; 32],
    heads: impl FnOnce(&Ring) -> Result<Vec<ChainHead>, AttestError>,
    clock: &Arc<dyn Clock>,
) -> Result<AuditVerified, ServiceError> {
    let ledger = dir.join("ledger");
    if !ledger.join(Sqlite::FILE).exists() {
        return Err(ServiceError::new(codes::NOT_FOUND, format!("{} holds no server", dir.display()))
            .hint(Some("name the directory that `skein serve --dir` was started with")));
    }
    let ledger = Sqlite::open(&ledger, Options { clock: Arc::clone(clock), notify: None })?;
    let modules = Modules::open(dir, std::path::PathBuf::new(), artifact_key)?;
    let ring = signing::ring(&ledger)?;
    let heads = heads(&ring).map_err(|error| refused(&error))?;
    let heads: Vec<Head> =
        heads.iter().map(|head| Head { position: head.position, hash: head.hash }).collect();
    Verifier { ledger: &ledger, modules: &modules, ring }.verify(&heads, true)
}

/// What is looked at.
struct Verifier<'a> {
    ledger: &'a dyn Ledger,
    modules: &'a Modules,
    ring: Ring,
}

impl Verifier<'_> {
    fn verify(&self, heads: &[Head], deep: bool) -> Result<AuditVerified, ServiceError> {
        let head = self.ledger.verify_all(heads)?;
        let mut verified = AuditVerified {
            position: head.position,
            hash: head.hash,
            heads: heads.len() as u64,
            rows: 0,
            blobs: 0,
            modules: 0,
            statements: 0,
        };
        if deep {
            verified.rows = self.ledger.rebuild()?.tables.iter().map(|(_, rows)| rows).sum();
            verified.blobs = self.ledger.verify_blobs()?;
            verified.modules = self.modules()? + self.modules.check_artifacts()?;
            verified.statements = self.statements()?;
        }
        Ok(verified)
    }

    /// Modules that lie here are those that were submitted.
    fn modules(&self) -> Result<u64, ServiceError> {
        let (mut seen, mut count, mut after) = (BTreeSet::new(), 0, None);
        loop {
            let page = self.ledger.modules(None, after.as_ref(), Limit::MAX)?;
            for module in page.items {
                if !seen.insert(module.digest) {
                    continue;
                }
                let there = self.modules.check_bytes(module.digest)?;
                if !there && matches!(module.state, ModuleState::Ready | ModuleState::Submitted) {
                    let message = format!(
                        "the bytes of {} ({}@{}) are gone",
                        module.digest, module.name, module.version
                    );
                    return Err(ServiceError::new(codes::MODULE_SWAPPED, message));
                }
                count += u64::from(there);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// Statements that decisions name are there, signed by the key of their time, and of the run that the decision is about.
    fn statements(&self) -> Result<u64, ServiceError> {
        // The keys are in the chain, so each of them is trusted, in its time.
        let keys = self.ring.keys.iter().map(|key| PublicKey::from_base64(&key.public));
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(|error| refused(&error))?;
        let trust = Trust::through(keys, &self.ring).map_err(|error| refused(&error))?;
        let filter = EventFilter { kinds: vec![Kind::RunPublished], ..EventFilter::default() };
        let (mut count, mut after) = (0, 0);
        loop {
            let page = self.ledger.events(after, &filter, Limit::MAX)?;
            for recorded in &page.items {
                let Event::RunPublished(published) = &recorded.event else { continue };
                let Some(digest) = published.statement else { continue };
                self.statement((recorded, published.seq), digest, &trust)?;
                count += 1;
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(count),
            }
        }
    }

    fn statement(
        &self,
        (recorded, seq): (&Recorded, u64),
        digest: Blake3,
        trust: &Trust,
    ) -> Result<(), ServiceError> {
        let position = recorded.position;
        let bad = |error: &dyn std::fmt::Display| {
            ServiceError::new(
                codes::ATTEST_INVALID,
                format!("the statement that position {position} names: {error}"),
            )
        };
        let bytes = self.ledger.blob(digest)?.ok_or_else(|| bad(&"it is gone"))?;
        let envelope = Envelope::parse(&bytes).map_err(|error| bad(&error))?;
        let opened =
            Statement::<Provenance>::open(&envelope, PROVENANCE_TYPE, (trust, |said: &Provenance| said.at));
        let said = opened.map_err(|error| bad(&error))?.0.predicate;
        let about = Subject::Run(said.run.campaign.parse().map_err(|error| bad(&error))?, said.run.seq);
        if about != recorded.event.subject() || said.run.seq != seq || said.ledger.position >= position {
            return Err(bad(&"it is of another run"));
        }
        Ok(())
    }
}

fn refused(error: &AttestError) -> ServiceError {
    ServiceError::new(error.code(), error.to_string())
}

fn head(text: &str) -> Result<Head, ServiceError> {
    let head = text.parse::<ChainHead>();
    let head = head.map_err(|error| ServiceError::new(codes::BODY_INVALID, format!("against: {error}")))?;
    Ok(Head { position: head.position, hash: head.hash })
}

fn filter(part: &AuditPart) -> Result<EventFilter, ServiceError> {
    let actor = part.actor.as_deref().map(Actor::new).transpose();
    let actor = actor.map_err(|error| ServiceError::unfit("actor", &error))?;
    let token = part.token.as_deref().map(str::parse::<TokenId>).transpose();
    let token = token.map_err(|error| ServiceError::unfit("token", &error))?;
    let of = part.subject.as_deref().map(subject).transpose()?;
    let campaign = part.campaign.as_deref().map(campaign_id).transpose()?.map(Subject::Campaign);
    if of.is_some() && campaign.is_some() {
        let message = "`subject` and `campaign` are two things that decisions are about: give one of them";
        return Err(ServiceError::new(codes::BODY_INVALID, message));
    }
    let kinds = part.kind.as_deref().map_or(Ok(Vec::new()), kinds)?;
    let (from, to) = (part.from.map(|time| time.0), part.to.map(|time| time.0));
    Ok(EventFilter { of: of.or(campaign), actor, token, kinds, from, to })
}

/// Nothing of it is escaped or cut: it would not verify. What a text may not be, it was not when it was written.
fn as_hashed(record: Record) -> Result<AuditRecord, ServiceError> {
    let text = serde_json::to_vec(&record).map_err(|error| ServiceError::bug(error.to_string()))?;
    let position = record.position;
    parse(&text, text.len())
        .map_err(|error| ServiceError::bug(format!("the record of position {position}: {error}")))
}
