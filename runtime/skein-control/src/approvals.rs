//! What people say of a plan: slices by team, approvals, deferrals, comments, waves that somebody lets through.
//!
//! `skein-campaign`'s `approval` has the rules; here is who asks, what is recorded, and what follows. Each act is one unit of the
//! ledger under the campaign's epoch, written while the lock is held, so two who approve at once are one after the other.
//! Whatever is said, the campaign is then settled ([`Control::settle_approvals`]): it waits for people, may start, or ends. The
//! reconciler settles it again when an approval becomes too old, when a token is revoked or expires, and after a death.
//!
//! ```text
//! plan      slice.planned per team, with the runs' team; then the plan. A new plan voids all of it but comments
//! approve   approval.given; the one with which a slice has what it needs says so
//! defer     slice.deferred; runs of it get no task and pass no door before
//! decline   slice.declined, then its runs are left out, so many at a time
//! start     what expired, or whose giver may not give it any more, is revoked; then refused while a slice lacks something or a question is open
//! ```
//! | crash | there afterwards | who goes on |
//! |---|---|---|
//! | between plan and settling | a campaign that is planned and lacks approvals | the reconciler |
//! | between approval and move | the approval | the reconciler |
//! | while runs of a declined slice are left out | some of them planned; none gets a task | the reconciler |

mod act;
mod aside;
mod comments;
mod glass;
mod hands;
mod lapsed;
mod later;
mod listed;
mod rights;
mod settle;
mod slices;
mod stance;

use std::collections::BTreeSet;

use skein_campaign::approval::{Asker, Excluded, Given, Need, Person, Unfit, may_approve};
use skein_ledger::{Approval, Limit, Name, Slice};
use skein_types::{Blake3, CampaignId, CampaignState, Risk, SliceState, TokenKind, codes};

use crate::access::{Act, Principal};
use crate::control::{Control, State};
use crate::error::ServiceError;

pub(crate) use hands::Hands;
pub(crate) use later::Until;
pub(crate) use settle::Gate;
pub(crate) use slices::Owners;
pub use stance::{Stance, Stances};

/// Until somebody says otherwise: the latest time that a record can hold.
pub(crate) const UNTIL_RESUMED: u64 = skein_ledger::INTEGER_MAX;

/// Why an approval was revoked that nobody took back: as it is on record.
const EXPIRED: &str = "expired";

/// Somebody who says something of a slice.
#[derive(Debug)]
pub(crate) struct Chair {
    /// Whose slice.
    pub(crate) team: Name,
    /// They are an approver of that team.
    pub(crate) of_owner: bool,
    /// They are an approver of some team.
    pub(crate) of_any: bool,
}

impl Principal {
    /// Whoever is behind it, whichever token was shown.
    pub(crate) fn person(&self) -> Result<Name, ServiceError> {
        crate::control::name("person", self.who().name())
    }

    /// The same, to be held against others.
    pub(crate) fn who(&self) -> Person {
        Person::of(self.actor())
    }

    /// Refuses a program.
    pub(crate) fn is_a_person(&self, what: &str) -> Result<(), ServiceError> {
        match self.kind {
            TokenKind::Person => Ok(()),
            TokenKind::Service => Err(ServiceError::new(
                codes::APPROVER_NOT_A_PERSON,
                format!("{} is a program, and only a person {what}", self.actor()),
            )
            .hint(Some("ask with the token of a person"))),
        }
    }
}

impl Control {
    /// What a slice of this risk needs here.
    pub(crate) const fn need(&self, risk: Risk) -> Need {
        Need::of(risk, self.single_user)
    }

    /// All slices of a campaign's plan.
    pub(crate) fn slices(&self, id: CampaignId) -> Result<Vec<Slice>, ServiceError> {
        let (mut slices, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.slices(id, after.as_ref(), Limit::MAX)?;
            slices.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(slices),
            }
        }
    }

    /// All approvals of a campaign's plan.
    pub(crate) fn approvals(&self, id: CampaignId) -> Result<Vec<Approval>, ServiceError> {
        let (mut approvals, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.approvals(id, after.as_ref(), Limit::MAX)?;
            approvals.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(approvals),
            }
        }
    }

    /// A slice, or that there is none.
    fn slice(&self, id: CampaignId, team: &Name) -> Result<Slice, ServiceError> {
        match self.ledger.slice(id, team)? {
            Some(slice) => Ok(slice),
            None => Err(self.no_slice(id, Some(team.as_str()))?),
        }
    }

    /// Says which slices there are, where one that is named is none of them, or none is named and none can be meant.
    fn no_slice(&self, id: CampaignId, named: Option<&str>) -> Result<ServiceError, ServiceError> {
        let teams: Vec<String> = self.slices(id)?.iter().map(|slice| slice.team.to_string()).collect();
        let there =
            if teams.is_empty() { "no part".to_owned() } else { format!("parts of {}", teams.join(", ")) };
        let message = match named {
            Some(team) => format!("the plan has {there} and none of {team:?}"),
            None => format!("the plan has {there}, and none is named"),
        };
        Ok(ServiceError::new(codes::NO_SUCH_SLICE, message)
            .hint(Some("name one of them: a part is called by the team whose datasets it has")))
    }

    /// The slice that is meant where none is named: of the teams that whoever asks is of, the only one; or the only one that there is.
    pub(crate) fn slice_meant(
        &self,
        id: CampaignId,
        named: Option<&str>,
        mine: impl Fn(&Name) -> bool,
    ) -> Result<Name, ServiceError> {
        if let Some(named) = named {
            return Ok(self.slice(id, &crate::control::name("slice", named)?)?.team);
        }
        let all = self.slices(id)?;
        let mut of_mine = all.iter().filter(|slice| mine(&slice.team));
        match (of_mine.next(), of_mine.next(), all.as_slice()) {
            (Some(one), None, _) | (None, None, [one]) => Ok(one.team.clone()),
            _ => Err(self.no_slice(id, None)?),
        }
    }

    /// Refuses whoever may not say yes alone for a team, whatever the risk: to a wave, or to an answer. The one user of a machine may.
    pub(crate) fn decides_alone(
        &self,
        who: &Principal,
        (id, chair, excluded): (CampaignId, &Chair, &Excluded),
    ) -> Result<(), ServiceError> {
        if self.single_user && who.token.is_none() {
            return Ok(());
        }
        let need = Need { approvals: 1, of_owner: 1 };
        may_approve(&asker(who, chair), excluded, (need, &[]))
            .map_err(|why| unfit(why, who, (id, &chair.team)))
    }

    /// The plan that could be decided about, if there is one.
    pub(crate) fn plan_there(&self, state: &mut State, id: CampaignId) -> Result<Blake3, ServiceError> {
        use CampaignState::{Approved, AwaitingApproval, Halted, Paused, Planned, Running};
        let live = self.live(state, id)?;
        let at = live.machine.state();
        let open = matches!(at, Planned | AwaitingApproval | Approved | Running | Paused | Halted);
        live.machine.plan().filter(|_| open).ok_or_else(|| {
            ServiceError::new(
                codes::CAMPAIGN_STATE,
                format!("the campaign is {at}: there is no plan that anybody could decide about"),
            )
            .hint(Some("plan it, or look at what became of it"))
        })
    }
}

/// Refuses what was said of another plan than the one that is there.
fn of_this((id, plan): (CampaignId, Blake3), seen: Option<Blake3>) -> Result<(), ServiceError> {
    let said = match seen {
        Some(seen) if seen == plan => return Ok(()),
        Some(seen) => format!("the plan is {plan} by now, and {seen} was looked at"),
        None => format!("the plan is {plan}, and no plan was named"),
    };
    Err(ServiceError::new(codes::APPROVAL_OF_ANOTHER, said).hint(Some(format!(
        "look at the plan that is there, `skein campaign show {id}`, and approve that one"
    ))))
}

/// Refuses what is said of a slice that was declined.
fn not_declined(id: CampaignId, slice: &Slice) -> Result<(), ServiceError> {
    let Slice { team, state, person, reason, .. } = slice;
    match state {
        SliceState::Undecided | SliceState::Approved => Ok(()),
        SliceState::Declined => {
            let message = format!("the part of {team} was declined by {person}: {reason}");
            let again = "decide anew about a plan that is made again";
            let hint = format!(
                "{again}, `skein campaign plan {id}`, or once it was started about that of another campaign"
            );
            Err(ServiceError::new(codes::SLICE_DECLINED, message).hint(Some(hint)))
        }
    }
}

fn given(approvals: &[Approval], team: &Name) -> Vec<Given> {
    let of_team = approvals.iter().filter(|one| one.team == *team && !one.glass);
    of_team.map(|one| Given { person: Person::of(one.person.as_str()), of_owner: one.of_owner }).collect()
}

/// Why somebody may not approve, for them.
fn unfit(why: Unfit, who: &Principal, (id, team): (CampaignId, &Name)) -> ServiceError {
    let actor = who.actor();
    let could = format!("`skein campaign approvals {id}` says who could");
    let (code, message, hint) = match why {
        Unfit::NotAPerson => (
            codes::APPROVER_NOT_A_PERSON,
            format!("{actor} is a program, and only a person approves"),
            "ask with the token of a person".to_owned(),
        ),
        Unfit::Author => (
            codes::OWN_CAMPAIGN,
            format!("{actor} made this campaign and does not approve it"),
            format!("ask another approver: {could}"),
        ),
        Unfit::Pusher => (
            codes::OWN_CHANGE,
            format!("{actor} submitted the module or planned the campaign last, and does not approve it"),
            format!("ask another approver: {could}"),
        ),
        Unfit::Role => return who.lacks(Act::Approve, Some(team.as_str())),
        Unfit::Already => (
            codes::APPROVED_BEFORE,
            format!("{actor} has approved the part of {team} before"),
            format!("if it needs more, another person has to approve: {could}"),
        ),
    };
    ServiceError::new(code, message).hint(Some(hint))
}

fn asker(who: &Principal, chair: &Chair) -> Asker {
    Asker {
        person: who.who(),
        is_person: who.kind == TokenKind::Person,
        of_owner: chair.of_owner,
        of_any: chair.of_any,
    }
}

/// Names of people, for those who see the campaign.
fn named(excluded: &Excluded) -> BTreeSet<&str> {
    excluded.pushers.iter().chain(&excluded.author).map(Person::name).collect()
}
