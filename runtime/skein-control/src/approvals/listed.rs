//! How a plan stands with people, and what waits for whom.

use std::collections::BTreeSet;

use skein_api::{
    ApprovalGiven, ApprovalLack, ApprovalNeed, Approvals, List, Page, Slice, Text, Time, Waits, WaveApproval,
};
use skein_campaign::approval::{Asker, Excluded, Person, lack, may_approve};
use skein_ledger::{Approval, CampaignFilter, CampaignsFrom, Grant, Limit, Name};
use skein_types::{CampaignId, CampaignState, Risk, Role, SliceState, WaveState, codes};

use super::rights::{Held, Roster};
use super::{Chair, asker, given, named};
use crate::access::{Act, Principal};
use crate::control::Control;
use crate::error::ServiceError;
use crate::list::WaitPart;
use crate::shown;

/// States of campaigns of which something may wait for people.
const WAITING: [CampaignState; 3] =
    [CampaignState::AwaitingApproval, CampaignState::Running, CampaignState::Paused];

/// Somebody who could approve: a person, and the teams that they are approvers of.
#[derive(Debug)]
struct Approver {
    person: Person,
    name: Name,
    everywhere: bool,
    teams: Vec<Name>,
}

impl Control {
    /// How the plan of a campaign stands with people.
    pub(crate) fn shown_approvals(&self, id: CampaignId) -> Result<Approvals, ServiceError> {
        let row = self.campaign_row(id)?;
        let excluded = self.excluded(id)?;
        let (slices, roster) = (self.slices(id)?, self.roster()?);
        let mut all = self.approvals(id)?;
        all.retain(|one| roster.good_until(one).is_some());
        let concerned: BTreeSet<&Name> = slices.iter().map(|slice| &slice.team).chain([&row.owner]).collect();
        let approvers = approvers(&roster, &concerned);
        let expires = self.expiry_of(&row)?;
        let shown =
            slices.iter().map(|slice| self.shown_slice((slice, &all), (&excluded, &approvers), expires));
        let shown: Vec<Slice> = shown.collect();
        let more_slices = shown.len().saturating_sub(skein_api::SLICES_MAX) as u64;
        let waves = self.ledger.wave_approvals(id)?.into_iter().map(|wave| WaveApproval {
            wave: wave.wave,
            person: shown::text(&wave.person),
            note: said(wave.note.as_str()),
            at: Time(wave.at),
        });
        let waves: Vec<WaveApproval> = waves.collect();
        let waits = self.ledger.waves(id)?.into_iter().find(|wave| wave.state == WaveState::AwaitingApproval);
        Ok(Approvals {
            campaign: id,
            name: shown::text(&row.name),
            state: row.state,
            plan: row.plan.map(|plan| plan.digest),
            single_user: self.single_user,
            expires_ms: expires.length(),
            broken_glass: row.broken_glass,
            excluded: List::first(named(&excluded).into_iter().map(Text::escaped).collect()).0,
            slices: List::first(shown).0,
            more_slices,
            waves: List::first(waves).0,
            wave_waits: waits.map(|wave| wave.number),
            comments: row.comments,
            open_questions: row.open_questions,
        })
    }

    fn expiry_of(&self, row: &skein_ledger::Campaign) -> Result<skein_campaign::Span, ServiceError> {
        let gone = || ServiceError::bug(format!("the policy of {} is gone", row.id));
        let bytes = self.ledger.blob(row.policy)?.ok_or_else(gone)?;
        let asked: skein_api::Policy = skein_api::parse(&bytes, skein_api::BODY_BYTES_MAX)?;
        Ok(crate::policy::rules(&asked)?.approvals.expires)
    }

    fn shown_slice(
        &self,
        (slice, all): (&skein_ledger::Slice, &[Approval]),
        (excluded, approvers): (&Excluded, &[Approver]),
        expires: skein_campaign::Span,
    ) -> Slice {
        let need = self.need(slice.risk);
        let given = given(all, &slice.team);
        let of_team = all.iter().filter(|one| one.team == slice.team).map(|one| ApprovalGiven {
            person: shown::text(&one.person),
            of_owner: one.of_owner,
            broken_glass: one.glass,
            note: said(one.note.as_str()),
            at: Time(one.at),
            expires: Time(expires.after(one.at)),
        });
        let undecided = slice.state == SliceState::Undecided;
        let lacks = lack(need, &given).filter(|_| undecided).map(|lack| {
            let could = approvers.iter().filter(|one| {
                let of_owner = one.everywhere || one.teams.contains(&slice.team);
                let asker = Asker { person: one.person.clone(), is_person: true, of_owner, of_any: true };
                may_approve(&asker, excluded, (need, &given)).is_ok()
                    && (of_owner || lack.approvals > 1 || !lack.of_owner)
            });
            ApprovalLack {
                approvals: lack.approvals,
                of_owner: lack.of_owner,
                who_could: List::first(could.map(|one| shown::text(&one.name)).collect()).0,
            }
        });
        Slice {
            team: shown::text(&slice.team),
            risk: slice.risk,
            datasets: slice.datasets,
            bytes: slice.bytes,
            rows: slice.rows,
            state: slice.state,
            until: slice.until.filter(|until| *until > self.clock.now()).map(Time),
            by: (!slice.person.as_str().is_empty()).then(|| shown::text(&slice.person)),
            why: said(slice.reason.as_str()),
            since: Time(slice.since),
            needs: ApprovalNeed { approvals: need.approvals, of_owner: need.of_owner },
            approvals: List::first(of_team.collect()).0,
            lacks,
        }
    }

    /// What waits for people, of campaigns that whoever asks sees.
    pub(crate) fn waits(&self, who: &Principal, part: &WaitPart) -> Result<Page<Waits>, ServiceError> {
        let mine = match part.waiting_for.as_deref() {
            None => false,
            Some("me") => true,
            Some(_) => {
                return Err(ServiceError::new(
                    codes::BODY_INVALID,
                    "`waiting_for` can be `me` and nothing else",
                ));
            }
        };
        let (at, mut after) = match part.after.as_deref() {
            None => (0, None),
            Some(key) => place(key)?,
        };
        let limit = Limit::new(part.limit.unwrap_or(100));
        let roster = self.roster()?;
        let mut items = Vec::new();
        for (number, state) in WAITING.iter().enumerate().skip(at) {
            let filter = CampaignFilter { state: Some(*state), ..CampaignFilter::default() };
            let page = self.ledger.campaigns(&filter, &CampaignsFrom::Oldest(after.take()), limit)?;
            for row in &page.items {
                items.extend(self.waits_of(who, (row, mine), &roster)?);
                if items.len() >= limit.rows() {
                    items.truncate(skein_api::PAGE_ITEMS_MAX);
                    return shown::page(items, Some(format!("{number}:{}", row.id)), Ok);
                }
            }
            let next = match page.next {
                Some(next) => Some(format!("{number}:{next}")),
                None if number + 1 < WAITING.len() && !items.is_empty() => Some(format!("{}:", number + 1)),
                None => None,
            };
            // A page may be short: what waits is a few of many.
            if next.is_some() && (!items.is_empty() || page.items.len() >= limit.rows()) {
                return shown::page(items, next, Ok);
            }
        }
        shown::page(items, None, Ok)
    }

    fn waits_of(
        &self,
        who: &Principal,
        (row, mine): (&skein_ledger::Campaign, bool),
        roster: &Roster,
    ) -> Result<Vec<Waits>, ServiceError> {
        let (Some(plan), id) = (&row.plan, row.id) else { return Ok(Vec::new()) };
        let slices = self.slices(id)?;
        let sees = |team: &Name| who.may_in(Act::See, team);
        if !sees(&row.owner) && !slices.iter().any(|slice| sees(&slice.team)) {
            return Ok(Vec::new());
        }
        let (mut all, excluded) = (self.approvals(id)?, self.excluded(id)?);
        all.retain(|one| roster.good_until(one).is_some());
        let one = |team: Option<&Name>, wave: Option<u32>| Waits {
            campaign: id,
            name: shown::text(&row.name),
            plan: plan.digest,
            team: team.map(shown::text),
            wave,
            risk: Risk::Low,
            datasets: 0,
            approvals: 1,
            of_owner: false,
            since: Time(row.since),
        };
        let mut waits = Vec::new();
        for slice in slices.iter().filter(|slice| slice.state == SliceState::Undecided) {
            let (need, given) = (self.need(slice.risk), given(&all, &slice.team));
            let Some(lacks) = lack(need, &given) else { continue };
            let asker = asker(who, &who.chair(&slice.team));
            let helps = may_approve(&asker, &excluded, (need, &given)).is_ok();
            if (mine && helps) || (!mine && (sees(&slice.team) || sees(&row.owner))) {
                let (risk, datasets) = (slice.risk, slice.datasets);
                let (approvals, of_owner) = (lacks.approvals, lacks.of_owner);
                waits.push(Waits { risk, datasets, approvals, of_owner, ..one(Some(&slice.team), None) });
            }
        }
        let gated = self.ledger.waves(id)?.into_iter().find(|wave| wave.state == WaveState::AwaitingApproval);
        if let Some(wave) = gated {
            let chair = self.wave_chair(who, (row, wave.number), &slices)?;
            if !mine || self.decides_alone(who, (id, &chair, &excluded)).is_ok() {
                waits.push(Waits { datasets: wave.runs.total(), ..one(None, Some(wave.number)) });
            }
        }
        Ok(waits)
    }

    /// As whom somebody lets a wave through: an approver of a team that has not declined and has runs in the waves to come, of which it
    /// is about. Where nobody has any, of the campaign's team.
    pub(crate) fn wave_chair(
        &self,
        who: &Principal,
        (row, wave): (&skein_ledger::Campaign, u32),
        slices: &[skein_ledger::Slice],
    ) -> Result<Chair, ServiceError> {
        let mut concerned = Vec::new();
        for slice in slices.iter().filter(|slice| slice.state != SliceState::Declined) {
            if self.ledger.is_planned_behind(row.id, &slice.team, wave)? {
                concerned.push(&slice.team);
            }
        }
        let first = concerned.first().copied().unwrap_or(&row.owner);
        let mine = concerned.iter().copied().find(|team| who.may_in(Act::Approve, team));
        Ok(who.chair(mine.unwrap_or(first)))
    }
}

/// Persons who see what these teams see and are approvers somewhere, each once.
fn approvers(roster: &Roster, concerned: &BTreeSet<&Name>) -> Vec<Approver> {
    let sees = |grant: &Grant| grant.team.as_ref().is_none_or(|team| concerned.contains(team));
    let of = |(person, held): (&Person, &[Held])| {
        let seeing: Vec<&Held> = held.iter().filter(|held| held.grants.iter().any(sees)).collect();
        let approves = |grant: &&Grant| grant.role == Role::Approver;
        let first = seeing.iter().find(|held| held.grants.iter().any(|grant| approves(&grant)))?;
        let grants = || seeing.iter().flat_map(|held| &held.grants).filter(approves);
        Some(Approver {
            person: person.clone(),
            name: first.name.clone(),
            everywhere: grants().any(|grant| grant.team.is_none()),
            teams: grants().filter_map(|grant| grant.team.clone()).collect(),
        })
    };
    roster.people().filter_map(of).collect()
}

/// Where a page goes on.
fn place(key: &str) -> Result<(usize, Option<CampaignId>), ServiceError> {
    let wrong = || ServiceError::new(codes::BODY_INVALID, "`after` is not from a page of this list");
    let (number, id) = key.split_once(':').ok_or_else(wrong)?;
    let number = number.parse().ok().filter(|number| *number < WAITING.len()).ok_or_else(wrong)?;
    match id {
        "" => Ok((number, None)),
        id => Ok((number, Some(id.parse().map_err(|_| wrong())?))),
    }
}

fn said<const MAX: usize>(text: &str) -> Option<Text<MAX>> {
    (!text.is_empty()).then(|| Text::escaped(text))
}
