//! Paths that lead out: of the assets, and of this server.

use crate::house::House;

#[test]
fn no_name_of_an_asset_leads_to_another_file() {
    let house = House::open();
    let browser = house.service.browser();
    let page = browser.asks("/sign-in").body;
    let style = page.split_once("\"/assets/").unwrap().1.split('"').next().unwrap();
    for name in [
        "../Cargo.toml",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%5c..%5cetc%5cpasswd",
        "....//....//etc/passwd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "",
        ".",
        "portal.css",
        "%00",
        &format!("../assets/{style}"),
        &format!("{style}%00.html"),
        &format!("{style}/../{style}"),
    ] {
        let reply = browser.asks(&format!("/assets/{name}"));
        assert!([400, 404].contains(&reply.status), "{name}: {reply:?}");
        assert!(!reply.body.contains("root:") && !reply.body.contains("[package]"), "{name}: {reply:?}");
    }
    assert_eq!(browser.asks(&format!("/assets/{style}")).status, 200);
}

#[test]
fn nobody_who_signs_in_is_led_to_another_site() {
    let house = House::open();
    for (asked, leads) in [
        ("/campaigns?after=x", "/campaigns?after=x"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nSet-Cookie: skein_session=mine", "/"),
        ("", "/"),
    ] {
        let reply = house.service.browser().signs_in(&[("token", house.token("vic")), ("to", asked)]);
        assert_eq!((reply.status, reply.header("location")), (303, Some(leads)), "{asked:?}: {reply:?}");
        // Nor does the page for signing in send on what somebody else wrote.
        let query = host_tests::service::encoded(&[("to", asked)]);
        let page = house.service.browser().asks(&format!("/sign-in?{query}")).body;
        assert!(page.contains(&format!("name=\"to\" value=\"{leads}\"")), "{asked:?}: {page}");
    }
    // Whoever was not signed in comes back to where they wanted to go.
    let led = house.service.browser().asks("/campaigns?after=a%26b");
    assert_eq!(led.header("location"), Some("/sign-in?to=%2Fcampaigns%3Fafter%3Da%2526b"));
}

#[test]
fn no_number_in_an_address_is_too_large() {
    let house = House::open();
    let campaign = house.makes_one("remarks");
    house.plans(&campaign);
    let most = u64::MAX;
    let samples = house.get(&format!("campaigns/{campaign}/samples"))["items"].clone();
    let sample = &samples[0]["seq"];
    let browser = house.browser("admin");
    for (path, status) in [
        (format!("/campaigns/{campaign}/plan?slices={most}"), 200),
        (format!("/campaigns/{campaign}/samples/{sample}?listed={most}"), 200),
        // Of a schema that there is not there are no rows to begin at one.
        (format!("/campaigns/{campaign}/samples/{sample}?schema={most}"), 200),
        (format!("/campaigns/{campaign}/samples/{sample}?row={most}"), 200),
        (format!("/campaigns/{campaign}/samples/{sample}?column={most}"), 200),
        (format!("/campaigns/{campaign}/map?after={most}"), 200),
        (format!("/campaigns/{campaign}/runs/{most}"), 404),
        (format!("/audit?after={most}"), 200),
        (format!("/audit/{most}"), 404),
    ] {
        let reply = browser.asks(&path);
        assert_eq!(reply.status, status, "{path}: {reply:?}");
    }
}
