//! Whose datasets a plan is over, what each owner said, and the forms in which they say it.

use maud::{Markup, html};
use skein_api::{Approvals, Campaign, Slice};
use skein_types::grouped;

use crate::frame::{self, command, risk, secret, state};
use crate::viewer::Viewer;

pub(super) fn view(approvals: &Approvals, campaign: &Campaign, viewer: &Viewer) -> Markup {
    html! {
        section aria-labelledby="slices" {
            h2 #slices { "Whose datasets, and what they say" }
            @if approvals.broken_glass {
                p.bad { strong { "Somebody went on without the approvals that a plan of this campaign needed." } }
            }
            @if approvals.single_user { p.note { "Nobody has to approve: this server is one user's alone." } }
            @if approvals.open_questions > 0 {
                p.waits { strong { (grouped(approvals.open_questions)) " questions are open: nothing is started before." } }
            }
            @for slice in approvals.slices.iter() { (part(slice, campaign, viewer)) }
            @if approvals.more_slices > 0 {
                p { (grouped(approvals.more_slices)) " more: " (command(&format!("skein campaign approvals {}", campaign.campaign))) }
            }
            @if let Some(wave) = approvals.wave_waits { (gate(wave, campaign, viewer)) }
            @if !approvals.excluded.is_empty() {
                p.note { "Made, planned or submitted by " (names(&approvals.excluded)) ", who approve nothing of it." }
            }
        }
    }
}

fn names(names: &[skein_api::Name]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn part(slice: &Slice, campaign: &Campaign, viewer: &Viewer) -> Markup {
    html! {
        fieldset {
            legend { strong { (slice.team) } " " (state(&slice.state.to_string())) }
            p {
                (grouped(slice.datasets)) " datasets, " (slice.bytes) ", " (grouped(slice.rows.0)) " rows; risk " (risk(slice.risk)) ". "
                @if let Some(until) = slice.until { "Not before " (frame::time(until)) ". " }
                @if let Some(by) = &slice.by { "Last word by " (by) @if let Some(why) = &slice.why { ": " (why) } ". " }
            }
            @for one in slice.approvals.iter() {
                p {
                    span.good { span aria-hidden="true" { "✓ " } (one.person) } ", " (frame::time(one.at))
                    @if one.broken_glass { ", " strong.bad { "without the approvals that it needs" } }
                    @if let Some(note) = &one.note { ": " (note) }
                }
            }
            @if let Some(lacks) = &slice.lacks {
                p.waits {
                    "Lacks " (lacks.approvals) @if lacks.approvals == 1 { " approval" } @else { " approvals" }
                    @if lacks.of_owner { ", one of them of " (slice.team) }
                    @if !lacks.who_could.is_empty() { "; could be given by " (names(&lacks.who_could)) }
                }
                (forms(slice, campaign, viewer))
            }
        }
    }
}

/// With a reason, the three things that an owner may say.
fn forms(slice: &Slice, campaign: &Campaign, viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    let field = format!("reason-{}", slice.team);
    let at = |verb: &str| format!("/campaigns/{id}/actions/{verb}");
    html! {
        form method="post" action=(at("approve")) {
            (secret(viewer))
            (seen(campaign))
            input type="hidden" name="slice" value=(slice.team);
            label for=(field) { "Reason" } " "
            input id=(field) name="reason" maxlength="2000" size="50"; " "
            button { "Approve" } " "
            button formaction=(at("decline")) class="danger" { "Decline" }
        }
        p { (command(&format!("skein campaign approve {id} --slice {}", slice.team))) }
    }
}

fn gate(wave: u32, campaign: &Campaign, viewer: &Viewer) -> Markup {
    let id = campaign.campaign;
    html! {
        form method="post" action={ "/campaigns/" (id) "/actions/approve" } {
            (secret(viewer))
            (seen(campaign))
            input type="hidden" name="wave" value=(wave);
            p.waits { "Wave " (wave) " is through its gate and waits for an approval." }
            button { "Let the next wave begin" } " " (command(&format!("skein campaign approve {id} --wave {wave}")))
        }
    }
}

/// The state and the plan that whoever decides has before them: neither may have moved.
fn seen(campaign: &Campaign) -> Markup {
    html! {
        input type="hidden" name="expect" value=(campaign.state);
        @if let Some(plan) = &campaign.plan { input type="hidden" name="plan" value=(plan.digest); }
    }
}
