//! What browsers are told with each page: what may run, who may frame it, and how long it is kept.

use host_tests::service::Reply;

use crate::house::House;
use crate::walk::all_pages;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

#[track_caller]
fn is_guarded(path: &str, reply: &Reply) {
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{path}: {}", reply.head);
    }
    let page = &reply.body;
    for inline in [" style=", " onclick=", " onload=", "javascript:", "<style", "<iframe"] {
        assert!(!page.contains(inline), "{path}: {inline}: {page}");
    }
    let scripts = page.matches("<script").count();
    assert_eq!(
        page.matches("<script src=\"/assets/").count()
            + page.matches("<script type=\"module\" src=\"/assets/").count(),
        scripts,
        "{path}: {page}"
    );
}

#[test]
fn no_page_may_be_framed_or_run_anything_that_is_not_a_file_of_the_portal() {
    let house = House::open();
    let campaign = house.makes_one("remarks");
    house.plans(&campaign);
    let browser = house.browser("admin");
    // The report can be sent to others as it is: it has its style in it.
    let pages = all_pages(&browser).into_iter().filter(|(path, _)| !path.ends_with("/report"));
    for (path, reply) in pages {
        is_guarded(&path, &reply);
    }
    let stranger = house.service.browser();
    is_guarded("/sign-in", &stranger.asks("/sign-in"));
    is_guarded("a refusal", &stranger.posts("/sign-in", &[("token", "skn_0000")]));
    is_guarded("nothing", &browser.asks("/campaigns/cmp_00000000000000000000000000"));
    let led = stranger.asks(&format!("/campaigns/{campaign}"));
    assert_eq!((led.status, led.header("cache-control")), (303, Some("no-store")));
}

#[test]
fn what_pages_load_is_kept_for_good_under_a_name_that_says_what_is_in_it() {
    let house = House::open();
    let page = house.service.browser().asks("/sign-in").body;
    let files: Vec<&str> =
        page.split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(files.len() >= 3, "{page}");
    for file in files {
        let reply = house.service.browser().asks(&format!("/assets/{file}"));
        assert_eq!(reply.status, 200, "{file}");
        assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let digest = blake3::hash(reply.body.as_bytes()).to_hex();
        assert!(file.starts_with(&digest[..16]), "{file}: {digest}");
    }
}

#[test]
fn what_a_session_sees_of_the_api_is_kept_by_nobody_and_is_no_page() {
    let house = House::open();
    let campaign = house.makes_one("remarks");
    let browser = house.browser("ada");
    let report = format!("/v1/campaigns/{campaign}");
    for path in ["/v1/campaigns", &report, "/v1/modules/columns/versions/1", "/v1/nothing", "/v1/events"] {
        let reply = browser.asks(path);
        for (name, value) in [("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
            assert_eq!(reply.header(name), Some(value), "{path}: {}", reply.head);
        }
    }
    // What is the same for everybody says so itself.
    let docs = browser.asks("/v1/docs");
    assert_eq!(docs.header("cache-control"), Some("no-cache"), "{}", docs.head);
}
