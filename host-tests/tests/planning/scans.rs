//! Looking for datasets and registering them.

use host_tests::patience::until;
use host_tests::service::Service;
use host_tests::{Call, Outcome, fixture};
use serde_json::{Value, json};
use skein_types::codes;

/// A warehouse with three datasets, a table of another kind and what is no dataset.
fn warehouse(service: &Service) -> std::path::PathBuf {
    let top = service.site.directory("warehouse");
    for name in ["sales/eu", "sales/nz/year=2024"] {
        let path = top.join(name);
        std::fs::create_dir_all(&path).unwrap();
        fixture::write(&path.join("part.parquet"), &fixture::orders(0, 40), 30);
    }
    fixture::write(&top.join("lone.parquet"), &fixture::orders(0, 40), 30);
    std::fs::create_dir_all(top.join("table/_delta_log")).unwrap();
    std::fs::create_dir_all(top.join("notes")).unwrap();
    service.site.file("warehouse/notes/readme.txt", "no data");
    top
}

fn scan(service: &Service, args: &[&str]) -> Outcome {
    let call = service.call("dataset").arg("scan").arg(service.site.path("warehouse"));
    args.iter().fold(call, Call::arg).finish()
}

fn names(scan: &Value) -> Vec<&str> {
    scan["found"].as_array().unwrap().iter().map(|found| found["name"].as_str().unwrap()).collect()
}

#[test]
fn a_scan_lists_what_is_there_and_registers_only_what_it_is_asked_to() {
    let service = Service::start(0);
    warehouse(&service);
    let looked = scan(&service, &[]).succeeded().json();
    assert_eq!(names(&looked), ["lone.parquet", "sales/eu", "sales/nz", "table"], "{looked}");
    assert_eq!(looked["found"][3]["why"]["code"], "SK0511", "{looked}");
    assert_eq!((&looked["found"][1]["files"], &looked["found"][1]["became"]), (&json!(1), &Value::Null));
    let listed = || service.call("dataset").arg("list").finish().succeeded().json();
    assert_eq!(listed(), json!([]));

    let args = ["--register", "--owner", "shop", "--label", "tier=gold", "--name-prefix", "wh/"];
    let outcome = scan(&service, &args);
    let registered = outcome.json();
    assert_eq!(
        [&registered["scan"]["added"], &registered["scan"]["refusals"], &registered["scan"]["done"]],
        [&json!(3), &json!(1), &json!(true)],
        "{registered}"
    );
    // What could not be registered shows in the exit code, too.
    assert_eq!(outcome.code(), i32::from(codes::PLACE_REFUSED.exit_code()));
    let listed = listed();
    assert_eq!(listed[1]["name"], "wh/sales/eu", "{listed}");
    assert_eq!((&listed[1]["owner"], &listed[1]["labels"]), (&json!("shop"), &json!({ "tier": "gold" })));
    let again = scan(&service, &args).json();
    assert_eq!((&again["scan"]["added"], &again["scan"]["known"]), (&json!(0), &json!(3)), "{again}");
}

#[test]
fn a_scan_goes_on_when_the_server_is_killed_and_ends_when_it_is_cancelled() {
    let mut service = Service::start(0);
    let top = warehouse(&service);
    let ask = json!({ "below": top, "owner": "shop" });
    let (status, begun) = service.post("/v1/scans", "", &ask);
    assert_eq!(status, 200, "{begun}");
    service.kill_and_start_again();
    let path = format!("/v1/scans/{}", begun["scan"].as_str().unwrap());
    let ended = until("the end of the scan", || Some(service.get(&path)).filter(|now| now["done"] == true));
    assert_eq!((&ended["why"], &ended["found"]), (&Value::Null, &json!(4)), "{ended}");
    let registered = ended["added"].as_u64().unwrap() + ended["known"].as_u64().unwrap();
    assert_eq!(registered, 3, "{ended}");

    let (_, begun) = service.post("/v1/scans", "", &ask);
    let id = begun["scan"].as_str().unwrap();
    let cancelled = service.call("dataset").arg("scans").arg(id).arg("--cancel").finish().succeeded().json();
    // It may have been through by then, which is an end as well.
    assert_eq!(cancelled["done"], true, "{cancelled}");
    let shown = service.get(&format!("/v1/scans/{id}"));
    assert_eq!(shown, cancelled);
}

#[test]
fn a_scan_of_nothing_or_of_a_dataset_ends_with_a_reason() {
    let service = Service::start(1).with_module_and_datasets();
    let ended = |below: &str| {
        let (_, begun) = service.post("/v1/scans", "", &json!({ "below": below, "owner": "o" }));
        loop {
            let now = service.get(&format!("/v1/scans/{}", begun["scan"].as_str().unwrap()));
            if now["done"] == true {
                return now["why"]["code"].as_str().unwrap().to_owned();
            }
        }
    };
    assert_eq!(ended("/nowhere"), codes::DATASET_NOT_FOUND.id);
    assert_eq!(ended(service.datasets[0].to_str().unwrap()), codes::PLACE_REFUSED.id);
    let (status, refused) = service.post("/v1/scans", "", &json!({ "below": "data", "owner": "o" }));
    assert_eq!((status, &refused["code"]), (400, &json!(codes::BODY_INVALID.id)), "{refused}");
    let unknown = service.send("GET /v1/scans/tsk_00000000000000000000000000000001", "", b"");
    assert_eq!((unknown.0, &unknown.1["code"]), (404, &json!(codes::NOT_FOUND.id)));
}
