//! The record of decisions, for whoever audits it: lists, one with what it changed, all of them as they are hashed, and whether they
//! are what they were.

mod anchor;
pub(crate) mod provenance;
pub(crate) mod signing;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, TryLockError};

use serde_json::Value;
use skein_api::{AuditChange, AuditEvent, AuditRecord, AuditVerified, ChainHead, Page, Time, parse};
use skein_attest::{AttestError, Envelope, PROVENANCE_TYPE, Provenance, PublicKey, Ring, Statement, Trust};
use skein_ledger::{
    Actor, Event, EventFilter, Head, Kind, Ledger, Limit, ModuleState, Name, Options, Record, Recorded,
    Sqlite, Subject,
};
use skein_types::{Blake3, Clock, ServerId, TokenId, codes};

use crate::campaigns::{campaign_id, kinds, subject};
use crate::control::Control;
use crate::error::ServiceError;
use crate::list::{AuditPart, ListOrder, RecordPart};
use crate::modules::Modules;
use crate::shown;
use crate::vault::{Of, Vault};
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
        let read = |after: Option<u64>, limit| match part.order {
            ListOrder::Oldest => self.ledger.events(after.unwrap_or(0), &filter, limit),
            ListOrder::Newest => self.ledger.newest_events(after, &filter, limit),
        };
        let mut after = part.after;
        let Some(team) = &part.team else {
            let page = read(after, limit)?;
            let next = page.next.map(|position| position.to_string());
            return shown::page(page.items, next, |event| self.audited(&event));
        };
        // A team is not beside an event: whose each is, is looked up.
        let team = crate::control::name("team", team)?;
        let mut items = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = read(after, Limit::MAX)?;
            for recorded in page.items {
                if self.is_of(&recorded.event, &team)? {
                    let at = recorded.position.to_string();
                    items.push(recorded);
                    if items.len() == limit.rows() {
                        return shown::page(items, Some(at), |event| self.audited(&event));
                    }
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return shown::page(items, None, |event| self.audited(&event)),
            }
        }
        shown::page(items, after.map(|at| at.to_string()), |event| self.audited(&event))
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
        let absent = || ServiceError::absent("decision", &position.to_string());
        // No ledger counts so far, and it is asked for nothing that it cannot count.
        let found = if i64::try_from(position).is_ok() { self.ledger.event(position)? } else { None };
        let found = found.ok_or_else(absent)?;
        let mut event = self.audited(&found)?;
        if let (Kind::RuleSet | Kind::RuleRemoved, Some(change)) = (found.event.kind(), &mut event.change) {
            self.with_its_rule(&mut change.before)?;
            self.with_its_rule(&mut change.after)?;
        }
        Ok(event)
    }

    /// The record has a rule's digest. What it says is a blob, for as long as one is kept that no dataset has any more.
    fn with_its_rule(&self, set: &mut Option<Value>) -> Result<(), ServiceError> {
        let Some(set) = set else { return Ok(()) };
        let digest = set.get("blob").and_then(Value::as_str).and_then(|digest| digest.parse().ok());
        let Some(digest) = digest else { return Ok(()) };
        if let Some(bytes) = self.ledger.blob(digest)? {
            set["rule"] = serde_json::from_slice(&bytes).unwrap_or_default();
        }
        Ok(())
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
    /// that follows from it or lies beside it. One at a time: each reads all that there is.
    pub(crate) fn verify_audit(&self, heads: &[&str], deep: bool) -> Result<AuditVerified, ServiceError> {
        let heads = heads.iter().map(|text| head(text)).collect::<Result<Vec<_>, _>>()?;
        let _alone = match self.verifying.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::Poisoned(left)) => left.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(ServiceError::new(codes::SERVER_BUSY, "the record is being verified")
                    .hint(Some("ask again when that is done: one is verified at a time")));
            }
        };
        let ring = if deep { self.keys()? } else { Ring::default() };
        let verifier = Verifier { ledger: &*self.ledger, modules: &self.modules, dir: &self.dir, ring };
        verifier.verify(&heads, deep)
    }
}

/// The like of a server that does not run, in its state directory; one that does is refused by its ledger. What compiled modules are
/// signed with is its artifact key. `heads` says what was kept elsewhere, told which keys the ledger has and whose it is.
pub fn verify_stopped(
    dir: &Path,
    artifact_key: &[u8; 32],
    heads: impl FnOnce(&Ring, ServerId) -> Result<Vec<ChainHead>, AttestError>,
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
    let server = crate::control::identity_of(dir)?.ok_or_else(|| {
        ServiceError::new(codes::NOT_FOUND, format!("{} does not say which server it is", dir.display()))
            .hint(Some("the file `server/id` in it is gone: take it from a backup"))
    })?;
    let heads = heads(&ring, server).map_err(|error| refused(&error))?;
    let heads: Vec<Head> =
        heads.iter().map(|head| Head { position: head.position, hash: head.hash }).collect();
    Verifier { ledger: &ledger, modules: &modules, dir, ring }.verify(&heads, true)
}

/// What is looked at.
struct Verifier<'a> {
    ledger: &'a dyn Ledger,
    modules: &'a Modules,
    dir: &'a Path,
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
            passed_over: 0,
            secrets: 0,
            statements: 0,
        };
        if deep {
            verified.rows = self.ledger.rebuild()?.tables.iter().map(|(_, rows)| rows).sum();
            verified.blobs = self.ledger.verify_blobs()?;
            let (compiled, passed_over) = self.modules.check_artifacts()?;
            (verified.modules, verified.passed_over) = (self.modules()? + compiled, passed_over);
            verified.secrets = self.secrets()?;
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
                if !there && is_kept(module.state) {
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

    /// The values of secrets that are set are there.
    fn secrets(&self) -> Result<u64, ServiceError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.ledger.secrets(None, after.as_ref(), Limit::MAX)?;
            for secret in &page.items {
                let (team, name, version) = (&secret.team, &secret.name, secret.version);
                let of = Of { team: team.as_str(), name: name.as_str(), version };
                let is_set =
                    || Ok::<_, ServiceError>(self.ledger.secret(team, name)?.as_ref() == Some(secret));
                // One that was set anew or removed meanwhile has its file no more.
                if !Vault::has(self.dir, of)? && is_set()? {
                    let message =
                        format!("the value of secret {name} of team {team} is gone, version {version}");
                    return Err(ServiceError::new(codes::SECRET_LOST, message));
                }
                count += 1;
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
        // It names the last decision that there was. Whoever writes the record anew has its key to find, too.
        let (position, said) = (said.ledger.position, said.ledger.hash);
        let there = match position {
            0 => Some(Head::GENESIS.hash),
            _ => self.ledger.event(position)?.map(|recorded| recorded.hash),
        };
        if there != Some(said) {
            return Err(bad(&format!("it was said when the record had another position {position}")));
        }
        Ok(())
    }
}

/// Whether the bytes of a module in this state are kept. Those of one that was refused are not, also if it is banned since.
const fn is_kept(state: ModuleState) -> bool {
    match state {
        ModuleState::Submitted | ModuleState::Ready | ModuleState::Suspended => true,
        ModuleState::Refused | ModuleState::Banned => false,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use skein_attest::{PROVENANCE_TYPE, Provenance, Statement};
    use skein_ledger::{Entry, EventFilter, Kind, Limit, Meters, Name, RunIntended, RunPublished};
    use skein_types::{AttemptId, Blake3, codes};
    use uuid::Uuid;

    use super::Verifier;
    use crate::control::Control;
    use crate::scene::{HandClock, campaign, open, running};

    #[test]
    fn the_record_is_verified_by_one_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let other = control.verifying.lock().unwrap();
        assert_eq!(control.verify_audit(&[], false).unwrap_err().code, codes::SERVER_BUSY);
        drop(other);
        control.verify_audit(&[], false).unwrap();
    }

    /// The run of the scene is published, with a statement that names this head.
    fn publish(control: &Control, seq: u64, head: (u64, Blake3)) {
        let (signer, at) = control.signer().unwrap();
        let version = json!({ "version": 1, "files": 1, "bytes": 1, "tree": Blake3([0; 32]) });
        let said = json!({
            "server": control.server.to_string(), "tool": "t", "at": at,
            "dataset": { "id": "d", "name": "d", "owner": "o" },
            "run": { "id": "r", "campaign": campaign().to_string(), "campaign_name": "c", "seq": seq, "attempt": "a" },
            "module": { "digest": "m", "migration": "m", "version": "1" },
            "params": "p", "plan": null, "schema_plan": "s", "policy": "p", "approvals": [],
            "input": version, "output": version,
            "rows": { "read": 1, "written": 1, "rejected": 0, "filtered": 0 },
            "checks": {}, "ledger": { "position": head.0, "hash": head.1 },
        });
        let said: Provenance = serde_json::from_value(said).unwrap();
        let bytes = Statement::new(Vec::new(), PROVENANCE_TYPE, said).sign(&signer).unwrap().to_json();
        let statement = Some(Blake3::of(&bytes));
        let keep_until = skein_types::Timestamp(u64::MAX >> 12);
        let intended = RunIntended {
            campaign: campaign(),
            seq,
            publish: Name::new("p").unwrap(),
            descriptor: Blake3::of(b"{}"),
            base: 1,
            attempt: AttemptId::new(Uuid::from_u128(9)),
        };
        let published =
            RunPublished { campaign: campaign(), seq, version: 2, meters: Meters::default(), statement };
        let unit = control.itself.unit().then(Entry::PutBlob { bytes, keep_until });
        control.write(unit.decide(intended).decide(published)).unwrap();
    }

    fn statements(control: &Control) -> Result<u64, crate::error::ServiceError> {
        let ring = control.keys().unwrap();
        Verifier { ledger: &*control.ledger, modules: &control.modules, dir: &control.dir, ring }.statements()
    }

    #[test]
    fn a_statement_that_was_said_of_another_record_is_named() {
        for honest in [true, false] {
            let place = tempfile::tempdir().unwrap();
            let control = open(place.path(), &Arc::new(HandClock::default()));
            running(&control);
            control.signer().unwrap();
            let head = control.ledger.head().unwrap();
            // As if all before it had been written anew, with hashes that fit.
            let hash = if honest { head.hash } else { Blake3([7; 32]) };
            publish(&control, 0, (head.position, hash));
            let filter = EventFilter { kinds: vec![Kind::RunPublished], ..EventFilter::default() };
            let position = control.ledger.events(0, &filter, Limit::MAX).unwrap().items[0].position;
            match statements(&control) {
                Ok(count) => assert!(honest && count == 1),
                Err(error) => {
                    assert!(!honest, "{error}");
                    assert_eq!(error.code, codes::ATTEST_INVALID);
                    let said = format!("the statement that position {position} names: it was said when");
                    assert!(error.message.starts_with(&said), "{error}");
                }
            }
        }
    }
}
