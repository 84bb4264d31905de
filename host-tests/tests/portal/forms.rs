//! Forms are taken from pages of the same session alone (cross-site request forgery), and nothing else changes anything.

use std::collections::BTreeMap;
use std::io::Write as _;

use host_tests::service::{Reply, Service, encoded};
use skein_types::codes;

use crate::house::House;
use crate::walk::{all_pages, forms};

/// Every form that people who may do much come to, by where it is sent, with the page on which it stands.
fn all_forms(house: &House) -> BTreeMap<String, (String, String)> {
    let mut all = BTreeMap::new();
    for who in ["admin", "ben"] {
        for (path, reply) in all_pages(&house.browser(who)) {
            all.extend(forms(&reply.body).into_iter().map(|(to, form)| (to, (path.clone(), form))));
        }
    }
    all
}

#[test]
fn no_form_is_taken_that_is_not_of_a_page_of_the_same_session() {
    let house = House::open();
    house.plans(&house.makes_one("remarks"));
    let waits = house.makes_again("waits");
    house.moves("olga", &waits, "plan");
    house.is(&waits, &["awaiting_approval"]);
    let (victim, attacker) = (house.browser("admin"), house.browser("ada"));
    let (own, other) = (victim.secret(), attacker.secret());
    let sent = |to: &str, head: &str, secret: &str| {
        let body = if secret.is_empty() { String::new() } else { format!("form={secret}") };
        victim.sends(&format!("POST {to}"), head, body.as_bytes())
    };
    let before = house.decisions();
    let all = all_forms(&house);
    for wanted in ["/sign-out", "/start", "/approve", "/comments"] {
        assert!(all.keys().any(|to| to.ends_with(wanted)), "{wanted}: {:?}", all.keys());
    }
    for (to, (page, form)) in &all {
        assert!(form.contains("name=\"form\""), "{page}: the form for {to} has no secret");
        for secret in ["", "00", other.as_str(), victim.cookie.as_ref().unwrap()] {
            let refused = sent(to, &victim.own_origin(), secret);
            assert_eq!(refused.status, 403, "{to}: {refused:?}");
            assert!(refused.body.contains(codes::FORBIDDEN.id), "{to}: {refused:?}");
        }
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1", ""] {
            let refused = sent(to, &format!("Origin: {origin}\r\n"), &own);
            assert_eq!(refused.status, 403, "{to} {origin}: {refused:?}");
        }
        // A page of another site can send no other kind of body without a word of the browser's before.
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json"] {
            let head = format!("{}Content-Type: {kind}\r\n", victim.own_origin());
            let refused = sent(to, &head, &own);
            assert_eq!(refused.status, 400, "{to} {kind}: {refused:?}");
        }
    }
    assert_eq!(house.decisions(), before, "something was done");
    assert!(victim.asks("/").status == 200, "nobody was signed out");
}

/// Whoever is on the way between a browser and a page without TLS writes that page, whatever name it has.
#[test]
fn a_page_without_tls_is_none_of_a_server_that_is_reached_over_it() {
    let service = Service::start_as(0, |call, _| call.arg("--url").arg("https://skein.example"));
    let body = encoded(&[("link", &service.portal_link())]);
    let signs_in = |origin: &str| {
        let mut stream = service.connect();
        let head = format!("Host: skein.example\r\nOrigin: {origin}\r\nConnection: close");
        let kind = "Content-Type: application/x-www-form-urlencoded";
        write!(
            stream,
            "POST /sign-in HTTP/1.1\r\n{head}\r\n{kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        Reply::of(stream)
    };
    let refused = signs_in("http://skein.example");
    assert!(refused.status == 403 && refused.body.contains(codes::FORBIDDEN.id), "{refused:?}");
    assert_eq!(refused.header("set-cookie"), None);
    let taken = signs_in("https://skein.example");
    assert_eq!(taken.status, 303, "{taken:?}");
    assert!(taken.header("set-cookie").unwrap().starts_with("__Host-skein_session="), "{taken:?}");
    // On its own machine it is reached without.
    service.own_browser().page("/");
}

#[test]
fn whoever_only_looks_changes_nothing() {
    let house = House::open();
    let campaign = house.makes_one("remarks");
    house.plans(&campaign);
    let browser = house.browser("admin");
    let before = house.decisions();
    let all = all_forms(&house);
    for to in all.keys() {
        let secret = browser.secret();
        for asked in [to.clone(), format!("{to}?form={secret}"), format!("{to}?form={secret}&expect=planned")]
        {
            let reply = browser.asks(&asked);
            assert!([200, 404, 405].contains(&reply.status), "{asked}: {reply:?}");
        }
    }
    all_pages(&browser);
    assert_eq!(house.decisions(), before);
    assert!(["planned", "approved"].contains(&&*house.state(&campaign)));
    assert_eq!(browser.asks("/").status, 200);
}

#[test]
fn the_cookie_of_a_session_opens_the_api_to_looks_alone() {
    let house = House::open();
    let browser = house.browser("admin");
    let asked = |what: &str, head: &str| {
        browser.sends(what, &format!("Content-Type: application/json\r\n{head}"), b"{}").status
    };
    assert_eq!(asked("GET /v1/campaigns", ""), 200);
    for what in [
        "PUT /v1/teams/new",
        "POST /v1/tokens",
        "POST /v1/campaigns",
        "POST /v1/portal/links",
        "DELETE /v1/teams/bank",
    ] {
        assert_eq!(asked(what, ""), 401, "{what}");
        assert_eq!(asked(what, &browser.own_origin()), 403, "{what}");
    }
    // Nor does a page of another site read anything.
    assert_eq!(asked("GET /v1/campaigns", "Origin: https://evil.example\r\n"), 403);
    assert!(house.get("teams").to_string().contains("bank"));
}

/// As by whoever presses a button twice, or sends a page again because no answer came.
#[test]
fn a_form_that_is_sent_twice_makes_one_and_answers_twice() {
    let house = House::open();
    let steps = r#"{"name":"without","steps":[{"drop":"customer"}]}"#;
    let campaign = [("name", "once"), ("team", "pay"), ("names", house.names[0].as_str()), ("params", steps)];
    let planned = house.makes_one("remarks");
    house.plans(&planned);
    let (plan, comments) = (format!("/campaigns/{planned}/plan"), format!("/campaigns/{planned}/comments"));
    let target = ("target", "https://192.0.2.1/");
    for (page, action, fields, list) in [
        ("/campaigns/new?module=columns%401", "/campaigns/new", &campaign[..], "campaigns"),
        ("/access", "/access/tokens", &[("name", "bot"), ("kind", "service"), ("role1", "viewer")], "tokens"),
        (
            "/settings/webhooks",
            "/settings/webhooks",
            &[("name", "ops"), ("kind", "http"), target],
            "webhooks",
        ),
        (&plan, &comments, &[("text", "why?")], &comments[1..]),
    ] {
        let browser = house.browser("admin");
        let there = || house.get(list)["items"].as_array().unwrap().len();
        let sends = |filled: &str| {
            let reply = browser.sends(&format!("POST {action}"), &browser.own_origin(), filled.as_bytes());
            assert!([200, 303].contains(&reply.status), "{action}: {reply:?}");
            (reply.status, reply.header("location").map(str::to_owned), reply.body)
        };
        let (before, filled) = (there(), browser.fills(page, action, fields));
        let first = sends(&filled);
        assert_eq!(sends(&filled), first, "{action}");
        assert_eq!(there(), before + 1, "{action}");
        // At once, as a double press sends it.
        let filled = browser.fills(page, action, fields);
        let both = std::thread::scope(|scope| {
            let [one, other] = [0; 2].map(|_| scope.spawn(|| sends(&filled)));
            [one, other].map(|sent| sent.join().unwrap())
        });
        assert_eq!(both[0], both[1], "{action}");
        assert_eq!(there(), before + 2, "another form makes another: {action}");
    }
}
