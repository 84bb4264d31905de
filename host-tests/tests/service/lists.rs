//! Lists of datasets in files, as `curl --data-binary @FILE` sends them: all of a list is taken, or nothing of it.

use std::time::Instant;

use host_tests::service::Service;
use host_tests::{fixture, guard};
use serde_json::{Value, json};

const CSV: &str = "Content-Type: text/csv\r\n";
const NDJSON: &str = "Content-Type: application/x-ndjson\r\n";

fn table(service: &Service) -> String {
    let line = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        format!("wh/{name},{},shop,tier=gold;from=csv\n", path.display())
    };
    let lines: String = service.datasets.iter().map(line).collect();
    format!("name,path,owner,labels\n{lines}")
}

fn registered(service: &Service) -> Vec<Value> {
    service.get("/v1/datasets?limit=1000")["items"].as_array().unwrap().clone()
}

#[track_caller]
fn refused(answer: &(u16, Value), status: u16, code: &str, said: &str) {
    assert_eq!((answer.0, &answer.1["code"]), (status, &json!(code)), "{}", answer.1);
    assert!(answer.1["detail"].as_str().unwrap().contains(said), "{}", answer.1);
}

#[test]
fn a_list_is_taken_whole_and_a_bad_line_is_named_and_nothing_taken() {
    let service = Service::start(3);
    let import = |head: &str, body: &str| service.send("POST /v1/datasets/import", head, body.as_bytes());
    let good = table(&service);
    let bad = format!("{good}wh/gone,/nowhere/at/all,shop,\nwh/short,/x\n");
    refused(&import(CSV, &bad), 400, "SK0760", "line 6: 2 fields under 4 columns");
    let bad = format!("{good}wh/gone,/nowhere/at/all,shop,\nwh/none,rel,shop,\n");
    let answer = import(CSV, &bad);
    refused(&answer, 400, "SK0760", "line 5: ");
    refused(&answer, 400, "SK0760", "line 6: rel is no absolute path");
    refused(&import("", &good), 415, "SK0725", "a list is taken here");
    let odd = service.send("POST /v1/datasets/import", CSV, b"name,path\na,\xff\n");
    refused(&odd, 400, "SK0760", "line 2: no UTF-8");
    assert_eq!(registered(&service), Vec::<Value>::new());
    let looked = service.send("POST /v1/datasets/import?dry_run=true", CSV, good.as_bytes());
    assert_eq!(looked, (200, json!({ "datasets": 3, "added": 3, "known": 0, "dry_run": true })));
    assert_eq!(registered(&service), Vec::<Value>::new());
    let state = guard::state_directory(&service.datasets[0]);
    assert!(!state.join("managed.json").exists(), "a look changes nothing");
    let done = import(CSV, &good);
    assert_eq!(done, (200, json!({ "datasets": 3, "added": 3, "known": 0, "dry_run": false })));
    let all = registered(&service);
    assert_eq!(all[2]["name"], "wh/orders-002");
    assert_eq!(all[2]["labels"], json!({ "from": "csv", "tier": "gold" }));
    // Once more it is no other, in whichever form.
    assert_eq!(import(CSV, &good).1["known"], 3);
    let path = service.datasets[0].display();
    let line = |owner: &str| {
        format!(
            r#"{{"name":"wh/orders-000","path":"{path}","owner":"{owner}","labels":{{"tier":"gold","from":"csv"}}}}"#
        )
    };
    assert_eq!(import(NDJSON, &line("shop")).1["known"], 1);
    refused(
        &import(NDJSON, &line("pay")),
        400,
        "SK0760",
        "line 1: it is registered already, with another owner",
    );
    assert_eq!(registered(&service), all);
}

#[test]
fn a_campaign_is_made_over_a_list_with_parameters_and_times_of_single_datasets() {
    let service = Service::start(3).with_module_and_datasets();
    let params = "%7B%22name%22%3A%22tidy%22%2C%22steps%22%3A%5B%7B%22drop%22%3A%22note%22%7D%5D%7D";
    let what = format!("POST /v1/campaigns/import?name=tidy&module=columns@1&params={params}");
    let make = |head: &str, body: &str| service.send(&what, head, body.as_bytes());
    let header = "dataset,params,owner,defer-until\n";
    let bad = format!("{header}orders-000,{{,,\norders-001,,,tomorrow\n");
    let answer = make(CSV, &bad);
    refused(&answer, 400, "SK0760", "line 2: params: ");
    refused(&answer, 400, "SK0760", "line 3: ");
    let answer = make(CSV, &format!("{header}orders-000,,,\nnobodys,,,\n"));
    assert_eq!(
        (answer.0 / 100, answer.1["detail"].as_str().unwrap().contains("nobodys")),
        (4, true),
        "{}",
        answer.1
    );
    assert_eq!(service.get("/v1/campaigns")["items"], json!([]));
    let own = r#""{""steps"":[{""drop"":""amount""}]}""#;
    let (status, made) = make(CSV, &format!("{header}orders-000,{own},,\norders-002,,,2099-12-01\n"));
    assert_eq!(status, 200, "{made}");
    let objects = "{\"dataset\":\"orders-001\"}\n{\"dataset\":\"orders-002\",\"defer-until\":\"2099-12-01T00:00:00.000Z\"}\n";
    let (status, other) = make(NDJSON, objects);
    assert_eq!(status, 200, "{other}");
    let campaign = made["campaign"].as_str().unwrap();
    service.act(campaign, "plan").succeeded();
    crate::brought(&service, campaign, "planned");
    let names: Vec<Value> = service.runs(campaign).into_iter().map(|run| run["name"].clone()).collect();
    assert_eq!(names, ["orders-000", "orders-002"]);
}

#[test]
fn a_process_that_dies_with_a_list_in_hand_leaves_all_of_it_or_nothing() {
    for (point, left) in [("import.after-managed", 0), ("import.after-decided", 3), ("import.after-part", 3)]
    {
        let mut service = Service::start(3);
        service.kill_and_start_again_as(|call, _| call.env("SKEIN_CRASH_AT", point));
        let body = table(&service);
        let file = service.site.file("list.csv", &body);
        let died = service.call("dataset").arg("import").arg(&file).finish();
        assert_ne!(died.code(), 0, "{point}");
        service.kill_and_start_again();
        assert_eq!(registered(&service).len(), left, "{point}");
        let state = guard::state_directory(&service.datasets[1]);
        assert_eq!(state.join("managed.json").exists(), left > 0, "{point}");
        let done = service.call("dataset").arg("import").arg(&file).finish().succeeded().json();
        assert_eq!(done["added"], 3 - left, "{point}");
        assert_eq!(registered(&service).len(), 3, "{point}");
    }
}

#[test]
fn twenty_thousand_datasets_are_registered_from_one_list() {
    const MANY: usize = 20_000;
    let service = Service::start(1);
    let data = service.site.directory("many");
    let mut body = "name,path\n".to_owned();
    let one = service.site.path("one.parquet");
    fixture::write(&one, &fixture::orders(0, 3), 30);
    for number in 0..MANY {
        let path = data.join(format!("d{number:05}"));
        std::fs::create_dir(&path).unwrap();
        std::fs::hard_link(&one, path.join("part.parquet")).unwrap();
        body.push_str(&format!("many/{number:05},{}\n", path.display()));
    }
    let bad = format!("{body}many/bad,/nowhere\n");
    let started = Instant::now();
    let answer = service.send("POST /v1/datasets/import?owner=shop", CSV, bad.as_bytes());
    let looked = started.elapsed();
    refused(&answer, 400, "SK0760", "line 20002: ");
    let started = Instant::now();
    let answer = service.send("POST /v1/datasets/import?owner=shop", CSV, body.as_bytes());
    assert_eq!((answer.0, &answer.1["added"]), (200, &json!(MANY)), "{}", answer.1);
    let took = started.elapsed();
    let started = Instant::now();
    let answer = service.send("POST /v1/datasets/import?owner=shop", CSV, body.as_bytes());
    assert_eq!(answer.1["known"], json!(MANY));
    println!("looked at {MANY} in {looked:?}, registered in {took:?}, again in {:?}", started.elapsed());
}
