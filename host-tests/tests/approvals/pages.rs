//! People look at a plan with a browser and say what they have to say: what each may is offered, and of the rest it is said why not.

use host_tests::service::Browser;
use serde_json::json;

use crate::office::{Office, Risk};

fn browser<'a>(office: &'a Office, who: &str) -> Browser<'a> {
    office.service.browser_of(office.token(who))
}

/// The part of a page between the name of a team's part and the next one.
fn part<'a>(page: &'a str, team: &str) -> &'a str {
    let begins = page.find(&format!("<legend><strong>{team}</strong>")).unwrap();
    let rest = &page[begins..];
    rest.find("</fieldset>").map_or(rest, |end| &rest[..end])
}

#[test]
fn a_page_offers_what_somebody_may_say_and_says_why_not_otherwise() {
    let office = Office::open();
    let campaign = office.planned("high", Risk::High, json!({}));
    let at = format!("/campaigns/{}/plan", campaign.id);
    let said = |who: &str| part(&browser(&office, who).page(&at), "pay").to_owned();
    assert!(said("ben").contains("actions/approve") && said("ben").contains("actions/defer"));
    for (who, why) in [
        ("ada", "ada (tok_"),
        ("mia", "submitted the module or planned the campaign last"),
        ("bot", "is a program, and only a person approves"),
        ("vic", "the role approver in team pay is missing"),
    ] {
        let said = said(who);
        assert!(said.contains("You do not approve it") && said.contains(why), "{who}: {said}");
        assert!(!said.contains("actions/approve"), "{who}: {said}");
    }
    assert!(said("ada").contains("made this campaign and does not approve it"));
    // Of another team, where two are needed; what becomes of the runs is not theirs to say.
    let of_shop = said("cy");
    assert!(of_shop.contains("actions/approve") && !of_shop.contains("actions/decline"), "{of_shop}");
    // What is said on a page is held against the plan that it showed.
    let approve = format!("/campaigns/{}/actions/approve", campaign.id);
    let other = format!("blake3:{}", "0".repeat(64));
    let late = browser(&office, "ben").submits(&at, &approve, &[("slice", "pay"), ("plan", other.as_str())]);
    assert_eq!(late.status, 409, "{late:?}");
    assert!(campaign.slice("pay")["approvals"].as_array().unwrap().is_empty());
}

#[test]
fn a_part_is_approved_put_off_and_left_out_by_forms_and_a_question_is_answered() {
    let office = Office::open();
    let campaign = office.planned("high", Risk::High, json!({}));
    let (at, id) = (format!("/campaigns/{}/plan", campaign.id), campaign.id.as_str());
    let act = |verb: &str| format!("/campaigns/{id}/actions/{verb}");
    let (ben, cy, vic) = (browser(&office, "ben"), browser(&office, "cy"), browser(&office, "vic"));
    let asked = [("text", "Why is <b>note</b> another one?"), ("slice", "pay"), ("question", "yes")];
    let page = vic.does(&at, &format!("/campaigns/{id}/comments"), &asked);
    assert!(page.contains("&lt;b&gt;note&lt;/b&gt;") && page.contains("an open question"), "{page}");
    let page =
        ben.does(&at, &format!("/campaigns/{id}/comments/1/resolve"), &[("note", "it has a default now")]);
    assert!(page.contains("an answered question") && page.contains("it has a default now"), "{page}");

    let approved = [("slice", "pay"), ("reason", "looked at it")];
    let page = ben.does(&at, &act("approve"), &approved);
    assert!(part(&page, "pay").contains("Approved by ben") && part(&page, "pay").contains("actions/revoke"));
    let page = ben.does(&at, &act("revoke"), &[("slice", "pay")]);
    assert!(!part(&page, "pay").contains("Approved by"), "{page}");

    let until = [("slice", "shop"), ("until", "2099-01-01T00:00"), ("reason", "not before the audit")];
    let page = cy.does(&at, &act("defer"), &until);
    let shop = part(&page, "shop");
    assert!(shop.contains("2099-01-01T00:00:00.000Z") && shop.contains("not before the audit"), "{shop}");
    cy.does(&at, &act("resume"), &[("slice", "shop")]);
    assert!(campaign.slice("shop")["until"].is_null());
    // No reason, no decline; neither at the desk nor, for browsers, on the page.
    assert_eq!(cy.submits(&at, &act("decline"), &[("slice", "shop")]).status, 400);
    let page = cy.does(&at, &act("decline"), &[("slice", "shop"), ("reason", "these are not ours")]);
    assert!(part(&page, "shop").contains("these are not ours"), "{page}");
    assert_eq!(campaign.slice("shop")["state"], "declined");
}

#[test]
fn going_on_without_approvals_says_what_it_leads_to_and_asks_for_a_reason() {
    let office = Office::open();
    let campaign = office.planned("high", Risk::High, json!({}));
    let (at, glass) =
        (format!("/campaigns/{}/plan", campaign.id), format!("/campaigns/{}/break-glass", campaign.id));
    let act = format!("/campaigns/{}/actions/break_glass", campaign.id);
    let (olga, ben) = (browser(&office, "olga"), browser(&office, "ben"));
    assert!(olga.page(&at).contains(&format!("href=\"{glass}\"")) && !ben.page(&at).contains(&glass));
    let shown = ben.page(&glass);
    assert!(shown.contains("You cannot") && !shown.contains(&act), "{shown}");
    let shown = olga.page(&glass);
    assert!(shown.contains("6 datasets may be migrated although 2 teams did not approve"), "{shown}");
    assert_eq!(olga.submits(&glass, &act, &[]).status, 400);
    let page = olga.does(&glass, &act, &[("reason", "the old system is on fire")]);
    assert!(page.contains("Somebody went on without the approvals"), "{page}");
}

#[test]
fn what_waits_is_listed_to_whom_it_waits_for_and_to_anybody_who_asks() {
    let office = Office::open();
    let campaign = office.planned("high", Risk::High, json!({}));
    let listed = |who: &str, of: &str| {
        let page = browser(&office, who).page(&format!("/approvals{of}"));
        ["pay", "shop"]
            .map(|team| page.contains(&format!("/campaigns/{}/plan?team={team}#slices", campaign.id)))
    };
    assert_eq!(listed("ben", ""), [true, true]);
    assert_eq!(listed("ada", ""), [false, false]);
    assert_eq!(listed("ada", "?for=anybody"), [true, true]);
    assert_eq!(listed("eve", "?for=anybody"), [false, false]);
    let first = browser(&office, "ben").page("/");
    assert!(first.contains(&format!("/campaigns/{}/plan?team=pay#slices", campaign.id)), "{first}");
    let one = browser(&office, "ben").page(&format!("/campaigns/{}/plan?team=shop", campaign.id));
    assert!(one.contains("<strong>shop</strong>") && !one.contains("<legend><strong>pay</strong>"), "{one}");
}
