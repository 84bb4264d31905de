//! Planted values, and where they must not turn up: a secret nowhere, a row's value nowhere but in its dataset, in what was made of it
//! and in the samples that people asked to see.

use std::path::Path;
use std::process::Command;

use host_tests::fixture;
use host_tests::python;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};

use super::access::any_holds;

const SECRET: &str = "canary-41d0-of-a-secret";
const ROW: &str = "canary-9b77-of-a-row";
/// Prints every value of every table but the content of blobs, a line each.
const TABLES: &str = r#"
import sqlite3, sys
ledger = sqlite3.connect(f"file:{sys.argv[1]}?immutable=0", uri=True)
for (table,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    for row in ledger.execute(f'SELECT * FROM "{table}"'):
        row = row[:2] if table == "blob" else row
        for value in row:
            print(value if not isinstance(value, bytes) else value.decode("latin-1"))
"#;

fn ledger_says(ledger: &Path) -> String {
    let output = Command::new(python::interpreter()).args(["-c", TABLES]).arg(ledger).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A campaign over rows with the canary in a column that the module reads, and one dataset of which it cannot cast that column.
fn campaign(service: &Service) -> String {
    let steps = json!([
        { "hash": "note", "key": { "$secret": "key" } },
        { "cast": "remark", "to": "int64", "on_error": "fail" },
    ]);
    let params = json!({ "name": "hashed", "steps": steps });
    let body = json!({ "name": "c", "owner": "pay", "module": "columns@1", "params": params, "policy": { "budget": { "runs": 5 } } });
    let (status, made) = service.post("/v1/campaigns", "", &body);
    assert_eq!(status, 200, "{made}");
    made["campaign"].as_str().unwrap().to_owned()
}

#[test]
fn a_secret_and_a_rows_value_turn_up_nowhere_that_they_need_not_be() {
    let fleet = Fleet { nodes: 1, slots: 2 };
    let service = Service::over(fleet, 6, |number, path| {
        let orders =
            fixture::with_copy_of(&fixture::orders(number * 40, (number + 1) * 40), "note", "remark");
        let all = fixture::with_value(&orders, "note", ROW);
        let remark = if number == 3 { ROW } else { "7" };
        fixture::write(path, &fixture::with_value(&all, "remark", remark), 30);
    });
    assert_eq!(service.send("PUT /v1/teams/pay", "", b"{}").0, 200);
    assert_eq!(service.send("PUT /v1/teams/pay/secrets/key", "", SECRET.as_bytes()).0, 200);
    let service = service.with_module("columns").with_datasets();
    let campaign = campaign(&service);
    service.act(&campaign, "plan").succeeded();
    super::brought(&service, &campaign, "planned");
    service.act(&campaign, "start").succeeded();
    super::brought(&service, &campaign, "soaking");
    let runs = service.runs(&campaign);
    let of = |state: &str| runs.iter().filter(|run| run["state"] == state).count();
    assert_eq!((of("published"), of("failed")), (5, 1), "{runs:?}");

    // What is shown to people and their tools.
    let mut told = vec![Value::from(runs).to_string()];
    for path in
        ["/v1/events?limit=1000", "/v1/audit?limit=1000", "/v1/status", "/v1/campaigns", "/v1/datasets"]
    {
        told.push(service.get(path).to_string());
    }
    for path in ["", "/plan", "/events", "/report", "/progress", "/report/datasets"] {
        told.push(service.get(&format!("/v1/campaigns/{campaign}{path}")).to_string());
    }
    told.push(Service::page(&service.address, "/metrics").1);
    let browser = service.own_browser();
    told.push(browser.page("/"));
    for page in ["", "/plan", "/report"] {
        told.push(browser.page(&format!("/campaigns/{campaign}{page}")));
    }
    // What is signed is in base64 where it is kept: as it reads.
    for form in ["html", "csv", "json"] {
        let file = format!("/v1/campaigns/{campaign}/report/file?format={form}");
        let (status, report) = Service::page(&service.address, &file);
        assert_eq!(status, 200, "{report}");
        told.push(report);
    }
    let (keys, statement) = (service.site.path("keys.json"), service.site.path("statement.json"));
    service.call("audit").arg("keys").arg("export").arg("--save").arg(&keys).finish().succeeded();
    service.call("audit").arg("attest").arg("orders-000").arg("--save").arg(&statement).finish().succeeded();
    let verify = service.call("audit").arg("attest").arg("--verify").arg(&statement).arg("--key").arg(&keys);
    told.push(verify.finish().succeeded().stdout);
    let copy = service.site.path("copy");
    service.call("backup").arg(&copy).finish().succeeded();
    let server = service.site.path("server");
    told.push(ledger_says(&server.join("ledger.db")));
    for canary in [SECRET, ROW] {
        for (at, one) in told.iter().enumerate() {
            assert!(!one.contains(canary), "{canary} in answer {at}: {one}");
        }
        assert!(!service.said(canary), "{canary} in the server's lines");
    }
    for place in [&server, &copy, &service.site.path("data")] {
        assert!(!any_holds(place, SECRET.as_bytes()), "the secret is in {}", place.display());
    }
    assert!(!any_holds(&copy, ROW.as_bytes()), "a row's value is in a backup");
}
