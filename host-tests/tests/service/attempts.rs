//! What is kept of attempts that fail, who may see it, and the same failure once more elsewhere.

use std::path::PathBuf;

use host_tests::guard::tree;
use host_tests::{Call, fixture};
use serde_json::{Value, json};
use skein_types::codes;

use super::access::{Guarded, any_holds, bearer};
use super::until;

const CANARY: &str = "canary-b52d0e-of-a-pepper";

/// A server that knows the hostile module and a secret.
fn guarded() -> Guarded {
    let guarded = Guarded::start();
    // The two columns that the hostile module plans for.
    for number in [1, 2] {
        let notes = fixture::orders(number * 40, (number + 1) * 40).project(&[0, 3]).unwrap();
        let dataset = guarded.service.site.path("data").join(format!("orders-00{number}"));
        fixture::write(&dataset.join("part.parquet"), &notes, 30);
    }
    guarded.done(&guarded.admin, "PUT /v1/teams/pay/secrets/pepper", CANARY);
    let component = std::fs::read(host_tests::guests::component("guest-hostile")).unwrap();
    let head = format!("{}Skein-Team: pay\r\n", bearer(&guarded.admin));
    let (status, made) = guarded.service.send("PUT /v1/modules/guest-hostile/versions/1", &head, &component);
    assert!(status == 200 || status == 201, "{made}");
    until("the module is compiled", || {
        guarded.done(&guarded.admin, "GET /v1/modules/guest-hostile/versions/1", "")["state"] == "ready"
    });
    guarded
}

/// A campaign over one dataset that is planned; answers where it is.
fn planned(guarded: &Guarded, behave: &str) -> String {
    let params = json!({ "behave": behave, "shape": "same", "key": { "$secret": "pepper" } });
    let selection = json!({ "names": ["orders-001"] });
    let body = json!({
        "name": behave, "module": "guest-hostile@1", "owner": "pay", "params": params, "selection": selection,
        "policy": { "migration": behave },
    });
    let made = guarded.done(&guarded.admin, "POST /v1/campaigns", &body.to_string());
    let at = format!("/v1/campaigns/{}", made["campaign"].as_str().unwrap());
    guarded.done(&guarded.admin, &format!("POST {at}/actions/plan"), r#"{"expect":"draft"}"#);
    guarded.is_planned(&at);
    at
}

/// The like, whose run has failed; and the run.
fn failed(guarded: &Guarded, behave: &str) -> (String, Value) {
    let at = planned(guarded, behave);
    guarded.starts(&at);
    let run = || guarded.done(&guarded.admin, &format!("GET {at}/runs/orders-001"), "");
    until("the run has failed", || run()["state"] == "failed");
    let run = run();
    (at, run)
}

fn call(guarded: &Guarded) -> Call {
    guarded.service.call("attempt").env("SKEIN_TOKEN", &guarded.admin)
}

/// What `skein attempt logs` prints.
fn log(guarded: &Guarded, attempt: &str) -> Vec<Value> {
    let logs = call(guarded).arg("logs").arg(attempt).finish().succeeded().json();
    logs.as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn pepper(guarded: &Guarded) -> PathBuf {
    let file = guarded.service.site.path("pepper.txt");
    std::fs::write(&file, CANARY).unwrap();
    file
}

#[test]
fn a_failure_is_found_by_its_attempt_and_comes_again_where_somebody_repeats_it() {
    let guarded = guarded();
    let (at, run) = failed(&guarded, "tell-panic");
    let attempt = text(&run["failed_attempt"]);
    assert_eq!(run["why"]["code"], codes::GUEST_TRAP.id);
    let listed = guarded.done(&guarded.admin, &format!("GET {at}/runs/orders-001/attempts?failed=true"), "");
    let listed = listed["items"].as_array().unwrap().clone();
    // A fault is tried once more on another node.
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_ne!(listed[0]["node"], listed[1]["node"]);
    assert_eq!(listed[1]["attempt"], json!(attempt));
    for one in &listed {
        assert_eq!(
            (&one["kind"], &one["ending"], &one["name"]),
            (&json!("run"), &json!("failed"), &json!("orders-001"))
        );
        assert_eq!(
            (&one["why"]["code"], &one["why"]["message"]),
            (&run["why"]["code"], &run["why"]["message"])
        );
        assert_eq!((&one["source"]["files"], &one["source"]["version"]), (&json!(1), &json!(0)));
    }
    let log = log(&guarded, &attempt);
    let said = |from: &str, words: &str| {
        log.iter().any(|line| line["from"] == from && line["message"].as_str().unwrap().contains(words))
    };
    assert!(said("stderr", "the key is \"***\""), "{log:?}");
    assert!(said("node", codes::GUEST_TRAP.id), "{log:?}");
    assert!(log.iter().any(|line| line["file"] == "part.parquet" && line["row_group"] == 0), "{log:?}");
    // A part of it, as any program asks for it.
    let (_, line) =
        guarded.ask(&guarded.admin, &format!("GET /v1/attempts/{attempt}/log?after=1&limit=1"), b"");
    assert_eq!(line, log[1]);

    let dataset = &guarded.service.datasets[1];
    let before = tree(dataset);
    let replay = || call(&guarded).arg("replay").arg(&attempt);
    replay().finish().refused_json(codes::SECRET_MISSING);
    let secret = format!("pepper=@{}", pepper(&guarded).display());
    let same = replay().arg("--secret").arg(&secret).finish().succeeded().json();
    assert_eq!((&same["same"], &same["source_moved"]), (&json!(true), &json!(false)), "{same}");
    assert_eq!(
        (&same["here"]["code"], &same["here"]["message"]),
        (&run["why"]["code"], &run["why"]["message"])
    );
    assert_eq!(tree(dataset), before);
    let other = &guarded.service.datasets[2];
    let other = replay().arg("--secret").arg(&secret).arg("--dataset").arg(other).finish().succeeded().json();
    assert_eq!((&other["same"], &other["source_moved"]), (&json!(true), &json!(true)), "{other}");

    let (of_shop, of_pay) =
        (guarded.token(Some("shop"), "platform-admin").1, guarded.token(Some("pay"), "viewer").1);
    for what in ["", "/log", "/rejects", "/replay", "/module"] {
        let what = format!("GET /v1/attempts/{attempt}{what}");
        let (status, answer) = guarded.ask(&of_shop, &what, b"");
        assert_eq!((status, &answer["code"]), (404, &json!(codes::NOT_FOUND.id)), "{what}: {answer}");
        assert_eq!(guarded.ask(&of_pay, &what, b"").0, 200, "{what}");
    }
    nothing_holds_the_secret(&guarded);
}

#[test]
fn what_a_module_says_while_it_plans_is_in_the_log_of_the_attempt_that_planned() {
    let guarded = guarded();
    let at = planned(&guarded, "say-plan");
    let attempts = guarded.done(&guarded.admin, &format!("GET {at}/attempts"), "");
    let plan = attempts["items"].as_array().unwrap().iter().find(|one| one["kind"] == "plan").unwrap();
    let log = log(&guarded, &text(&plan["attempt"]));
    let datasets = guarded.done(&guarded.admin, "GET /v1/datasets", "");
    let found = datasets["items"].as_array().unwrap().iter().find(|one| one["name"] == "orders-001");
    let dataset = found.unwrap()["dataset"].clone();
    let of_plan = |from: &str, level: &str, message: &str| json!({ "from": from, "level": level, "message": message, "dataset": dataset, "file": "part.parquet" });
    let mut logged = of_plan("log", "warn", "both columns are computed");
    logged["fields"] = json!({ "key": "***" });
    assert_eq!(log, [of_plan("stdout", "info", "thinking it over"), logged]);
    nothing_holds_the_secret(&guarded);
}

#[test]
fn rejects_are_counted_by_code_and_named_without_secrets() {
    let guarded = guarded();
    let (_, run) = failed(&guarded, "tell-reject");
    assert_eq!(run["why"]["code"], codes::NOTHING_LEFT.id);
    let attempt = text(&run["failed_attempt"]);
    let rejects = call(&guarded).arg("rejects").arg(&attempt).finish().succeeded().json();
    assert_eq!(
        (&rejects["rejected"], &rejects["codes"]),
        (&json!(40), &json!([{ "code": "…", "rows": 40 }]))
    );
    let some = rejects["some"].as_array().unwrap();
    assert_eq!(some.len(), 40);
    assert_eq!(
        some[3],
        json!({ "file": "part.parquet", "row": 3, "code": "***", "message": "the key is ***" })
    );
    nothing_holds_the_secret(&guarded);
}

#[test]
fn a_module_that_floods_its_log_is_told_of_from_both_ends() {
    let guarded = guarded();
    let (at, run) = failed(&guarded, "log");
    assert_eq!(run["why"]["code"], codes::GUEST_LOG_FLOOD.id);
    let log = log(&guarded, &text(&run["failed_attempt"]));
    assert!(log.len() > 900 && log.len() <= 1_001, "{}", log.len());
    assert_eq!(log[0]["fields"]["n"], "0");
    let left_out = log.iter().find_map(|line| line["left_out"].as_u64()).unwrap();
    assert!(left_out > 8_000, "{left_out}");
    assert!(text(&log.last().unwrap()["message"]).starts_with(codes::GUEST_LOG_FLOOD.id), "{:?}", log.last());
    // A plan has no rows to send again.
    let attempts = guarded.done(&guarded.admin, &format!("GET {at}/attempts"), "");
    let plan = attempts["items"].as_array().unwrap().iter().find(|one| one["kind"] == "plan").unwrap();
    call(&guarded).arg("replay").arg(text(&plan["attempt"])).finish().refused_json(codes::REPLAY_UNFIT);
}

fn nothing_holds_the_secret(guarded: &Guarded) {
    for place in ["server", "data"] {
        assert!(!any_holds(&guarded.service.site.path(place), CANARY.as_bytes()), "{place}");
    }
    assert!(!guarded.service.said(CANARY));
}
