//! A fleet in which nothing begins: whoever looks at what they asked for is told.

use host_tests::service::{Fleet, Service};

use crate::until;

const SAID: &str =
    "nothing begins: every node is cordoned or drained: `skein fleet uncordon NODE` gives one work again";

#[test]
fn what_waits_for_a_node_says_so_wherever_somebody_looks() {
    let one = Fleet { nodes: 1, slots: 1 };
    let service = Service::over(one, 1, |_, path| {
        host_tests::fixture::write(path, &host_tests::fixture::orders(0, 40), 30);
    })
    .with_module_and_datasets();
    let fleet = |verb: &str| service.call("fleet").arg(verb).arg("local-0").arg("--reason").arg("a new disk");
    fleet("drain").arg("--yes").finish().succeeded();
    let campaign = service.campaign("c");
    service.act(&campaign, "plan").succeeded();
    let table = |noun: &str, verb: &str| {
        let call = service.site.skein(noun).env("SKEIN_SERVER", &service.address);
        call.arg(verb).arg(&campaign).finish().succeeded().stdout
    };
    for verb in ["why", "show"] {
        let said = table("campaign", verb);
        assert!(said.contains(SAID), "{verb}: {said}");
    }
    assert_eq!(service.progress(&campaign)["waits"]["reason"], "cordoned");
    let wait = service.call("campaign").arg("wait").arg(&campaign).arg("--timeout").arg("1s").finish();
    assert!(wait.stderr.contains(SAID), "{wait:#?}");
    for page in ["/".to_owned(), format!("/campaigns/{campaign}")] {
        let page = service.own_browser().page(&page);
        assert!(page.to_lowercase().contains("nothing begins: every node is cordoned"), "{page}");
    }
    let asked = serde_json::json!({ "below": service.datasets[0].parent().unwrap(), "owner": "local", "look_only": true });
    let (status, scan) = service.post("/v1/scans", "", &asked);
    assert_eq!(status, 200, "{scan}");
    let scan = format!("/v1/scans/{}", scan["scan"].as_str().unwrap());
    assert_eq!(service.get(&scan)["waits"]["reason"], "cordoned");

    fleet("uncordon").finish().succeeded();
    until("it is planned", || service.state_of(&campaign).as_deref() == Some("planned"));
    until("it is scanned", || service.get(&scan)["done"] == true);
    assert!(service.get(&scan)["waits"].is_null() && service.progress(&campaign)["waits"].is_null());
}
