//! Units checked against the bounds and encoded, on the caller's thread: the writer's time is everybody's.

use skein_types::{Blake3, TaskId, Timestamp, Token, TokenId, TraceId};

use super::project::HOUR;
use crate::attempt::Attempt;
use crate::bounds::{
    ANSWER_MAX, BLOB_MAX, BODY_MAX, ENTRIES_MAX, NOTES_MAX, PAYLOAD_MAX, UNITS_MAX, USAGE_MAX,
};
use crate::canonical::INTEGER_MAX;
use crate::entry::{Claim, Enqueue, Entry, Release, Renew, Stage};
use crate::error::Invalid;
use crate::event::access::GRANTS_MAX;
use crate::event::settings::PATTERNS_MAX;
use crate::event::{Event, Subject};
use crate::guard::Guard;
use crate::kept::{Answer, Charge, Delivery, Scrubbed};
use crate::task::Checkpoint;
use crate::unit::Unit;

/// A unit as the writer takes it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) actor: String,
    pub(super) cause: Option<String>,
    pub(super) from: String,
    pub(super) token: Option<String>,
    pub(super) trace: Option<TraceId>,
    pub(super) guards: Vec<Guard>,
    pub(super) steps: Vec<Step>,
}

/// An event with its canonical body.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) event: Event,
    pub(super) body: Vec<u8>,
}

/// An entry as the writer takes it.
#[derive(Debug)]
pub(super) enum Step {
    Decide(Encoded),
    Enqueue(Enqueue),
    Claim(Claim),
    Checkpoint { task: TaskId, token: Token, node: (skein_types::NodeId, u64), checkpoint: Checkpoint },
    Stage(Stage),
    Release(Release),
    Remove { task: TaskId, token: Token },
    Renew(Renew),
    TokenUsed { token: TokenId, at: Timestamp },
    KeepAnswer(Answer),
    PutDelivery(Delivery),
    NotifiedTo { position: u64 },
    Scrubbed(Scrubbed),
    PutAttempt(Box<Attempt>),
    Charge(Charge),
    PutBlob { digest: Blake3, bytes: Vec<u8>, keep_until: Timestamp, rows: bool },
}

/// All units of one call, or what is wrong with the first that cannot be.
pub(super) fn prepare(units: Vec<Unit>) -> Result<Vec<Prepared>, Invalid> {
    if units.len() > UNITS_MAX {
        return Err(Invalid { unit: UNITS_MAX, what: format!("more than {UNITS_MAX} units in one call") });
    }
    let units = units.into_iter().enumerate();
    units.map(|(at, unit)| prepared(unit).map_err(|what| Invalid { unit: at, what })).collect()
}

fn prepared(unit: Unit) -> Result<Prepared, String> {
    if unit.entries.len() > ENTRIES_MAX || unit.guards.len() > ENTRIES_MAX {
        return Err(format!("more than {ENTRIES_MAX} entries or guards"));
    }
    for guard in &unit.guards {
        numbers(&of_guard(guard))?;
        setting(guard)?;
    }
    let steps = unit.entries.into_iter().map(step).collect::<Result<_, _>>()?;
    let cause = unit.cause.map(|cause| cause.to_string());
    Ok(Prepared {
        actor: unit.actor.to_string(),
        cause,
        from: unit.origin.from.to_string(),
        token: unit.origin.token.map(|token| token.to_string()),
        trace: unit.trace,
        guards: unit.guards,
        steps,
    })
}

fn step(entry: Entry) -> Result<Step, String> {
    Ok(match entry {
        Entry::Decide(event) => {
            let body = event.body().map_err(|e| format!("{}: {e}", event.kind()))?;
            bounded(event.kind().as_str(), body.len(), BODY_MAX)?;
            lists(&event)?;
            Step::Decide(Encoded { event, body })
        }
        Entry::Enqueue(task) => {
            json("a task's payload", &task.payload, PAYLOAD_MAX)?;
            numbers(&[task.seq.unwrap_or(0), task.cost.0, task.not_before.0])?;
            Step::Enqueue(task)
        }
        Entry::Claim(claim) => {
            numbers(&[claim.token.generation, claim.token.epoch, claim.incarnation])?;
            Step::Claim(claim)
        }
        Entry::Checkpoint { task, token, node, checkpoint } => {
            numbers(&[token.generation, token.epoch, node.1, checkpoint.number])?;
            Step::Checkpoint { task, token, node, checkpoint }
        }
        Entry::Stage(stage) => {
            json("a task's result", &stage.result, PAYLOAD_MAX)?;
            numbers(&[stage.token.generation, stage.token.epoch, stage.incarnation])?;
            Step::Stage(stage)
        }
        Entry::Release(release) => {
            numbers(&[release.token.generation, release.token.epoch, release.not_before.0])?;
            Step::Release(release)
        }
        Entry::Remove { task, token } => {
            numbers(&[token.generation, token.epoch])?;
            Step::Remove { task, token }
        }
        Entry::Renew(renew) => {
            json("a node's usage", &renew.usage, USAGE_MAX)?;
            numbers(&[renew.incarnation, renew.until.0])?;
            Step::Renew(renew)
        }
        Entry::TokenUsed { token, at } => {
            numbers(&[at.0])?;
            Step::TokenUsed { token, at }
        }
        Entry::KeepAnswer(answer) => {
            bounded("an answer", answer.body.len(), ANSWER_MAX)?;
            numbers(&[answer.keep_until.0])?;
            Step::KeepAnswer(answer)
        }
        Entry::PutDelivery(delivery) => {
            numbers(&[delivery.position, delivery.due.0, delivery.at.0, delivery.keep_until.0])?;
            Step::PutDelivery(delivery)
        }
        Entry::NotifiedTo { position } => {
            numbers(&[position])?;
            Step::NotifiedTo { position }
        }
        Entry::Scrubbed(scrubbed) => {
            json("what a scrub found", &scrubbed.report, NOTES_MAX)?;
            numbers(&[scrubbed.at.0])?;
            Step::Scrubbed(scrubbed)
        }
        Entry::PutAttempt(attempt) => {
            json("what is kept of an attempt", &attempt.notes, NOTES_MAX)?;
            numbers(&[
                attempt.seq.unwrap_or(0),
                attempt.incarnation,
                attempt.began.map_or(0, |began| began.0),
                attempt.ended.0,
                attempt.keep_until.0,
            ])?;
            Step::PutAttempt(attempt)
        }
        Entry::Charge(charge) => {
            charged(&charge)?;
            Step::Charge(charge)
        }
        Entry::PutBlob { bytes, keep_until } => blob((bytes, false), keep_until)?,
        Entry::PutRows { bytes, keep_until } => blob((bytes, true), keep_until)?,
    })
}

fn blob((bytes, rows): (Vec<u8>, bool), keep_until: Timestamp) -> Result<Step, String> {
    bounded("a blob", bytes.len(), BLOB_MAX)?;
    numbers(&[keep_until.0])?;
    Ok(Step::PutBlob { digest: Blake3::of(&bytes), bytes, keep_until, rows })
}

fn charged(charge: &Charge) -> Result<(), String> {
    let (hour, used) = (charge.hour.0, charge.used);
    if !hour.is_multiple_of(HOUR) {
        return Err(format!("an hour does not begin at {hour}"));
    }
    numbers(&[
        hour,
        used.cpu.0,
        used.fuel.0,
        used.bytes_read.0,
        used.bytes_written.0,
        used.slot.0,
        used.attempts,
    ])
}

fn of_guard(guard: &Guard) -> [u64; 3] {
    match guard {
        Guard::CampaignIs { .. }
        | Guard::WaveIs { .. }
        | Guard::TaskGone { .. }
        | Guard::ModuleIs { .. }
        | Guard::DatasetIs { .. }
        | Guard::DatasetNameFree { .. }
        | Guard::BlobIs { .. } => [0; 3],
        Guard::DoorOpen { at_most, .. } => [*at_most, 0, 0],
        Guard::RunIs { seq, .. } => [*seq, 0, 0],
        Guard::RunAt { seq, epoch, .. } => [*seq, *epoch, 0],
        Guard::CampaignAt { epoch, .. } => [*epoch, 0, 0],
        Guard::TaskIs { token, .. } => [token.generation, token.epoch, 0],
        Guard::TaskHeld { token, incarnation, .. } => [token.generation, token.epoch, *incarnation],
        Guard::NodeIs { incarnation, .. } => [*incarnation, 0, 0],
        Guard::SettingAt { version, .. } => [version.unwrap_or(0), 0, 0],
    }
}

/// Only what is set has a version.
fn setting(guard: &Guard) -> Result<(), String> {
    let Guard::SettingAt { setting, .. } = guard else { return Ok(()) };
    match setting {
        Subject::Team(_)
        | Subject::Quota(_)
        | Subject::Policy(_)
        | Subject::Secret(..)
        | Subject::Webhook(_)
        | Subject::Rule(..)
        | Subject::Dataset(_)
        | Subject::Fleet => Ok(()),
        Subject::Module(_)
        | Subject::Campaign(_)
        | Subject::Run(..)
        | Subject::Node(_)
        | Subject::Key(_)
        | Subject::Server
        | Subject::Token(_) => Err(format!("{setting} is no setting")),
    }
}

fn numbers(numbers: &[u64]) -> Result<(), String> {
    match numbers.iter().find(|n| **n > INTEGER_MAX) {
        Some(n) => Err(format!("the number {n} is beyond {INTEGER_MAX}")),
        None => Ok(()),
    }
}

fn bounded(what: &str, bytes: usize, max: usize) -> Result<(), String> {
    if bytes > max { Err(format!("{what} of {bytes} bytes; {max} are allowed")) } else { Ok(()) }
}

/// Lists in a body that have a bound of their own.
#[expect(clippy::wildcard_enum_match_arm, reason = "few kinds have lists")]
fn lists(event: &Event) -> Result<(), String> {
    let (what, count, most) = match event {
        Event::TokenIssued(e) => ("grants", e.grants.len(), GRANTS_MAX),
        Event::WebhookSet(e) => ("patterns", e.events.len(), PATTERNS_MAX),
        _ => return Ok(()),
    };
    let kind = event.kind();
    if count > most { Err(format!("{kind}: {count} {what}; {most} are allowed")) } else { Ok(()) }
}

fn json(what: &str, text: &str, max: usize) -> Result<(), String> {
    bounded(what, text.len(), max)?;
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(e) => Err(format!("{what} is not JSON: {e}")),
    }
}
