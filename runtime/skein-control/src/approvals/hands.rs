//! Who has a hand in a campaign, and so approves nothing of it: who made it, who planned it last, who submitted its module.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use skein_campaign::approval::{Excluded, Person};
use skein_ledger::{Campaign, Event, EventFilter, Kind, Limit, Recorded, Subject};
use skein_types::{CampaignId, CampaignState};

use crate::control::Control;
use crate::error::ServiceError;

/// Campaigns of which it is remembered.
const REMEMBERED: usize = 1_024;

/// Who made campaigns and planned them last, with the epoch that each was in: the log of a large one is long, and all that shows its
/// approvals asks.
pub(crate) type Hands = BTreeMap<CampaignId, (u64, Excluded)>;

impl Control {
    /// Whoever has a hand in a campaign.
    pub(crate) fn excluded(&self, id: CampaignId) -> Result<Excluded, ServiceError> {
        let row = self.campaign_row(id)?;
        let mut excluded = self.made_and_planned(&row)?;
        let of = Some(Subject::Module(row.module));
        let submitted = EventFilter { of, kinds: vec![Kind::ModuleSubmitted], ..EventFilter::default() };
        self.each_of_people(&submitted, |recorded| {
            excluded.pushers.insert(Person::of(recorded.actor.as_str()));
        })?;
        Ok(excluded)
    }

    fn made_and_planned(&self, row: &Campaign) -> Result<Excluded, ServiceError> {
        let hands = || self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((epoch, known)) = hands().get(&row.id)
            && *epoch == row.epoch
        {
            return Ok(known.clone());
        }
        let mut excluded = Excluded::default();
        let (of, kinds) = (Some(Subject::Campaign(row.id)), vec![Kind::CampaignCreated, Kind::CampaignMoved]);
        self.each_of_people(&EventFilter { of, kinds, ..EventFilter::default() }, |recorded| {
            let who = Person::of(recorded.actor.as_str());
            if let Event::CampaignCreated(_) = &recorded.event {
                excluded.author = Some(who);
            } else if let Event::CampaignMoved(moved) = &recorded.event
                && moved.to == CampaignState::Planning
            {
                excluded.pushers = [who].into();
            }
        })?;
        let mut hands = hands();
        if hands.len() >= REMEMBERED {
            hands.clear();
        }
        hands.insert(row.id, (row.epoch, excluded.clone()));
        Ok(excluded)
    }

    /// Events that somebody asked for. Control by itself is nobody; a token that is called the same is somebody.
    fn each_of_people(
        &self,
        filter: &EventFilter,
        mut of: impl FnMut(&Recorded),
    ) -> Result<(), ServiceError> {
        let mut after = 0;
        loop {
            let page = self.ledger.events(after, filter, Limit::MAX)?;
            page.items.iter().filter(|one| one.actor != self.itself.actor).for_each(&mut of);
            match page.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::{CampaignMoved, ModuleSubmitted, Name, Text, Unit};
    use skein_types::{Bytes, CampaignState};

    use crate::control::Control;
    use crate::scene::{HandClock, MODULE, campaign, open, planned};

    fn by(actor: &str) -> Unit {
        Unit::by(skein_ledger::Actor::new(actor).unwrap())
    }

    fn replanned(control: &Control, actor: &str, from: CampaignState) {
        let to = CampaignState::Planning;
        let moved = CampaignMoved { campaign: campaign(), from, to, reason: Text::clip("asked") };
        control.write(by(actor).decide(moved)).unwrap();
        let (from, to) = (to, CampaignState::Stale);
        let moved = CampaignMoved { campaign: campaign(), from, to, reason: Text::clip("moved") };
        control.write(control.itself.unit().decide(moved)).unwrap();
    }

    #[test]
    fn whoever_planned_it_last_has_a_hand_in_it_and_control_by_itself_has_none() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        planned(&control);
        let pushers = || {
            let pushers = control.excluded(campaign()).unwrap().pushers;
            pushers.iter().map(|one| one.name().to_owned()).collect::<Vec<_>>()
        };
        assert!(pushers().is_empty());
        replanned(&control, "Ada (tok_1)", CampaignState::Planned);
        assert_eq!(pushers(), ["ada"]);
        replanned(&control, "ben (tok_2)", CampaignState::Stale);
        assert_eq!(pushers(), ["ben"]);
        // Nobody comes past it with a token that is called as control is.
        let name = |text: &str| Name::new(text).unwrap();
        let submitted = ModuleSubmitted {
            module: MODULE,
            name: name("m"),
            version: name("2"),
            bytes: Bytes(1),
            owner: None,
            source: None,
            commit: None,
        };
        control.write(by("control (tok_3)").decide(submitted)).unwrap();
        assert_eq!(pushers(), ["ben", "control"]);
    }
}
