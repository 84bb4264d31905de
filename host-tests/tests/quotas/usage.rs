//! What work took adds up to what was migrated.

use host_tests::service::Service;
use serde_json::{Value, json};

use crate::until;

/// Sums of what was used, by something.
fn used(service: &Service, by: &str) -> Vec<Value> {
    let report = service.call("usage").arg("--by").arg(by).finish().succeeded().json();
    assert_eq!(report["whole"], json!(true));
    report["sums"].as_array().unwrap().clone()
}

#[test]
fn use_is_counted_by_team_campaign_module_and_hour_and_adds_up_to_what_was_migrated() {
    let service = Service::start_as(12, |call, site| {
        let settings = site.file("skein.toml", "[prices]\ncurrency = \"EUR\"\ngib_read = 1000000.0\n");
        call.arg("--config").arg(settings)
    })
    .with_module_and_datasets();
    assert_eq!(used(&service, "team"), [Value::Null; 0]);
    let campaign = service.campaign("campaign");
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    service.act(&campaign, "start").succeeded();
    until("all is published", || service.shown(&campaign)["runs"]["published"] == 12);
    let sizes = service.datasets.iter().map(|path| {
        let new = std::fs::read_dir(path).unwrap().flatten();
        new.filter(|file| file.path().extension().is_some_and(|ext| ext == "parquet"))
            .map(|file| file.metadata().unwrap().len())
            .sum::<u64>()
    });
    let written: u64 = sizes.sum();
    let [team] = used(&service, "team").try_into().unwrap();
    assert_eq!(team["of"], "local");
    let number = |sum: &Value, key: &str| sum[key].as_u64().unwrap();
    // Twelve runs, and whatever looked at the datasets for the plan.
    assert!(number(&team, "attempts") >= 12, "{team}");
    // All that lies there was written by somebody, and not much more was: footers are written once, probes are small.
    assert!((written..2 * written).contains(&number(&team, "bytes_written")), "{written} of {team}");
    assert!(number(&team, "bytes_read") > 0 && number(&team, "slot_ms") > 0, "{team}");
    assert_ne!(team["cost"], "0.00", "{team}");
    let [by_campaign] = used(&service, "campaign").try_into().unwrap();
    assert_eq!(by_campaign["of"], json!(campaign));
    let [by_module] = used(&service, "module").try_into().unwrap();
    assert_eq!(by_module["of"], service.shown(&campaign)["module"]);
    for key in ["cpu_ms", "slot_ms", "fuel", "bytes_read", "bytes_written", "attempts"] {
        let hours: u64 = used(&service, "hour").iter().map(|hour| number(hour, key)).sum();
        assert_eq!(
            [number(&by_campaign, key), number(&by_module, key), hours],
            [number(&team, key); 3],
            "{key}"
        );
    }
    // Hours that are over have nothing of it.
    let long_ago = service.get("/v1/usage?by=team&to=2020-01-01T00:00:00.000Z");
    assert_eq!(long_ago["sums"], json!([]));
    let (status, refused) = service.send("GET /v1/usage?by=star", "", b"");
    assert_eq!((status, &refused["code"]), (400, &json!("SK0664")), "{refused}");
}
