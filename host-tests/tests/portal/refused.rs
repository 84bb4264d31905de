//! A form that is refused comes back where it stood, with what was typed and with what is wrong.

use host_tests::python::play;
use host_tests::service::{Reply, filled};
use serde_json::json;

use crate::house::House;
use crate::walk::{all_pages, forms};

/// A form that cannot be taken.
struct Case {
    /// Where it stands, and where it is sent.
    page: String,
    to: String,
    fields: Vec<(&'static str, String)>,
    /// The field that is at fault, if that is said.
    at_fault: Option<&'static str>,
    /// How the fields stand on the page that comes back.
    shown: Vec<String>,
}

fn case(
    (page, to): (&str, &str),
    fields: &[(&'static str, &str)],
    at_fault: Option<&'static str>,
    shown: &[&str],
) -> Case {
    Case {
        page: page.to_owned(),
        to: to.to_owned(),
        fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        at_fault,
        shown: shown.iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// What people say of plans.
fn about_plans(campaign: &str, waits: &str) -> [Case; 2] {
    let at = |of: &str, part: &str| format!("/campaigns/{of}/{part}");
    let long = "<b>".repeat(900);
    let escaped = long.replace('<', "&lt;").replace('>', "&gt;");
    [
        case(
            (&at(campaign, "plan"), &at(campaign, "comments")),
            &[("text", &long), ("slice", "pay"), ("question", "yes")],
            Some("text"),
            &[&format!("{escaped}</textarea>"), "<option value=\"pay\" selected>", "value=\"yes\" checked>"],
        ),
        case(
            (&at(waits, "plan"), &at(waits, "actions/defer")),
            &[("until", "at noon"), ("reason", "later")],
            Some("until"),
            &["<details open>", "value=\"at noon\"", "value=\"later\""],
        ),
    ]
}

/// What is set.
fn settings(dataset: &str) -> [Case; 7] {
    let policy = "{ \"budgets\": {} }";
    let of = format!("/datasets/{dataset}");
    let rules = format!("{of}/rules");
    [
        case(
            ("/quotas/team%3Apay", "/quotas/team%3Apay/set"),
            &[("weight", "3"), ("memory_limit", "9QB"), ("slots_limit", "12"), ("excess", "reject")],
            Some("memory_limit"),
            &[
                "value=\"9QB\"",
                "value=\"12\"",
                "<option value=\"reject\" selected>",
                "type=\"number\" min=\"1\" value=\"3\"",
            ],
        ),
        case(
            ("/access", "/access/teams"),
            &[("team", "pay"), ("note", "<of ours>")],
            None,
            &["name=\"team\" required maxlength=\"100\" value=\"pay\"", "value=\"&lt;of ours&gt;\""],
        ),
        case(
            ("/access", "/access/tokens"),
            &[("name", "bot"), ("kind", "service"), ("team2", "pay"), ("days", "9")],
            Some("role2"),
            &["value=\"bot\"", "<option value=\"service\" selected>", "value=\"pay\"", "value=\"9\""],
        ),
        case(
            ("/settings/webhooks", "/settings/webhooks"),
            &[
                ("name", "ops"),
                ("kind", "slack"),
                ("target", "no address"),
                ("team", "pay"),
                ("events", "a b"),
            ],
            None,
            &["value=\"ops\"", "<option value=\"slack\" selected>", "value=\"no address\"", "value=\"a b\""],
        ),
        case(
            ("/settings/policies", "/settings/policies"),
            &[("name", "careful"), ("policy", policy), ("note", "why not")],
            Some("policy"),
            &["value=\"careful\"", "{ &quot;budgets&quot;: {} }</textarea>", "value=\"why not\""],
        ),
        case(
            ("/settings/secrets?team=pay", "/settings/secrets/set"),
            &[("name", "no\nname"), ("value", "hush-hush")],
            None,
            &[
                "name=\"name\" required maxlength=\"100\" value=\"no",
                "<input id=\"value\" type=\"password\" name=\"value\"",
            ],
        ),
        case(
            (&of, &rules),
            &[("name", "grown-up"), ("severity", "hold"), ("kind", "range"), ("says", "age > 17")],
            Some("says"),
            &[
                "<details open>",
                "value=\"grown-up\"",
                "<option value=\"hold\" selected>",
                "age &gt; 17</textarea>",
            ],
        ),
    ]
}

/// The tag of a field of the form that is sent to a place.
fn field<'a>(body: &'a str, to: &str, name: &str) -> &'a str {
    let form = body.split("<form").find(|form| form.contains(&format!("action=\"{to}\""))).unwrap();
    let form = form.split("</form>").next().unwrap();
    form.split('<').find(|tag| tag.contains(&format!(" name=\"{name}\""))).unwrap()
}

fn is_shown_again(reply: &Reply, case: &Case) {
    let (body, to) = (&reply.body, &case.to);
    assert!((400..500).contains(&reply.status), "{to}: {reply:?}");
    assert_eq!(body.matches("role=\"alert\"").count(), 1, "{to}: {body}");
    for shown in &case.shown {
        assert!(body.contains(shown), "{to}: {shown}: {body}");
    }
    assert_eq!(
        body.matches("aria-invalid=\"true\"").count(),
        usize::from(case.at_fault.is_some()),
        "{to}: {body}"
    );
    if let Some(name) = case.at_fault {
        let field = field(body, to, name);
        assert!(field.contains("aria-invalid") && field.contains("wrong\""), "{to}: {field}");
    }
    assert!(!body.contains("hush") && !body.contains("<b>"), "{to}: {body}");
    assert!(reply.header("cache-control").unwrap().contains("no-store"), "{to}");
}

#[test]
fn whatever_form_is_refused_comes_back_with_what_was_typed_and_can_be_sent_from_there() {
    let house = House::open();
    let (campaign, waits) = (house.makes_one("remarks"), house.makes_again("waits"));
    house.plans(&campaign);
    house.moves("olga", &waits, "plan");
    house.is(&waits, &["awaiting_approval"]);
    let before = house.decisions();
    for case in settings(&house.names[0]).into_iter().chain(about_plans(&campaign, &waits)) {
        // Who may not set anything may still decide about a plan.
        let browser = house.browser(if case.to.ends_with("/defer") { "ben" } else { "admin" });
        let fields: Vec<(&str, &str)> =
            case.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let sends = |body: &str| {
            let filled =
                filled(body, &case.to, &fields).unwrap_or_else(|| panic!("no form {}: {body}", case.to));
            browser.sends(&format!("POST {}", case.to), &browser.own_origin(), filled.as_bytes())
        };
        let first = sends(&browser.page(&case.page));
        is_shown_again(&first, &case);
        // From the page that came back it is sent as from the first one.
        is_shown_again(&sends(&first.body), &case);
    }
    assert_eq!(house.decisions(), before, "something was done");
    // What is right then is taken, and no page of before is needed for it.
    let (browser, to) = (house.browser("admin"), "/access/teams");
    let refused = browser.submits("/access", to, &[("team", "pay")]);
    let filled = filled(&refused.body, to, &[("team", "payments")]).unwrap();
    let made = browser.sends(&format!("POST {to}"), &browser.own_origin(), filled.as_bytes());
    assert_eq!((made.status, made.header("location")), (303, Some("/access/teams/payments")), "{made:?}");
}

#[test]
fn each_form_of_the_portal_that_is_refused_is_on_the_page_that_it_stood_on() {
    let house = House::open();
    house.plans(&house.makes_one("remarks"));
    let waits = house.makes_again("waits");
    house.moves("olga", &waits, "plan");
    house.is(&waits, &["awaiting_approval"]);
    let browser = house.browser("admin");
    let secret = browser.secret();
    let mut refused = 0;
    for (page, reply) in all_pages(&browser) {
        let page = page.strip_prefix("/live").unwrap_or(&page).to_owned();
        for (to, form) in forms(&reply.body) {
            let known = if form.contains(" name=\"once\"") { "" } else { "&nobody-asks=for+this" };
            let sent = format!("form={secret}&page={}{known}", page.replace('%', "%25").replace('&', "%26"));
            let reply = browser.sends(&format!("POST {to}"), &browser.own_origin(), sent.as_bytes());
            if !(400..500).contains(&reply.status) {
                continue;
            }
            refused += 1;
            assert!(reply.body.contains("role=\"alert\""), "{page} {to}: {reply:?}");
            assert!(reply.body.contains(&format!("action=\"{to}\"")), "{page} {to}: {reply:?}");
        }
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn somebody_mends_what_was_refused_with_and_without_scripts() {
    let house = House::open();
    let given = json!({ "address": house.service.address, "tokens": house.tokens() });
    let played = play("portal/refused.py", &given);
    assert_eq!((&played["found"], &played["errors"]), (&json!([]), &json!([])), "{played:#}");
}
