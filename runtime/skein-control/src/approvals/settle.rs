//! What follows from what people said: where the campaign is, and which runs may start.

use std::collections::{BTreeMap, BTreeSet};

use skein_campaign::approval::{Standing, has_expired, lack, standing};
use skein_campaign::{Observation, Span};
use skein_ledger::{Approval, ApprovalRevoked, Entry, Limit, Name, Run, Slice, Text};
use skein_types::{CampaignId, CampaignState, Reason, RunState, SliceState, Timestamp, codes};

use super::aside::{Waves, more};
use super::later::declined_because;
use super::{EXPIRED, given};
use crate::access::Principal;
use crate::campaigns::CHUNK;
use crate::control::{Control, State};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::live::Live;

/// Whether runs of a slice may start.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    /// It has what it needs, and was not declined.
    pub(crate) may_run: bool,
    /// It was declined: its runs are left out.
    pub(crate) declined: bool,
    /// Not before.
    pub(crate) until: Option<Timestamp>,
}

impl Gate {
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        self.may_run && self.until.is_none_or(|until| until <= now)
    }
}

/// Why an approval counts no more.
#[derive(Clone, Copy, Debug)]
enum Gone {
    /// It is too old.
    Expired,
    /// Whoever gave it holds no token any more with which they could.
    Role,
}

impl Gone {
    const fn word(self) -> &'static str {
        match self {
            Self::Expired => EXPIRED,
            Self::Role => "role",
        }
    }

    const fn reason(self) -> Reason {
        match self {
            Self::Expired => Reason::ApprovalExpired,
            Self::Role => Reason::ApprovalRevoked,
        }
    }
}

/// The approvals of a plan.
#[derive(Debug, Default)]
struct Sorted {
    gone: Vec<(Approval, Gone)>,
    kept: Vec<Approval>,
    /// When the next of those that are kept counts no more.
    due: Option<Timestamp>,
}

impl Control {
    const fn as_decided(&self, slice: &Slice, now: Timestamp) -> skein_campaign::approval::Slice {
        let deferred = match slice.until {
            Some(until) => until.0 > now.0,
            None => false,
        };
        skein_campaign::approval::Slice { state: slice.state, need: self.need(slice.risk), deferred }
    }

    /// Reads again which runs may start, and how many of each wave may not.
    pub(crate) fn gates(&self, state: &mut State, id: CampaignId) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut gates = BTreeMap::new();
        for slice in self.slices(id)? {
            let may_run = self.as_decided(&slice, now).may_run();
            let declined = slice.state == SliceState::Declined;
            gates.insert(slice.team, Gate { may_run, declined, until: slice.until });
        }
        let mut aside = Waves::new();
        let mut leftover = Vec::new();
        for (team, gate) in gates.iter().filter(|(_, gate)| !gate.is_open(now)) {
            let planned = self.ledger.planned_of_slice(id, team)?;
            if gate.declined && !planned.is_empty() {
                leftover.push(team.clone());
            }
            more(&mut aside, planned);
        }
        let live = self.live(state, id)?;
        for wave in 0..u32::try_from(live.machine.waves().len()).unwrap_or(u32::MAX) {
            live.machine.put_aside(wave, aside.get(&wave).copied().unwrap_or(0));
        }
        live.gates_due = gates.values().filter_map(|gate| gate.until).filter(|until| *until > now).min();
        (live.gates, live.leftover, live.settled) = (gates, leftover, None);
        live.admitted.clear();
        Ok(())
    }

    /// Teams whose slices let nothing be published.
    pub(crate) fn closed_slices(&self, id: CampaignId) -> Result<BTreeSet<Name>, ServiceError> {
        let now = self.clock.now();
        let mut state = self.state();
        let gates = &self.live(&mut state, id)?.gates;
        let closed = gates.iter().filter(|(_, gate)| !gate.is_open(now));
        Ok(closed.map(|(team, _)| team.clone()).collect())
    }

    /// Somebody said something.
    pub(crate) fn settle_after(
        &self,
        state: &mut State,
        id: CampaignId,
        who: &Principal,
    ) -> Result<(), ServiceError> {
        self.gates(state, id)?;
        self.settle_approvals(state, id, who)?;
        // What is put off keeps no gate waiting.
        self.tell(state, id, vec![Told::of(Observation::Tick)], (who, "", Vec::new()))?;
        Ok(())
    }

    /// What is due by itself; true if something was done.
    pub(crate) fn attend_approvals(&self, id: CampaignId) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let mut state = self.state();
        let live = self.live(&mut state, id)?;
        if live.gates_due.is_some_and(|due| due <= now) {
            self.settle_after(&mut state, id, &self.itself)?;
            return Ok(true);
        }
        if let Some(team) = live.leftover.first().cloned() {
            return self.leave_out(&mut state, id, &team);
        }
        if live.settled.is_none_or(|due| due.is_some_and(|due| due <= now)) {
            self.settle_approvals(&mut state, id, &self.itself)?;
        }
        Ok(false)
    }

    /// Some of the runs of a slice that was declined, where whoever was at it died.
    fn leave_out(&self, state: &mut State, id: CampaignId, team: &Name) -> Result<bool, ServiceError> {
        let slice = self.slice(id, team)?;
        let page = self.ledger.runs_of_slice((id, team), RunState::Planned, None, Limit::new(CHUNK))?;
        let reason = declined_because(slice.person.as_str(), slice.reason.as_str());
        let moved = !page.items.is_empty()
            && self.move_some(state, &page.items, (&self.itself, RunState::Skipped, &reason))?;
        if page.next.is_none() || !moved {
            self.settle_after(state, id, &self.itself)?;
            // Others that declined have runs left still.
            self.live(state, id)?.leftover.retain(|other| other != team);
        }
        Ok(moved)
    }

    /// Sees to it that a campaign that was not started is where its approvals say.
    pub(crate) fn settle_approvals(
        &self,
        state: &mut State,
        id: CampaignId,
        who: &Principal,
    ) -> Result<(), ServiceError> {
        use CampaignState::{Approved, AwaitingApproval, Planned};
        let now = self.clock.now();
        let live = self.live(state, id)?;
        if !matches!(live.machine.state(), Planned | AwaitingApproval | Approved) {
            live.settled = Some(None);
            return Ok(());
        }
        let expires = live.rules().approvals.expires;
        let leftover = !live.leftover.is_empty();
        let Sorted { gone, kept, due } = self.sorted(self.approvals(id)?, expires)?;
        if !gone.is_empty() {
            self.void(state, id, (&gone, &kept))?;
        }
        let slices = self.slices(id)?;
        let broken = kept.iter().any(|one| one.glass);
        let asked = self.campaign_row(id)?.open_questions > 0
            && (slices.is_empty() || !self.asks_slices(id, (&slices, &kept))?.is_empty());
        let seen = match standing(slices.iter().map(|slice| self.as_decided(slice, now))) {
            Standing::Undecided => Some(Observation::Undecided(Reason::ApprovalNeeded)),
            Standing::Declined if leftover => None,
            Standing::Declined => Some(Observation::Declined),
            Standing::Decided if asked => Some(Observation::Undecided(Reason::QuestionOpen)),
            Standing::Decided if broken => Some(Observation::Decided(Reason::GlassBroken)),
            Standing::Decided => Some(Observation::Decided(Reason::SlicesDecided)),
        };
        if let Some(seen) = seen {
            let refused = self.tell(state, id, vec![Told::of(seen)], (who, "", Vec::new()))?;
            if let Some((_, refused)) = refused.into_iter().next() {
                tracing::debug!(campaign = %id, %refused, "what was said of a plan waits");
            }
        }
        self.live(state, id)?.settled = Some(due);
        Ok(())
    }

    /// Which approvals count, and until when all of them do.
    fn sorted(&self, all: Vec<Approval>, expires: Span) -> Result<Sorted, ServiceError> {
        let mut sorted = Sorted::default();
        if all.is_empty() {
            return Ok(sorted);
        }
        let (now, roster) = (self.clock.now(), self.roster()?);
        for one in all {
            match (has_expired(one.at, expires, now), roster.good_until(&one)) {
                (true, _) => sorted.gone.push((one, Gone::Expired)),
                (false, None) => sorted.gone.push((one, Gone::Role)),
                (false, Some(until)) => {
                    let until = until.min(expires.after(one.at));
                    sorted.due = Some(sorted.due.map_or(until, |due| due.min(until)));
                    sorted.kept.push(one);
                }
            }
        }
        Ok(sorted)
    }

    /// Slices that open questions are about and of which nobody goes on without an answer. One that is not about a slice of the
    /// plan is about all.
    pub(super) fn asks_slices(
        &self,
        id: CampaignId,
        (slices, approvals): (&[Slice], &[Approval]),
    ) -> Result<Vec<Name>, ServiceError> {
        let about = self.asked_about(id)?;
        let kept = || slices.iter().filter(|slice| slice.state != SliceState::Declined);
        let of_all = about.iter().any(|team| kept().all(|slice| team.as_ref() != Some(&slice.team)));
        let answered = |team: &Name| approvals.iter().any(|one| one.team == *team && one.glass);
        let asked = kept().filter(|slice| of_all || about.contains(&Some(slice.team.clone())));
        Ok(asked.map(|slice| slice.team.clone()).filter(|team| !answered(team)).collect())
    }

    /// Approvals that are too old, or whose givers could not give them any more, count no more, which is on record as whatever else
    /// becomes of them.
    fn void(
        &self,
        state: &mut State,
        id: CampaignId,
        (gone, kept): (&[(Approval, Gone)], &[Approval]),
    ) -> Result<(), ServiceError> {
        let mut entries = Vec::with_capacity(gone.len());
        let mut opened = None;
        for (one, why) in gone {
            let slice = self.slice(id, &one.team)?;
            let glass = kept.iter().any(|other| other.team == one.team && other.glass);
            let lacks = lack(self.need(slice.risk), &given(kept, &one.team)).is_some() && !glass;
            let opens = slice.state == SliceState::Approved && lacks;
            opened = opened.or(opens.then_some(*why));
            let reason = Text::clip(why.word());
            let (team, person) = (one.team.clone(), one.person.clone());
            entries.push(Entry::Decide(ApprovalRevoked { campaign: id, team, person, opens, reason }.into()));
        }
        let told = opened.map(|why| Told::of(Observation::Undecided(why.reason()))).into_iter().collect();
        self.tell(state, id, told, (&self.itself, "", entries))?;
        self.gates(state, id)
    }

    /// Refuses the start of a campaign that lacks something, and says what and who could give it.
    pub(crate) fn has_approvals(&self, state: &mut State, id: CampaignId) -> Result<(), ServiceError> {
        use CampaignState::{Approved, AwaitingApproval, Planned};
        if !matches!(self.live(state, id)?.machine.state(), Planned | AwaitingApproval | Approved) {
            // The machine says what is wrong with that.
            return Ok(());
        }
        self.settle_approvals(state, id, &self.itself)?;
        let live = self.live(state, id)?;
        if live.machine.state() != AwaitingApproval {
            return Ok(());
        }
        let lapsed = self.lapsed(id)?;
        let shown = self.shown_approvals(id)?;
        let lacks = shown.slices.iter().filter(|slice| slice.lacks.is_some() && slice.until.is_none());
        let findings: Vec<String> = lacks.clone().map(what_lacks).collect();
        let teams: Vec<&str> = lacks.clone().map(|slice| slice.team.as_str()).collect();
        let expired =
            lacks.clone().any(|slice| lapsed.iter().any(|team| team.as_str() == slice.team.as_str()));
        let one_short = lacks.clone().all(|slice| !slice.approvals.is_empty());
        let teams = teams.join(", ");
        let (code, message) = if findings.is_empty() {
            let questions = shown.open_questions;
            (codes::QUESTION_OPEN, format!("{questions} questions about the plan are not resolved"))
        } else if expired {
            (codes::APPROVAL_EXPIRED, format!("approvals of the parts of {teams} are too old"))
        } else if one_short {
            (codes::SECOND_PERSON, format!("a second person has to approve the parts of {teams}"))
        } else {
            (codes::SLICE_UNDECIDED, format!("nobody has approved the parts of {teams}"))
        };
        Err(ServiceError::new(code, message)
            .findings(findings)
            .hint(Some(format!("`skein campaign approvals {id}` shows what waits for whom"))))
    }
}

fn what_lacks(slice: &skein_api::Slice) -> String {
    let Some(lacks) = &slice.lacks else { return String::new() };
    let who: Vec<&str> = lacks.who_could.iter().map(|name| name.as_str()).collect();
    let who = if who.is_empty() { "nobody".to_owned() } else { who.join(", ") };
    let persons =
        if lacks.approvals == 1 { "1 person".to_owned() } else { format!("{} persons", lacks.approvals) };
    let of =
        if lacks.of_owner { format!(", an approver of {} among them", slice.team) } else { String::new() };
    format!("{}: {} risk, {persons} more{of}; could: {who}", slice.team, slice.risk)
}

impl Live {
    /// Whether the slice that a run is in lets it start.
    pub(crate) fn gate_open(&self, run: &Run, now: Timestamp) -> bool {
        let Some(team) = &run.team else { return true };
        // A slice that is not known lets nothing start.
        self.gates.get(team).is_some_and(|gate| gate.is_open(now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use skein_ledger::{
        ApprovalGiven, Event, EventFilter, Grant, Kind, Limit, Name, RunHeld, SliceDeclined, Text,
        TokenIssued, TokenRevoked,
    };
    use skein_types::{AttemptId, CampaignState, Role, RunState, TokenId, TokenKind, codes};
    use uuid::Uuid;

    use crate::control::Control;
    use crate::datasets::rules::held::HeldVerb;
    use crate::reconcile::tests::look;
    use crate::scene::{HandClock, approved, campaign, open, open_for, planned, planned_for, running, token};

    fn state(control: &Control) -> (CampaignState, String) {
        let row = control.ledger.campaign(campaign()).unwrap().unwrap();
        (row.state, row.reason.to_string())
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn writes(control: &Control, event: impl Into<Event>) {
        control.write(control.itself.unit().decide(event)).unwrap();
    }

    fn persons(control: &Control) -> Vec<String> {
        let left = control.approvals(campaign()).unwrap();
        left.iter().map(|one| one.person.to_string()).collect()
    }

    #[test]
    fn a_plan_that_lacks_approvals_waits_for_them_whoever_died_and_one_users_does_not() {
        for (single_user, is) in [(true, CampaignState::Planned), (false, CampaignState::AwaitingApproval)] {
            let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
            let control = open_for(place.path(), &clock, single_user);
            planned(&control);
            drop(control);
            let control = open_for(place.path(), &clock, single_user);
            look(&control);
            assert_eq!(state(&control).0, is);
        }
    }

    #[test]
    fn what_was_approved_before_a_death_is_approved_and_too_old_when_its_time_is_over() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        planned(&control);
        drop(control);
        let control = open_for(place.path(), &clock, false);
        look(&control);
        writes(&control, token(1, "Ada", None));
        writes(&control, token(2, "ben", None));
        writes(&control, approved("ada", false));
        clock.0.store(5_000, Ordering::SeqCst);
        writes(&control, approved("ben", true));
        drop(control);
        let control = open_for(place.path(), &clock, false);
        look(&control);
        assert_eq!(state(&control).0, CampaignState::Approved);
        let week = 7 * 24 * 3_600_000;
        clock.0.store(week - 1, Ordering::SeqCst);
        look(&control);
        assert_eq!(state(&control).0, CampaignState::Approved);
        clock.0.store(week, Ordering::SeqCst);
        look(&control);
        assert_eq!(state(&control), (CampaignState::AwaitingApproval, "approval_expired".to_owned()));
        // The other one still counts.
        assert_eq!(persons(&control), ["ben"]);
    }

    #[test]
    fn an_approval_counts_while_whoever_gave_it_could_give_it_still() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        planned(&control);
        drop(control);
        let control = open_for(place.path(), &clock, false);
        look(&control);
        for one in [token(1, "ada", None), token(2, "Ben", None), token(3, "ben", Some(90_000))] {
            writes(&control, one);
        }
        writes(&control, approved("ada", false));
        writes(&control, approved("ben", true));
        control.settle_approvals(&mut control.state(), campaign(), &control.itself).unwrap();
        assert_eq!(state(&control).0, CampaignState::Approved);
        // One of two tokens: the other is good for it still, until it expires.
        control.revoke_token(control.everybody(), TokenId::new(Uuid::from_u128(2)), "left").unwrap();
        look(&control);
        assert_eq!((state(&control).0, persons(&control).len()), (CampaignState::Approved, 2));
        clock.0.store(90_000, Ordering::SeqCst);
        look(&control);
        assert_eq!(state(&control), (CampaignState::AwaitingApproval, "approval_revoked".to_owned()));
        assert_eq!(persons(&control), ["ada"]);
        let kinds = vec![Kind::ApprovalRevoked];
        let filter = EventFilter { kinds, ..EventFilter::default() };
        let revoked = control.ledger.events(0, &filter, Limit::MAX).unwrap().items;
        let [Event::ApprovalRevoked(revoked)] = revoked.iter().map(|one| &one.event).collect::<Vec<_>>()[..]
        else {
            panic!("{revoked:?}")
        };
        assert_eq!((revoked.person.as_str(), revoked.reason.as_str()), ("ben", "role"));
        // The start looks by itself, whoever comes first.
        writes(&control, approved("ben", true));
        writes(&control, token(4, "ben", None));
        control.settle_approvals(&mut control.state(), campaign(), &control.itself).unwrap();
        assert_eq!(state(&control).0, CampaignState::Approved);
        let gone = TokenRevoked { token: TokenId::new(Uuid::from_u128(4)), reason: Text::clip("left") };
        writes(&control, gone);
        let refused = control.has_approvals(&mut control.state(), campaign()).unwrap_err();
        assert_eq!(refused.code, codes::SECOND_PERSON);
    }

    #[test]
    fn an_approver_of_another_team_and_a_program_are_no_approvers_of_this_one() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        planned_for(&control, &["shop"]);
        drop(control);
        let control = open_for(place.path(), &clock, false);
        look(&control);
        let of = |team: &str| vec![Grant { team: Some(name(team)), role: Role::Approver }];
        let other = TokenIssued { grants: of("pay"), ..token(1, "ada", None) };
        let program = TokenIssued { grants: of("shop"), kind: TokenKind::Service, ..token(2, "ben", None) };
        writes(&control, other);
        writes(&control, program);
        for (person, of_owner) in [("ada", true), ("ben", true), ("ada ", false)] {
            writes(&control, ApprovalGiven { team: name("shop"), of_owner, ..approved(person, false) });
        }
        control.settle_approvals(&mut control.state(), campaign(), &control.itself).unwrap();
        // As somebody of another team, which she is.
        assert_eq!(persons(&control), ["ada "]);
    }

    #[test]
    fn runs_of_a_slice_that_was_declined_are_left_out_by_the_next_process() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open(place.path(), &clock);
        planned(&control);
        let (team, person, reason) = (name("local"), name("ada"), Text::clip("not this way"));
        writes(&control, SliceDeclined { campaign: campaign(), team, person, reason });
        drop(control);
        let control = open(place.path(), &clock);
        look(&control);
        let run = control.ledger.run(campaign(), 0).unwrap().unwrap();
        assert_eq!((run.state, run.reason.as_str()), (RunState::Skipped, "declined by ada: not this way"));
        look(&control);
        assert_eq!(state(&control), (CampaignState::Cancelled, "all_declined".to_owned()));
    }

    #[test]
    fn of_several_slices_that_were_declined_all_runs_are_left_out_by_the_next_process() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open(place.path(), &clock);
        planned_for(&control, &["local", "shop"]);
        for team in ["local", "shop"] {
            let (team, person, reason) = (name(team), name("ada"), Text::clip("not this way"));
            writes(&control, SliceDeclined { campaign: campaign(), team, person, reason });
        }
        drop(control);
        let control = open(place.path(), &clock);
        (0..4).for_each(|_| look(&control));
        let states = [0, 1].map(|seq| control.ledger.run(campaign(), seq).unwrap().unwrap().state);
        assert_eq!(states, [RunState::Skipped; 2]);
        assert_eq!(state(&control), (CampaignState::Cancelled, "all_declined".to_owned()));
    }

    #[test]
    fn a_run_that_is_let_go_when_its_slice_was_declined_is_left_out() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open(place.path(), &clock);
        running(&control);
        let attempt = AttemptId::new(Uuid::from_u128(5));
        let (reason, consumers) = (Text::clip("few rows"), Vec::new());
        writes(&control, RunHeld { campaign: campaign(), seq: 0, attempt, reason, consumers });
        let (team, person, reason) = (name("local"), name("ada"), Text::clip("not this way"));
        writes(&control, SliceDeclined { campaign: campaign(), team, person, reason });
        let run = || control.ledger.run(campaign(), 0).unwrap().unwrap();
        let why = skein_api::RunAction { reason: skein_api::Text::escaped("looked at it") };
        control.act_on_held(control.everybody(), (campaign(), run(), HeldVerb::Release), &why).unwrap();
        look(&control);
        assert_eq!(
            (run().state, run().reason.as_str()),
            (RunState::Skipped, "declined by ada: not this way")
        );
    }

    #[test]
    fn a_slice_that_lacks_something_lets_no_run_start_although_the_campaign_runs() {
        for (single_user, opens) in [(true, true), (false, false)] {
            let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
            let control = open_for(place.path(), &clock, single_user);
            running(&control);
            let run = control.ledger.run(campaign(), 0).unwrap().unwrap();
            let mut state = control.state();
            let live = control.live(&mut state, campaign()).unwrap();
            assert_eq!(live.may_have_task(&run, control.clock.now()), opens);
        }
    }
}
