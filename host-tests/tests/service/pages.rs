//! The pages for people.

use host_tests::service::Service;
use serde_json::json;

fn page(service: &Service, path: &str) -> String {
    let (status, page) = Service::page(&service.address, path);
    assert_eq!(status, 200, "{path}: {page}");
    page
}

#[test]
fn the_first_page_has_the_newest_campaigns_and_says_that_there_are_older_ones() {
    let service = Service::start(0).with_module("columns");
    let made = |number: u64| {
        let body = json!({ "name": format!("made-{number:03}"), "module": "columns@1" });
        assert_eq!(service.post("/v1/campaigns", "", &body).0, 200);
    };
    (0..100).for_each(made);
    let all = page(&service, "/");
    assert!(all.contains("made-000") && !all.contains("Older ones"), "{all}");
    made(100);
    let newest = page(&service, "/");
    let first = newest.find("made-100").unwrap();
    assert!(newest.find("made-099").unwrap() > first && newest.contains("made-001"), "{newest}");
    assert!(!newest.contains("made-000") && newest.contains("Older ones"), "{newest}");
}

#[test]
fn a_campaign_has_its_report_on_a_page_that_stays_as_it_is() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = service.campaign("drop-note");
    service.act(&campaign, "plan").succeeded();
    super::brought(&service, &campaign, "planned");
    service.act(&campaign, "start").succeeded();
    super::brought(&service, &campaign, "soaking");
    let shown = page(&service, &format!("/campaigns/{campaign}"));
    let at = format!("/campaigns/{campaign}/report");
    assert!(shown.contains(&format!("href=\"{at}\"")) && shown.contains("http-equiv=\"refresh\""), "{shown}");
    let report = page(&service, &at);
    let said = service.get(&format!("/v1{at}"));
    for wanted in ["80 read, 80 written", "2 of 2", said["module"].as_str().unwrap(), "rolled out"] {
        assert!(report.contains(wanted), "{wanted}: {report}");
    }
    assert!(!report.contains("http-equiv"), "{report}");
}
