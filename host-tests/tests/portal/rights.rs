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
