//! The rules of a campaign, from the file to what is shown.

use super::{create, drops, made, planned, shown};
use host_tests::service::Service;
use serde_json::json;
use skein_types::codes;

#[test]
fn a_policy_file_is_followed_flags_come_before_it_and_all_that_holds_is_shown() {
    let service = Service::start(10).with_module_and_datasets();
    let file = service.site.file(
        "careful.toml",
        "budget = 1\nwaves = [\"20%\", \"30%\"]\ngate = \"90%\"\nrollback_window = \"36h\"\n[canary]\ndatasets = 2\n\
         share = \"100%\"\n[limits]\nmemory = \"32MiB\"\n",
    );
    let call = create(&service, "careful").params(&drops("careful"));
    let campaign = made(call.arg("--policy").arg(&file).arg("--gate").arg("80%").arg("--budget").arg("0.5%"));
    let policy = &shown(&service, &campaign)["policy"];
    assert_eq!(
        (&policy["gate"], &policy["budget"]),
        (&json!("80%"), &json!({ "share": "0.5%" })),
        "{policy}"
    );
    assert_eq!(
        (&policy["window_ms"], &policy["limits"]["memory"]),
        (&json!(129_600_000), &json!(33_554_432))
    );
    // What nobody said holds as well.
    assert_eq!((&policy["retries"]["transient"], &policy["dry_run"]["datasets"]), (&json!(5), &json!(200)));
    let there = planned(&service, &campaign);
    let sizes: Vec<_> = there["waves"].as_array().unwrap().iter().map(|wave| &wave["size"]).collect();
    assert_eq!(sizes, [&json!(2), &json!(2), &json!(3), &json!(3)], "{there}");
}

#[test]
fn a_rule_that_nothing_follows_is_refused_by_its_key() {
    let service = Service::start(1).with_module_and_datasets();
    let with = |text: &str| {
        let call = create(&service, "c").params(&drops("c"));
        call.arg("--policy").arg(service.site.file("policy.toml", text)).finish()
    };
    for (text, said) in [
        ("budgte = 1", "did you mean `budget`?"),
        ("gate = \"95\"", "`gate`: \"95\" is not a share"),
        ("[approvals]\nmoderate = 1", "unknown key `moderate` in `approvals`"),
    ] {
        let refused = with(text);
        refused.refused_json(codes::POLICY_INVALID);
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains(said), "{refused:?}");
    }
    with("pin = \"snapshot\"").refused_json(codes::BODY_INVALID);
    let body = |policy| json!({ "name": "c", "module": "columns@1", "policy": policy });
    let (status, refused) = service.post("/v1/campaigns", "", &body(json!({ "canary": { "datasets": 0 } })));
    assert_eq!((status, &refused["code"]), (400, &json!(codes::POLICY_INVALID.id)), "{refused}");
    assert!(refused["detail"].as_str().unwrap().starts_with("`canary.datasets`"), "{refused}");
    let (_, refused) = service.post("/v1/campaigns", "", &body(json!({ "priority": 1 })));
    assert!(refused["detail"].as_str().unwrap().contains("priority"), "{refused}");
}
