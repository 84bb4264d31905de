//! The pages for people: lists, and the report.

use std::collections::BTreeSet;

use host_tests::service::Service;
use serde_json::json;

/// Words of a page that begin like this.
fn named(page: &str, start: &str) -> BTreeSet<String> {
    let words = page.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    words.filter(|word| word.starts_with(start)).map(str::to_owned).collect()
}

#[test]
fn the_first_page_has_the_newest_campaigns_and_leads_to_all_of_them() {
    let service = Service::start(0).with_module("columns");
    let made = |number: u64| {
        let body = json!({ "name": format!("made-{number:03}"), "module": "columns@1" });
        assert_eq!(service.post("/v1/campaigns", "", &body).0, 200);
    };
    (0..101).for_each(made);
    let browser = service.own_browser();
    let newest = browser.page("/");
    let first = newest.find("made-100").unwrap();
    assert!(newest.find("made-099").unwrap() > first && !newest.contains("made-000"), "{newest}");
    assert!(newest.contains("href=\"/campaigns\""), "{newest}");
    // Each page of the list leads to the next one, and none is long.
    let (mut found, mut next) = (BTreeSet::new(), Some("/campaigns".to_owned()));
    while let Some(at) = next {
        let page = browser.page(&at);
        let here = named(&page, "made-");
        assert!(!here.is_empty() && here.len() <= 50, "{at}: {page}");
        found.extend(here);
        let link = page.split_once("rel=\"next\" href=\"").map(|(_, rest)| rest.split('"').next().unwrap());
        next = link.map(|link| link.replace("&amp;", "&"));
    }
    assert_eq!(found.len(), 101);
}

#[test]
fn a_campaign_has_its_report_on_a_page_that_stays_as_it_is() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = service.campaign("drop-note");
    service.act(&campaign, "plan").succeeded();
    super::brought(&service, &campaign, "planned");
    service.act(&campaign, "start").succeeded();
    super::brought(&service, &campaign, "soaking");
    let browser = service.own_browser();
    let shown = browser.page(&format!("/campaigns/{campaign}"));
    let at = format!("/campaigns/{campaign}/report");
    assert!(shown.contains(&format!("href=\"{at}\"")) && shown.contains("skein-live"), "{shown}");
    let report = browser.page(&at);
    let said = service.get(&format!("/v1{at}"));
    for wanted in ["80 read, 80 written", "2 of 2", said["module"].as_str().unwrap(), "rolled out"] {
        assert!(report.contains(wanted), "{wanted}: {report}");
    }
    assert!(!report.contains("http-equiv") && !report.contains("skein-live"), "{report}");
}
