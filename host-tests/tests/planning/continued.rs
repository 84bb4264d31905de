//! A fixed module over what another campaign left.

use super::manifests::columns;
use super::{create, drops, made, planned, service, shown};
use serde_json::json;
use skein_types::codes;

#[test]
fn what_failed_is_gone_on_with_by_another_module_and_what_is_published_is_left() {
    let service = service(4);
    let own = "\"{\"\"steps\"\":[{\"\"drop\"\":\"\"amount\"\"}]}\"";
    let table = format!("dataset,params\norders-000,\norders-001,{own}\norders-002,\n");
    let good = service.site.file("good.csv", table);
    let first = made(create(&service, "first").params(&drops("first")).arg("--manifest").arg(good));
    planned(&service, &first);
    let goes_on = || {
        let call = service.call("campaign").arg("create").arg("second").arg("--module").arg("columns@1");
        call.arg("--continue").arg(&first)
    };
    goes_on().finish().refused_json(codes::CAMPAIGN_STATE);
    // One is left out by a person, one has moved, one is published.
    let wider = host_tests::fixture::with_copy_of(&host_tests::fixture::orders(0, 40), "note", "remark");
    host_tests::fixture::write(&service.datasets[1].join("part.parquet"), &wider, 30);
    let skip = service.call("campaign").arg("act").arg(&first).arg("skip").arg("--run").arg("2");
    skip.finish().succeeded();
    service.act(&first, "start").succeeded();
    let done = service.watched(&first);
    assert_eq!((&done["runs"]["published"], &done["runs"]["stale"]), (&json!(1), &json!(1)), "{done}");

    let second = made(goes_on());
    let there = shown(&service, &second);
    assert_eq!(there["policy"]["migration"], "first", "{there}");
    assert_eq!(there["params"], shown(&service, &first)["params"]);
    let there = planned(&service, &second);
    assert_eq!((&there["datasets"], &there["plan"]["eligible"]), (&json!(1), &json!(1)), "{there}");
    service.act(&second, "start").succeeded();
    assert_eq!(service.watched(&second)["runs"]["published"], 1);
    let counts = [0, 1, 2, 3].map(|number| service.published(&service.datasets[number]));
    assert_eq!(counts, [1, 1, 0, 0]);
    // With what the manifest of the first says of it.
    assert_eq!(columns(&service, 1), ["id", "customer", "note", "year", "remark"]);
}
