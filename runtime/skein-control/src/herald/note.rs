//! A fact as it is kept until everybody who wants to know it was told: the same bytes in each try, whatever becomes of the campaign
//! meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skein_ledger::{
    Delivery, DeliveryFilter, DeliveryState, Entry, Head, Limit, Name, Recorded, Text, Webhook,
};
use skein_notify::{Fact, Interest, Notice, Said, Topic};
use skein_types::{Blake3, CampaignId, DeliveryId, Millis, Timestamp, WebhookId};
use uuid::Uuid;

use crate::control::Control;
use crate::error::ServiceError;

/// What may wait for one receiver. What comes when there is as much is not noted for it: it has not listened for long.
const WAITING_MAX: usize = 400;
/// Of these about single runs. A campaign may fail thousands in a minute; that it halted for them is noted all the same.
const ABOUT_RUNS_MAX: usize = WAITING_MAX / 2;
/// A notice that waits is kept for longer than it is tried, and longer than one that is over: where there are too many, those go first.
pub(crate) const KEPT_WAITING: Millis = Millis(15 * 24 * 3_600_000);

/// Who may know something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Each of these teams, and who hears of everything.
    Teams(BTreeSet<Name>),
    /// Who hears of everything alone.
    Server,
}

/// A fact, where and when it happened, and who may know.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(super) fact: Fact,
    pub(super) audience: Audience,
    pub(super) campaign: Option<CampaignId>,
    pub(super) position: u64,
    pub(super) at: Timestamp,
    pub(super) head: Head,
    pub(super) traceparent: Option<String>,
}

impl Told {
    /// Of what a decision says.
    pub(super) fn of(fact: Fact, audience: Audience, recorded: &Recorded) -> Self {
        let Recorded { position, at, hash, .. } = *recorded;
        // A trace has a parent in each of its steps; the decision's hash names this one.
        let parent = hash.0[..8].iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let traceparent = recorded.trace.map(|trace| format!("00-{trace}-{parent}-01"));
        let head = Head { position, hash };
        Self { fact, audience, campaign: None, position, at, head, traceparent }
    }

    /// Of what is so by now, behind the last decision.
    pub(crate) fn now(fact: Fact, (head, at): (Head, Timestamp)) -> Self {
        let audience = Audience::Server;
        Self { fact, audience, campaign: None, position: head.position, at, head, traceparent: None }
    }

    /// About a campaign of this team.
    pub(super) fn about(self, campaign: CampaignId, owner: &Name) -> Self {
        let audience = Audience::Teams(BTreeSet::from([owner.clone()]));
        Self { audience, campaign: Some(campaign), ..self }
    }

    /// To be heard by these teams.
    pub(super) fn to(self, teams: BTreeSet<Name>) -> Self {
        Self { audience: Audience::Teams(teams), ..self }
    }

    /// This team may know too.
    pub(super) fn and_to(mut self, team: Name) -> Self {
        if let Audience::Teams(teams) = &mut self.audience {
            teams.insert(team);
        }
        self
    }

    /// Whether a receiver is told.
    pub(super) fn is_for(&self, receiver: &Webhook) -> bool {
        let topic = self.fact.topic();
        let may = match (&receiver.team, &self.audience) {
            (None, _) => true,
            (Some(team), Audience::Teams(owners)) => owners.contains(team),
            (Some(_), Audience::Server) => false,
        };
        let wants = |event: &Name| event.as_str().parse::<Interest>().is_ok_and(|one| one.covers(topic));
        may && receiver.active && receiver.events.iter().any(wants)
    }
}

/// What waits for each receiver: looked up once, and then counted.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    of: BTreeMap<WebhookId, usize>,
}

impl Waiting {
    /// One more for this receiver, if there is room for what is about such a topic.
    fn take(&mut self, receiver: WebhookId, topic: Topic, control: &Control) -> Result<bool, ServiceError> {
        let most = if topic.is_about_one_run() { ABOUT_RUNS_MAX } else { WAITING_MAX };
        let waiting = match self.of.get(&receiver) {
            Some(waiting) => *waiting,
            None => control.waiting_for(receiver)?.len(),
        };
        let room = waiting < most;
        self.of.insert(receiver, waiting + usize::from(room));
        Ok(room)
    }
}

/// As it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    topic: String,
    subject: String,
    data: Value,
    title: String,
    lines: Vec<String>,
    source: String,
    at: Timestamp,
    position: u64,
    head: (u64, Blake3),
    traceparent: Option<String>,
    link: Option<String>,
}

impl Control {
    /// What is written for those who are to be told: what they are told, and a notice for each.
    pub(crate) fn notices_to(
        &self,
        told: &Told,
        receivers: &[&Webhook],
    ) -> Result<(Entry, Vec<Delivery>), ServiceError> {
        let Said { topic, subject, data, title, lines } = told.fact.said();
        let address = self.address().to_owned();
        let kept = Kept {
            topic: topic.to_string(),
            subject,
            data,
            title,
            lines,
            link: told.campaign.map(|campaign| format!("{address}/campaigns/{campaign}")),
            source: address,
            at: told.at,
            position: told.position,
            head: (told.head.position, told.head.hash),
            traceparent: told.traceparent.clone(),
        };
        let bytes = serde_json::to_vec(&kept).map_err(|error| ServiceError::bug(error.to_string()))?;
        let (notice, now) = (Blake3::of(&bytes), self.clock.now());
        let keep_until = Timestamp(now.0.saturating_add(KEPT_WAITING.0));
        let delivery = |webhook: WebhookId| -> Result<Delivery, ServiceError> {
            Ok(Delivery {
                id: DeliveryId::new(Uuid::now_v7()),
                webhook,
                position: told.position,
                kind: crate::control::name("topic", topic.as_str())?,
                notice,
                state: DeliveryState::Waiting,
                tries: 0,
                due: now,
                status: None,
                error: Text::clip(""),
                at: now,
                keep_until,
            })
        };
        let deliveries = receivers.iter().map(|row| delivery(row.id)).collect::<Result<_, _>>()?;
        Ok((Entry::PutBlob { bytes, keep_until }, deliveries))
    }

    /// Entries for all receivers that want to know something and have room for it.
    pub(super) fn entries_of(
        &self,
        told: &Told,
        receivers: &[Webhook],
        waiting: &mut Waiting,
    ) -> Result<Vec<Entry>, ServiceError> {
        let topic = told.fact.topic();
        let mut wanting = Vec::new();
        for receiver in receivers.iter().filter(|receiver| told.is_for(receiver)) {
            if waiting.take(receiver.id, topic, self)? {
                wanting.push(receiver);
            } else {
                self.metrics.dropped(receiver.kind);
                tracing::warn!(webhook = %receiver.id, %topic, position = told.position, "a receiver with too much that waits is not told");
            }
        }
        if wanting.is_empty() {
            return Ok(Vec::new());
        }
        let (blob, deliveries) = self.notices_to(told, &wanting)?;
        Ok(std::iter::once(blob).chain(deliveries.into_iter().map(Entry::PutDelivery)).collect())
    }

    /// What waits for a receiver, oldest first: what it is told, and what somebody asked to have sent besides.
    pub(crate) fn waiting_for(&self, receiver: WebhookId) -> Result<Vec<Delivery>, ServiceError> {
        let filter = DeliveryFilter { webhook: Some(receiver), state: Some(DeliveryState::Waiting) };
        Ok(self.ledger.deliveries(filter, None, Limit::MAX)?.items)
    }

    /// What a notice that waits says.
    pub(super) fn notice_of(&self, row: &Delivery) -> Result<Notice, ServiceError> {
        let unreadable =
            |why: String| ServiceError::bug(format!("what {} tells cannot be read: {why}", row.id));
        let bytes = self.ledger.blob(row.notice)?.ok_or_else(|| unreadable("it is not there".to_owned()))?;
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        let topic: Topic = kept.topic.parse().map_err(|error| unreadable(format!("{error}")))?;
        let head = skein_notify::Head {
            id: row.id,
            source: kept.source,
            at: kept.at,
            position: kept.position,
            chain: Some(kept.head),
            traceparent: kept.traceparent,
            link: kept.link,
        };
        let Kept { subject, data, title, lines, .. } = kept;
        Notice::new(head, Said { topic, subject, data, title, lines })
            .map_err(|error| unreadable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_notify::Topic;
    use skein_types::WebhookId;
    use uuid::Uuid;

    use super::{ABOUT_RUNS_MAX, WAITING_MAX, Waiting};
    use crate::scene::{HandClock, open};

    #[test]
    fn runs_that_fail_leave_room_for_what_is_about_whole_campaigns() {
        let place = tempfile::tempdir().unwrap();
        let control = open(&place.path().join("server"), &Arc::new(HandClock::default()));
        let (mut waiting, receiver) = (Waiting::default(), WebhookId::new(Uuid::from_u128(1)));
        let mut noted =
            |topic, times| (0..times).filter(|_| waiting.take(receiver, topic, &control).unwrap()).count();
        assert_eq!(noted(Topic::RunFailed, 3 * WAITING_MAX), ABOUT_RUNS_MAX);
        assert_eq!(noted(Topic::CampaignHalted, 3 * WAITING_MAX), WAITING_MAX - ABOUT_RUNS_MAX);
        assert_eq!(noted(Topic::CampaignHalted, 1), 0);
    }
}
