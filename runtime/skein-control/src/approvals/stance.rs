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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::{Actor, ApprovalGiven, Name};
    use skein_types::{Role, TokenKind, codes};

    use crate::access::{Principal, Right};
    use crate::scene::{HandClock, approved, campaign, open_for, planned_for, token};

    fn of_pay(actor: &str, kind: TokenKind, role: Role) -> Principal {
        let team = Some(Name::new("pay").unwrap());
        Principal { kind, ..Principal::with(Actor::new(actor).unwrap(), vec![Right { team, role }]) }
    }

    #[test]
    fn what_somebody_could_say_is_told_slice_by_slice_and_why_not() {
        let place = tempfile::tempdir().unwrap();
        let control = open_for(place.path(), &Arc::new(HandClock::default()), false);
        planned_for(&control, &["pay", "shop"]);
        let stances = |who: &Principal| control.stances(who, campaign()).unwrap().slices;
        let code = |said: &Result<(), crate::ServiceError>| said.as_ref().err().map(|error| error.code);

        let ada = of_pay("ada (tok_1)", TokenKind::Person, Role::Approver);
        let [own, other] = <[_; 2]>::try_from(stances(&ada)).unwrap();
        assert_eq!((own.team.as_str(), other.team.as_str()), ("pay", "shop"));
        assert_eq!((code(&own.approve), code(&own.restrain), own.revoke), (None, None, false));
        let lacks = Some(codes::ROLE_MISSING);
        // Where two are needed, one of them may be of another team; what becomes of its runs is not theirs to say.
        assert_eq!((code(&other.approve), code(&other.restrain)), (None, lacks));
        assert_eq!((code(&own.break_glass), code(&other.break_glass)), (lacks, lacks));

        let program = of_pay("ci (tok_2)", TokenKind::Service, Role::Approver);
        assert_eq!(code(&stances(&program)[0].approve), Some(codes::APPROVER_NOT_A_PERSON));
        let operator = of_pay("ben (tok_3)", TokenKind::Person, Role::Operator);
        assert_eq!(code(&stances(&operator)[0].break_glass), None);
        assert_eq!(code(&stances(&operator)[0].approve), lacks);

        let given = ApprovalGiven { team: Name::new("pay").unwrap(), ..approved("ada", false) };
        let unit = control.itself.unit().decide(token(1, "ada", None)).decide(given);
        control.write(unit).unwrap();
        assert!(stances(&ada)[0].revoke && !stances(&operator)[0].revoke);
        assert_eq!(code(&stances(&ada)[0].approve), Some(codes::APPROVED_BEFORE));
    }
}
