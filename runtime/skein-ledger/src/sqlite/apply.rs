//! One unit, inside the group's transaction: its cause, its guards, its entries. Nothing of a unit that does not fit is left.

use rusqlite::{Connection, OptionalExtension as _, params};
use skein_types::{Blake3, Timestamp, TraceId};

use super::fault::Stop;
use super::prepare::{Encoded, Prepared, Step};
use super::{attempt, guard, kept, project, queue};
use crate::chain::{self, Came, ENVELOPE, Head, Link};
use crate::error::LedgerError;
use crate::event::Event;
use crate::guard::Found;
use crate::unit::{RefusedAt, Span, UnitOutcome};

/// What one transaction knows.
pub(super) struct Apply<'a> {
    pub(super) db: &'a Connection,
    /// As of the last unit of this transaction.
    pub(super) head: Head,
    pub(super) generation: u64,
    pub(super) now: Timestamp,
}

impl Apply<'_> {
    /// Applies one unit. An error spoils the whole transaction.
    pub(super) fn unit(&mut self, unit: &Prepared) -> Result<UnitOutcome, LedgerError> {
        if let Some(span) = self.known(unit)? {
            return Ok(UnitOutcome::Known(span));
        }
        for (at, guard) in unit.guards.iter().enumerate() {
            if let Some(found) = guard::check(self.db, guard, unit)? {
                return Ok(UnitOutcome::Refused { at: RefusedAt::Guard(at), found });
            }
        }
        let before = self.head;
        self.run("SAVEPOINT unit")?;
        for (at, step) in unit.steps.iter().enumerate() {
            match self.step(unit, step) {
                Ok(()) => {}
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Refused(found)) => {
                    self.run("ROLLBACK TO unit")?;
                    self.run("RELEASE unit")?;
                    self.head = before;
                    return Ok(UnitOutcome::Refused { at: RefusedAt::Entry(at), found });
                }
            }
        }
        let span = (self.head.position > before.position)
            .then(|| Span { first: before.position + 1, last: self.head.position });
        self.remember(unit, span)?;
        self.run("RELEASE unit")?;
        Ok(UnitOutcome::Applied(span))
    }

    fn step(&mut self, unit: &Prepared, step: &Step) -> Result<(), Stop> {
        let (db, now) = (self.db, self.now);
        match step {
            Step::Decide(encoded) => self.decide(unit, encoded),
            Step::Enqueue(task) => queue::enqueue(db, task),
            Step::Claim(claim) => queue::claim(db, claim, self.generation),
            Step::Checkpoint { task, token, node, checkpoint } => {
                queue::checkpoint(db, *task, *token, *node, checkpoint)
            }
            Step::Stage(stage) => queue::stage(db, stage),
            Step::Release(release) => queue::release(db, release),
            Step::Remove { task, token } => queue::remove(db, *task, *token),
            Step::Renew(renew) => queue::renew(db, renew),
            Step::TokenUsed { token, at } => queue::token_used(db, *token, *at),
            Step::KeepAnswer(answer) => kept::keep_answer(db, answer, now),
            Step::PutDelivery(delivery) => kept::put_delivery(db, delivery),
            Step::NotifiedTo { position } => kept::notified_to(db, *position, self.head.position),
            Step::Scrubbed(scrubbed) => kept::scrubbed(db, scrubbed),
            Step::PutAttempt(attempt) => Ok(attempt::put(db, attempt)?),
            Step::Charge(charge) => kept::charge(db, charge),
            Step::PutBlob { digest, bytes, keep_until, rows } => {
                queue::put_blob(db, digest, (bytes, *rows), (*keep_until).max(now))
            }
        }
    }

    /// Appends an event, and the projections follow.
    fn decide(&mut self, unit: &Prepared, encoded: &Encoded) -> Result<(), Stop> {
        for digest in needed_blobs(&encoded.event) {
            queue::blob_is(self.db, &digest)?;
        }
        let when = project::When { position: self.head.position + 1, at: self.now };
        project::project(self.db, &encoded.event, when)?;
        queue::follow(self.db, &encoded.event)?;
        self.head = append(self.db, self.head, unit, self.now, encoded)?;
        Ok(())
    }

    fn known(&self, unit: &Prepared) -> rusqlite::Result<Option<Option<Span>>> {
        let Some(cause) = &unit.cause else { return Ok(None) };
        let mut find = self.db.prepare_cached("SELECT first, last FROM cause WHERE id = ?1")?;
        find.query_row([cause], |row| {
            let (first, last): (Option<u64>, Option<u64>) = (row.get(0)?, row.get(1)?);
            Ok(first.zip(last).map(|(first, last)| Span { first, last }))
        })
        .optional()
    }

    fn remember(&self, unit: &Prepared, span: Option<Span>) -> rusqlite::Result<()> {
        let Some(cause) = &unit.cause else { return Ok(()) };
        let (first, last) = (span.map(|s| s.first), span.map(|s| s.last));
        let sql = "INSERT INTO cause (id, first, last, at) VALUES (?1, ?2, ?3, ?4)";
        self.db.prepare_cached(sql)?.execute(params![cause, first, last, self.now.0])?;
        Ok(())
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.db.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}

/// Writes one event behind the head and gives the new head.
fn append(
    db: &Connection,
    head: Head,
    unit: &Prepared,
    at: Timestamp,
    encoded: &Encoded,
) -> rusqlite::Result<Head> {
    let (kind, actor) = (encoded.event.kind(), unit.actor.as_str());
    let position = head.position + 1;
    let came = Came { from: &unit.from, token: unit.token.as_deref(), trace: unit.trace };
    let link = Link {
        position,
        kind: kind.as_str(),
        schema: kind.schema(),
        actor,
        at,
        body: &encoded.body,
        came: Some(came),
    };
    let hash = chain::hash(&head.hash, &link);
    let (subject, run) = encoded.event.subject().columns();
    let sql = "INSERT INTO event (position, kind, schema, actor, at, subject, run, body, hash, trace, envelope, origin, token)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    db.prepare_cached(sql)?.execute(params![
        position,
        link.kind,
        link.schema,
        actor,
        at.0,
        subject,
        run,
        encoded.body,
        hash.0,
        unit.trace.map(TraceId::bytes),
        ENVELOPE,
        unit.from,
        unit.token
    ])?;
    Ok(Head { position, hash })
}

/// Blobs that a decision relies on. They are not in the log, so a rebuild does not ask for them.
fn needed_blobs(event: &Event) -> Vec<Blake3> {
    match event {
        Event::CampaignCreated(e) => vec![e.params_blob, e.policy, e.selection],
        Event::CampaignPlanned(e) => vec![e.report],
        Event::RunIntended(e) => vec![e.descriptor],
        Event::PolicySet(e) => vec![e.blob],
        Event::RuleSet(e) => vec![e.blob],
        Event::ModuleCompiled(e) => e.manifest.into_iter().collect(),
        Event::RunPublished(e) => e.statement.into_iter().collect(),
        Event::ModuleSubmitted(_)
        | Event::ModuleRefused(_)
        | Event::ModuleSuspended(_)
        | Event::ModuleRestored(_)
        | Event::ModuleBanned(_)
        | Event::DatasetRegistered(_)
        | Event::DatasetChanged(_)
        | Event::DatasetRemoved(_)
        | Event::CampaignMoved(_)
        | Event::CampaignUnplanned(_)
        | Event::CampaignRolledOut(_)
        | Event::WavePlanned(_)
        | Event::WaveMoved(_)
        | Event::RunPlanned(_)
        | Event::RunHeld(_)
        | Event::RunReleased(_)
        | Event::RuleRemoved(_)
        | Event::RuleIgnored(_)
        | Event::RunFinalized(_)
        | Event::RunFailed(_)
        | Event::RunSkipped(_)
        | Event::RunCancelled(_)
        | Event::RunStale(_)
        | Event::RunRetried(_)
        | Event::RunReverting(_)
        | Event::RunReverted(_)
        | Event::RunRevertFailed(_)
        | Event::RunRehearsed(_)
        | Event::RunAlarmed(_)
        | Event::CampaignChecked(_)
        | Event::DatasetDamaged(_)
        | Event::NodeJoined(_)
        | Event::NodeLost(_)
        | Event::NodeLeft(_)
        | Event::TeamCreated(_)
        | Event::TeamChanged(_)
        | Event::TeamRemoved(_)
        | Event::TokenIssued(_)
        | Event::TokenRevoked(_)
        | Event::NodeMarked(_)
        | Event::QuotaSet(_)
        | Event::QuotaRemoved(_)
        | Event::PolicyRemoved(_)
        | Event::SecretSet(_)
        | Event::SecretRemoved(_)
        | Event::WebhookSet(_)
        | Event::WebhookRemoved(_)
        | Event::FleetFrozen(_)
        | Event::FleetThawed(_)
        | Event::SlicePlanned(_)
        | Event::ApprovalGiven(_)
        | Event::ApprovalRevoked(_)
        | Event::SliceDeferred(_)
        | Event::SliceDeclined(_)
        | Event::CommentAdded(_)
        | Event::CommentResolved(_)
        | Event::ApprovalBrokenGlass(_)
        | Event::WaveApproved(_)
        | Event::KeyIntroduced(_)
        | Event::BackupMade(_)
        | Event::ServerRestored(_) => Vec::new(),
    }
}

/// Used where a thing that must not be there is: says what it is.
pub(super) fn refuse_if<T>(found: Option<T>, what: impl FnOnce(T) -> Found) -> Result<(), Stop> {
    match found {
        Some(thing) => Err(Stop::Refused(what(thing))),
        None => Ok(()),
    }
}
