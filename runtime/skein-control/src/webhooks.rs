//! Receivers of notices: added, changed and removed by people; what became of what each was told.
//!
//! Where a receiver is and what its events are signed with is sealed in the vault (`sealed`), for whoever knows it can write
//! to it or be believed. The ledger has what may be shown, and which sealed version counts. A change of receivers waits until the
//! herald has walked the log to its end and says so with the change: nobody is told by today's wishes of what was before them.

mod deliveries;
mod sealed;

use std::time::Duration;

use skein_api::{List, Page, Text as ApiText, Time, WebhookCreate, WebhookPut, WebhookRotate, WebhookSigned};
use skein_ledger::{
    Entry, EventFilter, Guard, Limit, Name, Subject, Text, Webhook, WebhookRemoved, WebhookSet,
};
use skein_ledger::{Event, Unit, UnitOutcome};
use skein_notify::Interest;
use skein_types::{Millis, ReceiverKind, WebhookId, codes};
use uuid::Uuid;

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;
use crate::shown;

use sealed::{Sealed, Shown};

/// Of a server: with what may wait for each they are less than the notices that a ledger keeps.
const WEBHOOKS_MAX: usize = 200;
/// Of one team.
const OF_TEAM_MAX: usize = 50;
/// For so long an old secret counts beside a new one if nothing else is said, and at most.
const OVERLAP: Millis = Millis(24 * 3_600_000);
const OVERLAP_MOST: Millis = Millis(30 * 24 * 3_600_000);
/// For so long a change waits for the herald. It is behind by milliseconds, but where the ledger fails it.
const WALK_PATIENCE: Duration = Duration::from_secs(2);

impl Control {
    /// Adds a receiver of a team, or of everybody's.
    pub(crate) fn create_webhook(
        &self,
        who: &Principal,
        team: Option<&Name>,
        asked: &WebhookCreate,
    ) -> Result<WebhookSigned, ServiceError> {
        let team = team.map(|team| Ok::<_, ServiceError>(self.team_row(team.as_str())?.name)).transpose()?;
        self.room_for_another(team.as_ref())?;
        self.let_herald_catch_up()?;
        let id = WebhookId::new(Uuid::now_v7());
        let set = WebhookSet {
            webhook: id,
            name: name("name", &asked.name)?,
            team,
            kind: asked.kind,
            target: Text::clip(""),
            events: interests(&asked.events)?,
            active: asked.active,
        };
        let (shown, sealed) = Sealed::new(asked, self.notices.mail.as_ref())?;
        let secret = sealed.as_ref().and_then(Sealed::current).map(ApiText::escaped);
        let written = self.set_webhook(who.creating(), (set, None), (shown, sealed))?;
        if let Some(Event::WebhookSet(before)) = self.known(&written)? {
            // The request was answered by nobody before: what it made is there, with the secret that it made.
            let row = self.webhook_row(before.webhook)?;
            let secret = self.sealed_of(&row)?.current().map(ApiText::escaped);
            return Ok(WebhookSigned { webhook: self.shown_webhook(&row)?, secret });
        }
        Ok(WebhookSigned { webhook: self.webhook(id)?, secret })
    }

    /// Changes a receiver.
    pub(crate) fn put_webhook(
        &self,
        who: &Principal,
        (id, seen): (WebhookId, Seen),
        asked: &WebhookPut,
    ) -> Result<skein_api::Webhook, ServiceError> {
        let row = self.webhook_row(id)?;
        let version = seen.against(&format!("webhook {id}"), Some(row.version))?;
        self.let_herald_catch_up()?;
        let moved = match &asked.target {
            None => None,
            Some(target) => {
                Some(self.sealed_of(&row)?.moved(row.kind, target, self.notices.mail.as_ref())?)
            }
        };
        let set = WebhookSet {
            name: name("name", &asked.name)?,
            events: interests(&asked.events)?,
            active: asked.active,
            ..as_it_is(&row)
        };
        match moved {
            None => self.commit_webhook(who.unit(), set, version)?,
            Some(moved) => self.set_webhook(who.unit(), (set, version), moved)?,
        };
        self.webhook(id)
    }

    /// Gives a receiver another signing secret. For a while its events bear signatures of both.
    pub(crate) fn rotate_webhook(
        &self,
        who: &Principal,
        id: WebhookId,
        asked: &WebhookRotate,
    ) -> Result<WebhookSigned, ServiceError> {
        let row = self.webhook_row(id)?;
        let overlap = asked.overlap_ms.unwrap_or(OVERLAP).min(OVERLAP_MOST);
        let sealed = self.sealed_of(&row)?;
        let sealed = sealed.rotated(row.kind, asked.secret.as_deref(), (self.clock.now(), overlap))?;
        let secret = sealed.current().map(ApiText::escaped);
        let shown = Shown::of(row.target.as_str()).text;
        self.set_webhook(who.unit(), (as_it_is(&row), Some(row.version)), (shown, Some(sealed)))?;
        Ok(WebhookSigned { webhook: self.webhook(id)?, secret })
    }

    /// Removes a receiver. It is told nothing more, also of what waits.
    pub(crate) fn remove_webhook(
        &self,
        who: &Principal,
        (id, seen): (WebhookId, Seen),
    ) -> Result<skein_api::Webhook, ServiceError> {
        let shown = self.webhook(id)?;
        let version = seen.against(&format!("webhook {id}"), Some(shown.version))?;
        let removed = WebhookRemoved { webhook: id, reason: Text::clip("asked") };
        self.committed_webhook(who.unit().decide(removed), id, version)?;
        Ok(shown)
    }

    /// Takes an active receiver for one that is told nothing any more.
    pub(crate) fn switch_off(&self, row: &Webhook) -> Result<(), ServiceError> {
        tracing::warn!(webhook = %row.id, name = row.name.as_str(), "a receiver is told nothing any more");
        let off = WebhookSet { active: false, ..as_it_is(row) };
        self.commit_webhook(self.itself.unit(), off, Some(row.version)).map(drop)
    }

    /// A receiver, without its secrets.
    pub(crate) fn webhook(&self, id: WebhookId) -> Result<skein_api::Webhook, ServiceError> {
        self.shown_webhook(&self.webhook_row(id)?)
    }

    pub(crate) fn webhook_row(&self, id: WebhookId) -> Result<Webhook, ServiceError> {
        self.ledger.webhook(id)?.ok_or_else(|| ServiceError::absent("webhook", &id.to_string()))
    }

    /// Receivers that may be seen, by id, which is the order in which they were added.
    pub(crate) fn webhooks(
        &self,
        part: &ListPart,
        sees: impl Fn(Option<&str>) -> bool,
    ) -> Result<Page<skein_api::Webhook>, ServiceError> {
        let after = part.key::<WebhookId>()?;
        let mut rows = self.all_webhooks()?;
        rows.retain(|row| {
            after.is_none_or(|after| row.id > after) && sees(row.team.as_ref().map(Name::as_str))
        });
        let more = rows.len() > part.items();
        rows.truncate(part.items());
        let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
        shown::page(rows, next, |row| self.shown_webhook(&row))
    }

    /// Every receiver: there are never more than a page has.
    pub(crate) fn all_webhooks(&self) -> Result<Vec<Webhook>, ServiceError> {
        Ok(self.ledger.webhooks(None, Limit::MAX)?.items)
    }

    fn room_for_another(&self, team: Option<&Name>) -> Result<(), ServiceError> {
        let rows = self.all_webhooks()?;
        let of_team = rows.iter().filter(|row| row.team.as_ref() == team).count();
        let (whose, most) = match team {
            Some(team) if of_team >= OF_TEAM_MAX => (format!("team {team} has"), OF_TEAM_MAX),
            Some(_) | None if rows.len() >= WEBHOOKS_MAX => ("this server has".to_owned(), WEBHOOKS_MAX),
            Some(_) | None => return Ok(()),
        };
        Err(ServiceError::new(codes::WEBHOOKS_FULL, format!("{whose} {most} receivers, which is the most"))
            .hint(Some("remove one that nobody needs, or let one receiver pass notices on")))
    }

    /// Seals where it is, and sets it so.
    fn set_webhook(
        &self,
        unit: Unit,
        (set, version): (WebhookSet, Option<u64>),
        (shown, sealed): (String, Option<Sealed>),
    ) -> Result<UnitOutcome, ServiceError> {
        let _turn = self.vault.turn();
        // As with secrets of teams: higher than any before, and the value before the decision that names it.
        let number = self.ledger.head()?.position + 1;
        let target = Shown { text: shown, sealed: sealed.as_ref().map(|_| number) }.to_text();
        if let Some(sealed) = sealed {
            sealed.keep(&self.vault, (set.webhook, number))?;
        }
        self.commit_webhook(unit, WebhookSet { target, ..set }, version)
    }

    fn commit_webhook(
        &self,
        unit: Unit,
        set: WebhookSet,
        version: Option<u64>,
    ) -> Result<UnitOutcome, ServiceError> {
        let id = set.webhook;
        self.committed_webhook(unit.decide(set), id, version)
    }

    fn committed_webhook(
        &self,
        unit: Unit,
        id: WebhookId,
        version: Option<u64>,
    ) -> Result<UnitOutcome, ServiceError> {
        let setting = Subject::Webhook(id);
        let unit = unit
            .if_(Guard::SettingAt { setting, version })
            .then(Entry::NotifiedTo { position: self.bell.walked() });
        match self.commit(unit)? {
            done @ (UnitOutcome::Applied(_) | UnitOutcome::Known(_)) => {
                self.bell.ring_for(id);
                Ok(done)
            }
            UnitOutcome::Refused { found, .. } => {
                Err(ServiceError::new(codes::SETTING_MOVED, format!("webhook {id} moved meanwhile: {found}"))
                    .hint(Some("read it again and repeat what still makes sense")))
            }
        }
    }

    /// What was decided before is told as it was wanted before.
    fn let_herald_catch_up(&self) -> Result<(), ServiceError> {
        self.bell.wait_for_walk_to(self.ledger.head()?.position, WALK_PATIENCE);
        Ok(())
    }

    fn shown_webhook(&self, row: &Webhook) -> Result<skein_api::Webhook, ServiceError> {
        let events = row.events.iter().map(|event| ApiText::escaped(event.as_str())).collect();
        let why = if row.active { None } else { self.why_off(row)? };
        Ok(skein_api::Webhook {
            webhook: row.id,
            name: ApiText::escaped(row.name.as_str()),
            team: row.team.as_ref().map(|team| ApiText::escaped(team.as_str())),
            kind: row.kind,
            target: ApiText::escaped(&Shown::of(row.target.as_str()).text),
            events: List::first(events).0,
            active: row.active,
            why: why.map(ApiText::escaped),
            version: row.version,
            since: Time(row.since),
        })
    }

    /// Why a receiver is told nothing, if no person said so. Its version is where in the log that was decided.
    fn why_off(&self, row: &Webhook) -> Result<Option<&'static str>, ServiceError> {
        let before = row.version.saturating_sub(1);
        let decided = self.ledger.events(before, &EventFilter::default(), Limit::new(1))?;
        let by_us = decided.items.first().is_some_and(|event| event.actor == self.itself.actor);
        Ok(by_us.then_some(
            "it took nothing for a day, or said that it is gone for good; its deliveries say more",
        ))
    }

    /// Sealed values that receivers have, as the vault names them.
    pub(crate) fn sealed_for_webhooks(&self) -> Result<Vec<(WebhookId, u64)>, ServiceError> {
        let rows = self.all_webhooks()?;
        let sealed = |row: &Webhook| Some((row.id, Shown::of(row.target.as_str()).sealed?));
        Ok(rows.iter().filter_map(sealed).collect())
    }

    fn sealed_of(&self, row: &Webhook) -> Result<Sealed, ServiceError> {
        match Shown::of(row.target.as_str()).sealed {
            Some(number) => Sealed::read(&self.vault, (row.id, number)),
            None => Ok(Sealed::default()),
        }
    }

    /// Whom to send to, with what is sealed.
    pub(crate) fn receiver_of(&self, row: &Webhook) -> Result<skein_notify::Receiver, ServiceError> {
        let shown = Shown::of(row.target.as_str()).text;
        self.sealed_of(row)?.receiver((row.kind, &shown), self.clock.now(), self.notices.mail.as_ref())
    }
}

/// The id that a path names.
pub(crate) fn webhook_id(named: &str) -> Result<WebhookId, ServiceError> {
    named.parse().map_err(|_| ServiceError::absent("webhook", named))
}

/// As the vault names what is sealed for a receiver. No team has an empty name.
pub(crate) const SEALED_TEAM: &str = "";

fn as_it_is(row: &Webhook) -> WebhookSet {
    WebhookSet {
        webhook: row.id,
        name: row.name.clone(),
        team: row.team.clone(),
        kind: row.kind,
        target: row.target.clone(),
        events: row.events.clone(),
        active: row.active,
    }
}

/// What somebody wants to be told of; all, if nothing is said.
fn interests(asked: &[skein_api::Interest]) -> Result<Vec<Name>, ServiceError> {
    if asked.is_empty() {
        return Ok(vec![name("events", "*")?]);
    }
    let checked = |word: &skein_api::Interest| {
        let interest: Interest = word.parse()?;
        name("events", interest.as_str())
    };
    asked.iter().map(checked).collect()
}

/// Whether a kind of receiver is signed for.
pub(crate) const fn is_signed(kind: ReceiverKind) -> bool {
    match kind {
        ReceiverKind::Http => true,
        ReceiverKind::Slack | ReceiverKind::Mail => false,
    }
}
