//! What somebody could say of a plan just now, so that a page offers that and says of the rest why not. Nothing is decided by it: what is
//! asked for is looked at again.

use skein_campaign::approval::{Person, may_approve};
use skein_ledger::{Approval, Name};
use skein_types::{CampaignId, CampaignState, SliceState, WaveState};

use super::{asker, given, unfit};
use crate::access::{Act, Principal};
use crate::control::Control;
use crate::error::ServiceError;
use crate::shown;

/// What somebody could say of one slice. A refusal is the one that they would get.
#[derive(Clone, Debug)]
pub struct Stance {
    /// The slice, by its team.
    pub team: skein_api::Name,
    /// Say yes to it.
    pub approve: Result<(), ServiceError>,
    /// Take the own yes back.
    pub revoke: bool,
    /// Put it off, and leave it out.
    pub restrain: Result<(), ServiceError>,
    /// Go on without the approvals that it needs.
    pub break_glass: Result<(), ServiceError>,
}

/// What somebody could say of a plan.
#[derive(Clone, Debug)]
pub struct Stances {
    /// Of each slice, in the order of [`Approvals`](skein_api::Approvals).
    pub slices: Vec<Stance>,
    /// Let the next wave begin, where one waits for that.
    pub wave: Option<Result<(), ServiceError>>,
}

impl Control {
    /// What somebody could say of the plan of a campaign.
    pub(crate) fn stances(&self, who: &Principal, id: CampaignId) -> Result<Stances, ServiceError> {
        use CampaignState::{Approved, AwaitingApproval, Planned};
        let row = self.campaign_row(id)?;
        let (slices, excluded) = (self.slices(id)?, self.excluded(id)?);
        let all = self.counting(self.approvals(id)?)?;
        let before = matches!(row.state, Planned | AwaitingApproval | Approved);
        let mine = |team: &Name| {
            let is_mine = |one: &&Approval| Person::of(one.person.as_str()) == who.who();
            all.iter().filter(is_mine).any(|one| one.team == *team)
        };
        let of = |slice: &skein_ledger::Slice| {
            let (team, need) = (&slice.team, self.need(slice.risk));
            let asker = asker(who, &who.chair(team));
            Stance {
                team: shown::text(team),
                approve: may_approve(&asker, &excluded, (need, &given(&all, team)))
                    .map_err(|why| unfit(why, who, (id, team))),
                revoke: mine(team) && (before || slice.state == SliceState::Undecided),
                restrain: allowed(who, Act::Restrain, team),
                break_glass: who
                    .is_a_person("goes on without approvals")
                    .and_then(|()| who.check_there(Act::Conduct, team.as_str())),
            }
        };
        let waits = self.ledger.waves(id)?.into_iter().find(|wave| wave.state == WaveState::AwaitingApproval);
        let wave = waits.map(|wave| {
            let chair = self.wave_chair(who, (&row, wave.number), &slices)?;
            self.decides_alone(who, (id, &chair, &excluded))
        });
        Ok(Stances { slices: slices.iter().map(of).collect(), wave })
    }
}

fn allowed(who: &Principal, act: Act, team: &Name) -> Result<(), ServiceError> {
    if who.may_in(act, team) { Ok(()) } else { who.check_there(act, team.as_str()) }
}
