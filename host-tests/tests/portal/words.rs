//! What strangers wrote is text on every page (cross-site scripting).

use serde_json::json;

use crate::house::{DATASETS, House, MARKUP};
use crate::walk::all_pages;

/// As it stands in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What may show words of those who had to do with a campaign.
fn pages_of(house: &House, campaign: &str) -> Vec<String> {
    let attempts = house.get(&format!("campaigns/{campaign}/attempts?limit=1000"))["items"].clone();
    let attempts = attempts.as_array().unwrap().iter().map(|one| one["attempt"].as_str().unwrap().to_owned());
    let of_campaign = ["", "/plan", "/runs", "/runs/0"].map(|part| format!("/campaigns/{campaign}{part}"));
    let of_attempts = attempts.flat_map(|one| ["", "/rejects"].map(|part| format!("/attempts/{one}{part}")));
    of_campaign.into_iter().chain(of_attempts).collect()
}

#[test]
fn nothing_that_strangers_wrote_is_markup_on_any_page() {
    let house = House::hostile();
    house.submits("hostile", "guest-hostile", MARKUP);
    let campaign = house.makes_one(MARKUP);
    let comment = json!({ "text": format!("said {MARKUP}"), "question": false });
    house.plans(&campaign);
    house.done("vic", &format!("POST /v1/campaigns/{campaign}/comments"), &comment);
    house.rolls_out(&campaign);
    let mut campaigns = vec![campaign];
    let narrow = usize::try_from(DATASETS).unwrap();
    for (at, told) in
        ["markup-told", "markup-refused", "markup-failed", "markup-panicked"].into_iter().enumerate()
    {
        let params = json!({ "behave": told, "shape": "same" });
        let other = house.makes(told, ("hostile@1", &params), narrow + at..narrow + at + 1);
        house.plans(&other);
        house.rolls_out(&other);
        campaigns.push(other);
    }
    let browser = house.browser("admin");
    let mut pages = all_pages(&browser);
    for path in campaigns.iter().flat_map(|campaign| pages_of(&house, campaign)) {
        let reply = browser.asks(&path);
        pages.insert(path, reply);
    }
    let markup = escaped(MARKUP);
    for (path, reply) in &pages {
        let page = &reply.body;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        for hurts in ["<script>", "<img", "onerror=window.hurt=1>", "\"onerror", "'><"] {
            assert!(!page.contains(hurts), "{path}: {hurts}: {page}");
        }
    }
    // They are shown, else there is nothing to see here.
    let shown = |what: &str, kind: &str| {
        let found = pages.iter().find(|(path, reply)| path.contains(kind) && reply.body.contains(what));
        assert!(found.is_some(), "{what} is on no page {kind}: {:#?}", pages.keys());
    };
    shown(&format!("0{markup}"), "/runs");
    shown(&markup, "/datasets");
    shown(&markup, "/campaigns");
    shown(&format!("said {markup}"), "/plan");
    shown(&format!("log {markup}"), "/attempts/");
    shown(&format!("reject {markup}"), "/attempts/");
    shown(&format!("failure {markup}"), "/attempts/");
    shown(&format!("panic {markup}"), "/attempts/");
    shown(&markup[..40], "/datasets/");
    shown(&markup, "/modules");
}
