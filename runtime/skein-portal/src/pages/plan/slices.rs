//! Whose datasets a plan is over, what each owner said, and the forms in which they say it.
//!
//! A part has the forms that whoever looks could send; of the others it says why not. The server looks at all of it again.

use maud::{Markup, html};
use skein_api::{Campaign, Name, PlanSlice, Slice};
use skein_control::{ServiceError, Stance};
use skein_types::{SliceState, grouped};

use super::Shown;
use crate::frame::{self, command, counted, encoded, quoted, risk, secret, state};
use crate::viewer::Viewer;

/// Parts that are shown at a time: a plan may have a thousand.
const SHOWN: usize = 12;

pub(super) fn view(shown: &Shown, from: usize, team: Option<&str>, viewer: &Viewer) -> Markup {
    let Shown { campaign, approvals, stances, .. } = shown;
    let parts = ordered(&approvals.slices, &stances.slices, team);
    let part_of = parts.iter().skip(from).take(SHOWN);
    html! {
        section aria-labelledby="slices" {
            h2 #slices { "Whose datasets, and what they say" }
            @if approvals.single_user { p.note { "Nobody has to approve: this server is one user's alone." } }
            @if approvals.open_questions > 0 {
                p.waits {
                    a href="#said" { (counted(approvals.open_questions, "question is", "questions are")) " open" }
                    ": nothing is started before."
                }
            }
            @if let Some(wave) = approvals.wave_waits { (gate(wave, campaign, stances.wave.as_ref(), viewer)) }
            @if !approvals.excluded.is_empty() {
                p.note { "Made, planned or submitted by " (names(&approvals.excluded)) ", who approve nothing of it." }
            }
            @if approvals.slices.len() > SHOWN || team.is_some() { (find(campaign, team)) }
            @if parts.is_empty() { p.empty { "No team has datasets in it" @if team.is_some() { " that is called so" } "." } }
            @for (slice, stance) in part_of {
                @let said = shown.report.slices.iter().find(|one| one.owner == slice.team);
                (part((slice, *stance, said), campaign, viewer))
            }
            (rest(campaign, (from, parts.len()), approvals.more_slices))
            @if stances.slices.iter().any(|one| one.break_glass.is_ok()) && lacks_something(shown) {
                p {
                    a.button href={ "/campaigns/" (campaign.campaign) "/break-glass" } { "Go on without approvals…" }
                    " " span.note { "for need; it is on record for ever" }
                }
            }
        }
    }
}

fn lacks_something(shown: &Shown) -> bool {
    !shown.approvals.single_user && shown.approvals.slices.iter().any(|slice| slice.lacks.is_some())
}

/// Those that whoever looks can approve first, then those that lack something, then the others.
fn ordered<'a>(
    slices: &'a [Slice],
    stances: &'a [Stance],
    team: Option<&str>,
) -> Vec<(&'a Slice, Option<&'a Stance>)> {
    let of = |slice: &Slice| stances.iter().find(|stance| stance.team == slice.team);
    let mut parts: Vec<_> = if slices.len() == stances.len() {
        slices.iter().zip(stances.iter().map(Some)).collect()
    } else {
        slices.iter().map(|slice| (slice, of(slice))).collect()
    };
    parts.retain(|(slice, stance)| {
        team.is_none_or(|team| slice.team.as_str() == team)
            && stance.is_none_or(|stance| stance.team == slice.team)
    });
    parts.sort_by_key(|(slice, stance)| match (&slice.lacks, stance) {
        (Some(_), Some(Stance { approve: Ok(()), .. })) => 0,
        (Some(_), _) => 1,
        (None, _) => 2,
    });
    parts
}

fn find(campaign: &Campaign, team: Option<&str>) -> Markup {
    let at = format!("/campaigns/{}/plan", campaign.campaign);
    html! {
        form.filter method="get" action=(at) {
            label for="team" { "Team" } " " input #team name="team" value=[team]; " " button { "Show" }
            @if team.is_some() { " " a href=(at) { "All teams" } }
        }
    }
}

fn rest(campaign: &Campaign, (from, all): (usize, usize), more: u64) -> Markup {
    let at = |from: usize| format!("/campaigns/{}/plan?slices={from}#slices", campaign.campaign);
    html! {
        @if from > 0 || all > SHOWN {
            p.pages {
                @if from > 0 { a rel="prev" href=(at(from.saturating_sub(SHOWN))) { "Parts before" } " " }
                @if from < all { "parts " (from + 1) " to " (all.min(from + SHOWN)) " of " } @else { "there are no more than " }
                (grouped(all as u64))
                @if all.saturating_sub(from) > SHOWN { " " a rel="next" href=(at(from + SHOWN)) { "More parts" } }
            }
        }
        @if more > 0 {
            p.note { (counted(more, "more part is", "more parts are")) " not shown here: "
                (command(&format!("skein campaign approvals {}", campaign.campaign))) }
        }
    }
}

pub(super) fn names(names: &[Name]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn part(
    (slice, stance, said): (&Slice, Option<&Stance>, Option<&PlanSlice>),
    campaign: &Campaign,
    viewer: &Viewer,
) -> Markup {
    html! {
        fieldset.slice {
            legend { strong { (slice.team) } " " (state(&slice.state.to_string())) }
            p {
                (counted(slice.datasets, "dataset", "datasets")) ", " (slice.bytes) ", " (grouped(slice.rows.0)) " rows; risk "
                strong { (risk(slice.risk)) } @if let Some(said) = said { (super::facts::because(&said.because)) } "."
                @if let Some(until) = slice.until { " Not before " (frame::time(until)) "." }
            }
            @if let Some(by) = &slice.by {
                p { "Last word by " (by) ", " (frame::time(slice.since)) @if let Some(why) = &slice.why { ": " (why) } }
            }
            @for one in slice.approvals.iter() {
                p {
                    span.good { span aria-hidden="true" { "✓ " } "Approved by " (one.person) } ", " (frame::time(one.at))
                    @if !one.of_owner { ", of another team" }
                    @if one.broken_glass { ", " strong.bad { "without the approvals that it needs" } }
                    @if let Some(note) = &one.note { ": " (note) }
                    " " span.note { "(counts until " (frame::time(one.expires)) " unless it is started before)" }
                }
            }
            @if let Some(lacks) = &slice.lacks {
                p.waits {
                    "Lacks " (counted(lacks.approvals.into(), "approval", "approvals"))
                    @if lacks.of_owner { ", one of them of " (slice.team) }
                    @if !lacks.who_could.is_empty() { "; could be given by " (names(&lacks.who_could)) }
                }
            }
            @if let Some(stance) = stance { (forms(slice, stance, campaign, viewer)) }
        }
    }
}

/// What whoever looks may say of a part, each thing in a form of its own: some ask for a reason, one for a time.
fn forms(slice: &Slice, stance: &Stance, campaign: &Campaign, viewer: &Viewer) -> Markup {
    let (id, team) = (campaign.campaign, &slice.team);
    let line = |verb: &str, more: &str| {
        command(&format!("skein campaign {verb} {id} --slice {}{more}", quoted(team)))
    };
    let open = slice.state != SliceState::Declined;
    html! {
        @match &stance.approve {
            Ok(()) if slice.lacks.is_some() => {
                form method="post" action=(at(campaign, "approve")) {
                    (hidden(slice, campaign, viewer))
                    label for={ "note-" (team) } { "Note, if you like" } " "
                    input id={ "note-" (team) } name="reason" maxlength="2000" size="40"; " "
                    button.primary { "Approve" } " " (line("approve", ""))
                }
            }
            Err(why) if slice.lacks.is_some() => { (refused("You do not approve it", why)) }
            Ok(()) | Err(_) => {}
        }
        @if stance.revoke {
            form method="post" action=(at(campaign, "revoke")) {
                (hidden(slice, campaign, viewer))
                button { "Take your approval back" } " " (line("revoke", ""))
            }
        }
        @if open {
            @match &stance.restrain {
                Ok(()) => {
                    @if slice.until.is_some() { (resume(slice, campaign, viewer)) }
                    details {
                        summary { "Put it off…" }
                        form.tall method="post" action=(at(campaign, "defer")) {
                            (hidden(slice, campaign, viewer))
                            label for={ "until-" (team) } { "Not before (UTC)" }
                            input id={ "until-" (team) } type="datetime-local" name="until" required;
                            label for={ "later-" (team) } { "Reason" }
                            input id={ "later-" (team) } name="reason" maxlength="2000" required;
                            p.note { "Its runs wait until then; those of other teams do not wait for them." }
                            p { button { "Put off" } " " (line("defer", " --until TIME --reason WHY")) }
                        }
                    }
                    details {
                        summary { "Leave it out…" }
                        form.tall method="post" action=(at(campaign, "decline")) {
                            (hidden(slice, campaign, viewer))
                            label for={ "no-" (team) } { "Reason" }
                            input id={ "no-" (team) } name="reason" maxlength="2000" required;
                            p.note {
                                (counted(slice.datasets, "dataset is", "datasets are"))
                                " left out for good in this plan; only a plan that is made again asks anew."
                            }
                            p { button.danger { "Decline" } " " (line("decline", " --reason WHY")) }
                        }
                    }
                }
                Err(why) => { (refused("You neither put it off nor leave it out", why)) }
            }
        }
    }
}

/// Runs that are put off go on at once.
fn resume(slice: &Slice, campaign: &Campaign, viewer: &Viewer) -> Markup {
    html! {
        form method="post" action=(at(campaign, "resume")) {
            (hidden(slice, campaign, viewer))
            button { "Let it go on now" } " "
            (command(&format!("skein campaign resume {} --slice {}", campaign.campaign, quoted(&slice.team))))
        }
    }
}

fn at(campaign: &Campaign, verb: &str) -> String {
    format!("/campaigns/{}/actions/{verb}", campaign.campaign)
}

fn hidden(slice: &Slice, campaign: &Campaign, viewer: &Viewer) -> Markup {
    html! { (secret(viewer)) (seen(campaign)) input type="hidden" name="slice" value=(slice.team); }
}

/// Why somebody may not.
pub(super) fn refused(what: &str, why: &ServiceError) -> Markup {
    html! {
        p.note.why-not { (what) ": " (why.message) " (" (why.code.id) ")." @if let Some(hint) = &why.hint { " " (hint) "." } }
    }
}

fn gate(wave: u32, campaign: &Campaign, may: Option<&Result<(), ServiceError>>, viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    html! {
        p.waits { "Wave " (wave) " is through its gate and waits for an approval." }
        @match may {
            Some(Err(why)) => { (refused("You do not let the next one begin", why)) }
            Some(Ok(())) | None => {
                form method="post" action=(at(campaign, "approve")) {
                    (secret(viewer)) (seen(campaign))
                    input type="hidden" name="wave" value=(wave);
                    button.primary { "Let the next wave begin" } " "
                    (command(&format!("skein campaign approve {id} --wave {wave}")))
                }
            }
        }
    }
}

/// The state and the plan that whoever decides has before them: neither may have moved.
pub(super) fn seen(campaign: &Campaign) -> Markup {
    html! {
        input type="hidden" name="expect" value=(campaign.state);
        @if let Some(plan) = &campaign.plan { input type="hidden" name="plan" value=(plan.digest); }
    }
}

/// Where the part of a team is shown.
pub(crate) fn link(campaign: &impl std::fmt::Display, team: &str) -> String {
    format!("/campaigns/{campaign}/plan?team={}#slices", encoded(team))
}
