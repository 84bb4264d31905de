//! What somebody may not do is refused as by the API, and the refusal is a page that says so.

use skein_types::codes;

use crate::house::House;

#[test]
fn who_may_not_is_shown_why_and_nothing_is_done() {
    let house = House::open();
    let campaign = house.makes_one("remarks");
    let plan = format!("/campaigns/{campaign}/actions/plan");
    let act = |who: &str, to: &str, more: &[(&str, &str)]| {
        let browser = house.browser(who);
        let secret = browser.secret();
        browser.posts(to, &[&[("form", secret.as_str())], more].concat())
    };
    let before = house.decisions();
    let refused = act("vic", &plan, &[("expect", "draft")]);
    assert_eq!(refused.status, 403, "{refused:?}");
    for said in [codes::ROLE_MISSING.id, "What to do: ", "Sign out"] {
        assert!(refused.body.contains(said), "{said}: {refused:?}");
    }
    assert!(refused.header("content-type").unwrap().starts_with("text/html"), "{refused:?}");
    // To whom is not of the team, it is not there.
    let hidden = act("eve", &plan, &[("expect", "draft")]);
    assert!(hidden.status == 404 && hidden.body.contains(codes::NOT_FOUND.id), "{hidden:?}");
    assert_eq!(house.browser("eve").asks(&format!("/campaigns/{campaign}")).status, 404);
    assert!(!house.browser("eve").page("/campaigns").contains("remarks"));
    // What was seen has moved meanwhile.
    let late = act("olga", &plan, &[("expect", "planned")]);
    assert!(late.status == 409 && late.body.contains("What to do: "), "{late:?}");
    assert_eq!((house.decisions(), &*house.state(&campaign)), (before, "draft"));

    house.moves("olga", &campaign, "plan");
    house.is(&campaign, &["awaiting_approval"]);
    let at = format!("/campaigns/{campaign}/plan");
    let approve = format!("/campaigns/{campaign}/actions/approve");
    // Whoever submitted the module and made the campaign approves nothing of it, nor does an operator.
    for who in ["ada", "olga", "vic"] {
        let page = house.browser(who).page(&at);
        let digest =
            house.get(&format!("campaigns/{campaign}"))["plan"]["digest"].as_str().unwrap().to_owned();
        let fields = [("expect", "awaiting_approval"), ("plan", digest.as_str()), ("slice", "pay")];
        let refused = act(who, &approve, &fields);
        assert_eq!(refused.status, 403, "{who}: {refused:?}");
        assert!(page.contains("pay"), "{page}");
    }
    assert_eq!(house.state(&campaign), "awaiting_approval");
    let ben = house.browser("ben");
    let done = ben.does(&at, &approve, &[("reason", "looked at it")]);
    assert!(done.contains("looked at it"), "{done}");
}

#[test]
fn decisions_and_what_a_button_leads_to_are_for_whoever_may_see_and_ask() {
    let house = House::open();
    let campaign = house.makes_one("remarks");
    house.plans(&campaign);
    house.rolls_out(&campaign);
    let at = format!("/campaigns/{campaign}");
    let page = |who: &str, path: &str| house.browser(who).page(&format!("{at}{path}"));

    let decided = page("vic", "/decisions");
    for said in
        ["campaign.created", "approval.given", "olga (tok_", &format!("skein campaign events {campaign}")]
    {
        assert!(decided.contains(said), "{said}: {decided}");
    }
    // Who asked from where is in the record of everybody, for those who may read that.
    let record = format!("\"/audit?campaign={campaign}\"");
    assert!(!decided.contains(&record) && page("admin", "/decisions").contains(&record));
    let hidden = house.browser("eve").asks(&format!("{at}/decisions"));
    assert!(hidden.status == 404 && !hidden.body.contains("remarks"), "{hidden:?}");

    let tried_again = "1 run is tried again: 1 failed, 0 skipped, 0 stale.";
    let (asks, looks) = (page("olga", ""), page("vic", ""));
    assert!(asks.contains(tried_again), "{asks}");
    assert!(looks.contains("<button disabled>Retry all that failed</button>"), "{looks}");
    assert!(!looks.contains(tried_again) && !looks.contains("/actions/"), "{looks}");

    // Of one run, too; and what no page offers is refused all the same.
    let run = house.get(&format!("campaigns/{campaign}/runs?state=failed"))["items"][0]["seq"].clone();
    let retry = format!("{at}/runs/{run}/actions/retry");
    assert!(page("olga", &format!("/runs/{run}")).contains(&format!("action=\"{retry}\"")));
    let vic = house.browser("vic");
    let looks = vic.page(&format!("{at}/runs/{run}"));
    assert!(looks.contains("<button disabled>Try again</button>") && !looks.contains(&retry), "{looks}");
    let secret = vic.secret();
    let forged = vic.posts(&retry, &[("form", secret.as_str()), ("expect", &house.state(&campaign))]);
    assert!(forged.status == 403 && forged.body.contains(codes::ROLE_MISSING.id), "{forged:?}");
    assert_eq!(house.get(&format!("campaigns/{campaign}/runs/{run}"))["state"], "failed");
}
