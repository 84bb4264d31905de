//! Signed statements of what was published: fetched from a server, believed without it.

use host_tests::service::Service;
use serde_json::Value;
use skein_types::codes;

use super::{flip, keys, published};

#[test]
fn a_statement_verifies_without_a_server_and_is_of_these_files_and_no_others() {
    let mut service = Service::start(3).with_module_and_datasets();
    let campaign = published(&service);
    let (pem, all) = keys(&service);
    let file = service.site.path("statement.json");
    let fetched = service.call("audit").arg("attest").arg("orders-001").arg("--save").arg(&file);
    let fetched = fetched.finish().succeeded().json();
    assert_eq!(fetched["payloadType"], "application/vnd.in-toto+json");
    let run = service.runs(&campaign)[1].clone();
    let by_run =
        service.call("audit").arg("attest").arg(run["run"].as_str().unwrap()).finish().succeeded().json();
    assert_eq!(by_run, fetched);
    let events = service.get(&format!("/v1/campaigns/{campaign}/events?limit=1000"));
    let of_run = |event: &&Value| event["kind"] == "run.published" && event["body"]["seq"] == 1;
    let event = events["items"].as_array().unwrap().iter().find(of_run).unwrap().clone();
    service.stop();

    let verify = |file: &std::path::Path| {
        service.site.skein("audit").arg("attest").arg("--verify").arg(file).arg("-o").arg("json")
    };
    let verified = verify(&file).arg("--key").arg(&pem).arg("--dataset").arg(&service.datasets[1]);
    let verified = verified.finish().succeeded().json();
    let (said, subject) = (&verified["statement"]["predicate"], &verified["statement"]["subject"]);
    assert_eq!(verified["statement"]["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!((&said["dataset"]["name"], &said["run"]["id"]), (&Value::from("orders-001"), &run["run"]));
    assert_eq!(
        (&said["run"]["campaign"], &said["module"]["label"]),
        (&Value::from(campaign), &Value::from("columns@1"))
    );
    assert_eq!((&said["input"]["version"], &said["output"]["version"]), (&Value::from(0), &Value::from(1)));
    assert_eq!((&said["rows"]["read"], &said["rows"]["written"]), (&Value::from(40), &Value::from(40)));
    assert!(said["run"]["node"].as_str().unwrap().starts_with("nod_"), "{said}");
    assert_eq!(verified["files"], said["output"]["files"]);
    assert_eq!(subject[0]["name"], "orders-001@1");
    // It was said before the decision that names it, and after the one that it names.
    assert!(event["body"]["statement"].as_str().unwrap().starts_with("blake3:"), "{event}");
    assert!(said["ledger"]["position"].as_u64() < event["position"].as_u64(), "{said} {event}");

    verify(&file).arg("--key").arg(&all).finish().succeeded();
    // Another dataset's files are not these.
    let other = verify(&file).arg("--key").arg(&pem).arg("--dataset").arg(&service.datasets[2]).finish();
    other.refused_json(codes::ATTEST_CONTENT);
    let data = std::fs::read_dir(&service.datasets[1]).unwrap().map(|entry| entry.unwrap().path());
    let data = data.into_iter().find(|path| path.extension().is_some_and(|end| end == "parquet")).unwrap();
    flip(&data, None);
    let flipped = verify(&file).arg("--key").arg(&pem).arg("--dataset").arg(&service.datasets[1]).finish();
    flipped.refused_json(codes::ATTEST_CONTENT);
    let message = flipped.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(data.file_name().unwrap().to_str().unwrap()), "{message}");
    // Nobody else's key, and not one byte of it.
    let stranger = service.site.path("stranger.pem");
    std::fs::write(&stranger, "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA6kpsY+Kcqzv1UWj+GCcD7e/OKyVq2oCGz8xZ2fjfb9E=\n-----END PUBLIC KEY-----\n").unwrap();
    verify(&file).arg("--key").arg(&stranger).finish().refused_json(codes::ATTEST_KEY);
    let text = std::fs::read_to_string(&file).unwrap();
    let middle = text.find("\"payload\":\"").unwrap() + 200;
    flip(&file, Some(middle));
    let outcome = verify(&file).arg("--key").arg(&pem).finish();
    let code = outcome.json()["error"]["code"].as_str().unwrap().to_owned();
    assert!(["SK0610", "SK0612"].contains(&code.as_str()), "{outcome:?}");
}

#[test]
fn a_statement_verifies_under_the_key_of_its_time_whatever_came_after() {
    let mut service = Service::start(1).with_module_and_datasets();
    published(&service);
    let (old, _) = keys(&service);
    let kept = service.site.path("old.pem");
    std::fs::copy(&old, &kept).unwrap();
    let file = service.site.path("statement.json");
    service.call("audit").arg("attest").arg("orders-000").arg("--save").arg(&file).finish().succeeded();
    let rotated = service.call("audit").arg("keys").arg("rotate").finish().succeeded().json();
    assert_eq!(rotated.as_array().unwrap().len(), 2, "{rotated}");
    let (new, all) = keys(&service);
    // The server goes on with it, also when it was away.
    service.stop();
    service.start_again();
    let listed = service.call("audit").arg("keys").arg("list").finish().succeeded().json();
    assert_eq!(listed, rotated);
    let again = service.site.path("again.html");
    let campaign = service.get("/v1/campaigns")["items"][0]["campaign"].as_str().unwrap().to_owned();
    service.call("campaign").arg("report").arg(&campaign).arg("--save").arg(&again).finish().succeeded();
    service.call("audit").arg("verify").finish().succeeded();
    service.stop();

    let verify = |file: &std::path::Path, keys: &[&std::path::Path]| {
        let call = service.site.skein("audit").arg("attest").arg("--verify").arg(file).arg("-o").arg("json");
        keys.iter().fold(call, |call, key| call.arg("--key").arg(key)).finish()
    };
    verify(&file, &[&kept]).succeeded();
    verify(&file, &[&new]).refused_json(codes::ATTEST_KEY);
    verify(&file, &[&new, &all]).succeeded();
    verify(&file, &[&kept, &all]).succeeded();
    verify(&again, &[&new]).succeeded();
    verify(&again, &[&kept]).refused_json(codes::ATTEST_KEY);
    verify(&again, &[&kept, &all]).succeeded();
    // Without what the old key signed the new one leads nowhere.
    let text = std::fs::read_to_string(&all).unwrap();
    let mut list: Value = serde_json::from_str(&text).unwrap();
    list["keys"][1].as_object_mut().unwrap().remove("by_before");
    std::fs::write(&all, list.to_string()).unwrap();
    verify(&file, &[&new, &all]).refused_json(codes::ATTEST_KEY);
}
