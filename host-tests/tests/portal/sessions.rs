//! How sessions begin and end.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use host_tests::service::{Browser, Service};
use serde_json::json;
use skein_types::codes;

use crate::house::House;

#[test]
fn whoever_signs_in_gets_a_cookie_that_nobody_knew_before() {
    let house = House::open();
    // As when somebody else has put a cookie into the browser: one that is none, or one of a session of their own.
    let planted = house.browser("eve").cookie.unwrap();
    for before in ["00".repeat(32), planted.clone()] {
        let mut victim = house.service.browser();
        victim.cookie = Some(before.clone());
        victim.signs_in(&[("token", house.token("ada"))]);
        let cookie = victim.cookie.clone().unwrap();
        assert_ne!(cookie, before);
        assert!(victim.page("/").contains("ada"), "it is hers");
    }
    let mut eve = house.service.browser();
    eve.cookie = Some(planted);
    assert!(!eve.page("/").contains("ada"), "what somebody else knows is not hers");
    eve.cookie = Some("00".repeat(32));
    assert_eq!(eve.asks("/").status, 303);
    // A link is no way to choose a cookie either.
    let chosen =
        house.service.browser().posts("/sign-in", &[("token", house.token("ada")), ("cookie", "mine")]);
    assert_eq!(chosen.status, 400, "{chosen:?}");
}

#[test]
fn the_cookie_is_for_no_script_and_for_no_other_site() {
    let house = House::open();
    let set = |origin: &str| {
        let body = host_tests::service::encoded(&[("token", house.token("ada"))]);
        let reply = house.service.browser().sends("POST /sign-in", origin, body.as_bytes());
        assert_eq!(reply.status, 303, "{reply:?}");
        let set = reply.header("set-cookie").unwrap().to_owned();
        let (cookie, flags) = set.split_once("; ").unwrap();
        let (name, value) = cookie.split_once('=').unwrap();
        assert!(value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
        format!("{name}; {flags}")
    };
    let own = house.service.browser().own_origin();
    assert_eq!(set(&own), "skein_session; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200");
    assert_eq!(
        set(&own.replace("http://", "https://")),
        "__Host-skein_session; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200; Secure"
    );
}

/// A page of a neighbour (another name of the same domain) can have a browser send a cookie of this name, too, and before the own one.
#[test]
fn a_cookie_that_a_neighbour_has_set_shows_nobody_somebody_elses_session() {
    let house = House::open();
    let [mine, planted] = ["ada", "eve"].map(|who| house.browser(who).cookie.unwrap());
    let asks = |cookies: &str| house.service.ask("GET /", &format!("Cookie: {cookies}\r\n"), b"");
    for cookies in [
        format!("skein_session={planted}; skein_session={mine}"),
        format!("skein_session={mine}; skein_session={planted}"),
        format!("skein_session={planted}\r\nCookie: skein_session={mine}"),
    ] {
        let reply = asks(&cookies);
        assert_eq!((reply.status, reply.header("location")), (303, Some("/sign-in?to=%2F")), "{reply:?}");
    }
    // Over TLS the own one has a name that no neighbour can set.
    for cookies in [
        format!("skein_session={planted}; __Host-skein_session={mine}"),
        format!("__Host-skein_session={mine}; skein_session={planted}"),
    ] {
        let reply = asks(&cookies);
        assert!(reply.status == 200 && reply.body.contains("ada (tok_"), "{reply:?}");
    }
}

#[test]
fn signing_out_ends_the_session_and_not_only_in_the_browser() {
    let house = House::open();
    let mut browser = house.browser("ada");
    let (cookie, other) = (browser.cookie.clone(), house.browser("ada"));
    let reply = browser.submits("/", "/sign-out", &[]);
    assert_eq!((reply.status, reply.header("location")), (303, Some("/sign-in")), "{reply:?}");
    assert!(reply.header("set-cookie").unwrap().contains("Max-Age=0"), "{reply:?}");
    browser.keeps(&reply);
    assert_eq!(browser.cookie, None);
    browser.cookie = cookie;
    for path in ["/", "/campaigns", "/live/overview"] {
        assert_eq!(browser.asks(path).status, 303, "{path}");
    }
    assert_eq!(browser.asks("/v1/campaigns").status, 401);
    assert_eq!(other.asks("/").status, 200, "the other browser is signed in still");
    // A part that an open page asks for says so in its place; the page itself is no part.
    let part = browser.sends("GET /live/overview", "HX-Request: true\r\n", b"");
    assert!(part.status == 401 && part.body.contains("Sign in"), "{part:?}");
    assert!(!part.body.contains("<nav") && !part.body.contains("/sign-in\""), "{part:?}");
}

/// A stream of events that a browser follows, and whether it has ended by itself.
fn follows(house: &House, browser: &Browser<'_>) -> impl FnOnce() -> bool + use<> {
    let mut stream = house.service.connect();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let host = house.service.address.trim_start_matches("http://");
    let cookie = browser.cookie.as_ref().unwrap();
    let head = format!("Host: {host}\r\nConnection: close\r\nCookie: skein_session={cookie}");
    write!(stream, "GET /v1/events/stream?kind=backup. HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(begun, *b"HTTP/1.1 200");
    move || {
        let (mut all, mut some) = (Vec::new(), [0; 1_024]);
        // As long as it goes on it says so now and then.
        while !String::from_utf8_lossy(&all).contains("still here") {
            match stream.read(&mut some) {
                Ok(0) => return true,
                Ok(got) => all.extend_from_slice(&some[..got]),
                Err(_) => return false,
            }
        }
        false
    }
}

#[test]
fn whoever_signs_out_everywhere_is_signed_out_in_every_browser_and_nobody_else_is() {
    let house = House::open();
    let mut browser = house.browser("ada");
    let [other, third, eve] = ["ada", "ada", "eve"].map(|who| house.browser(who));
    let stream = follows(&house, &other);
    let link = house.done("ada", "POST /v1/portal/links", &json!({}))["url"].as_str().unwrap().to_owned();
    let page = browser.page("/access");
    assert!(page.contains("Sign out everywhere") && page.contains("skein portal sign-out"), "{page}");
    let reply = browser.submits("/access", "/sign-out/everywhere", &[]);
    assert_eq!((reply.status, reply.header("location")), (303, Some("/sign-in")), "{reply:?}");
    let before = browser.clone();
    browser.keeps(&reply);
    assert_eq!(browser.cookie, None);
    for ended in [&before, &other, &third] {
        assert_eq!((ended.asks("/").status, ended.asks("/v1/campaigns").status), (303, 401));
    }
    assert!(stream(), "what one of them followed goes on");
    let late = house.service.browser().signs_in(&[("link", link.split_once("link=").unwrap().1)]);
    assert_eq!(late.status, 401, "{late:?}");
    eve.page("/");
    // The token counts still; by it alone it is asked for, too.
    let again = house.browser("ada");
    again.page("/");
    assert_eq!(house.done("ada", "DELETE /v1/portal/sessions", &json!({}))["ended"], 1);
    assert_eq!(again.asks("/").status, 303);
    eve.page("/");
}

#[test]
fn an_admin_signs_somebody_out_everywhere_and_others_only_themselves() {
    let house = House::open();
    let [vic, also, admin, ben] = ["vic", "vic", "admin", "ben"].map(|who| house.browser(who));
    let at = format!("/access/tokens/{}", house.id("vic"));
    let to = format!("{at}/sign-out");
    let refused = ben.posts(&to, &[("form", &ben.secret())]);
    assert!(refused.status == 403 && refused.body.contains(codes::ROLE_MISSING.id), "{refused:?}");
    assert_eq!(vic.asks("/").status, 200);
    let page = admin.does(&at, &to, &[]);
    assert!(page.contains(&format!("skein portal sign-out --token {}", house.id("vic"))), "{page}");
    assert_eq!([&vic, &also].map(|one| one.asks("/").status), [303, 303]);
    ben.page("/");
    // The holder signs in again, and ends what is theirs on the token's page, too.
    let vic = house.browser("vic");
    let reply = vic.submits(&at, &to, &[]);
    assert_eq!((reply.status, vic.asks(&at).status), (303, 303), "{reply:?}");
}

#[test]
fn whoever_is_not_let_in_can_try_again_where_they_are_and_comes_where_they_wanted_to_go() {
    let house = House::open();
    let mut browser = house.service.browser();
    let refused = browser.signs_in(&[("token", "skn_nobodys"), ("to", "/campaigns?order=oldest")]);
    assert_eq!(refused.status, 401, "{refused:?}");
    for said in [codes::TOKEN_MISSING.id, "name=\"token\"", "name=\"to\" value=\"/campaigns?order=oldest\""] {
        assert!(refused.body.contains(said), "{said}: {refused:?}");
    }
    assert!(!refused.body.contains("skn_nobodys"), "{refused:?}");
}

#[test]
fn whoever_loses_the_token_is_signed_out_at_once() {
    let house = House::open();
    let browser = house.browser("vic");
    let (secret, stream) = (browser.secret(), follows(&house, &browser));
    let mut link = house.service.browser();
    let (status, made) =
        house.service.send("POST /v1/portal/links", &crate::house::bearer(house.token("vic")), b"");
    assert_eq!(status, 200, "{made}");
    let url = made["url"].as_str().unwrap().to_owned();
    house.revokes("vic");
    let said = browser.asks("/");
    assert!([303, 401].contains(&said.status) && !said.body.contains("Sign out"), "{said:?}");
    let said = browser.posts("/sign-out", &[("form", &secret)]);
    assert!([303, 401].contains(&said.status), "{said:?}");
    assert_eq!(browser.asks("/v1/campaigns").status, 401);
    assert!(stream(), "what the browser followed goes on");
    // What was made with it is good for nothing, too.
    let said = link.signs_in(&[("link", url.split_once("link=").unwrap().1)]);
    assert_eq!((said.status, link.cookie), (401, None), "{said:?}");
    let said = house.service.browser().signs_in(&[("token", house.token("vic"))]);
    assert_eq!(said.status, 401, "{said:?}");
}

#[test]
fn a_link_is_used_up_by_whoever_signs_in_and_not_by_whoever_looks() {
    let service = Service::start(0);
    let link = service.portal_link();
    let mut browser = service.browser();
    for _ in 0..2 {
        let page = browser.asks(&format!("/sign-in?link={link}")).body;
        assert!(page.contains(&format!("name=\"link\" value=\"{link}\"")), "{page}");
    }
    assert_eq!(browser.signs_in(&[("link", &link)]).status, 303);
    browser.page("/");
    let again = service.browser().signs_in(&[("link", &link)]);
    assert!(again.status == 401 && again.body.contains("used before"), "{again:?}");
    // Nobody is the one user of this machine without one.
    assert_eq!(service.browser().asks("/").status, 303);
}
