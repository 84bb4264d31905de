//! Quotas are set together or not at all, and add up.

use std::fmt::Write as _;

use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};
use skein_types::codes;

use crate::{put, team};

/// A server of 2 nodes with 40 slots each, which no limit of a test is larger than.
fn service() -> Service {
    Service::over(Fleet { nodes: 2, slots: 40 }, 0, |_, _| {}).with_all_nodes()
}

fn forty() -> String {
    let mut file = "[org]\nslots = { limit = 80 }\n[default]\nslots = { limit = 1 }\n".to_owned();
    for number in 0..40 {
        writeln!(
            file,
            "[team.t{number:02}]\nslots = {{ guaranteed = 2, limit = 8 }}\nread = {{ limit = \"50MiB/s\" }}"
        )
        .unwrap();
    }
    file
}

#[test]
fn forty_teams_are_set_at_once_and_a_dry_run_says_what_would_change() {
    let service = service();
    (0..40).for_each(|number| team(&service, &format!("t{number:02}")));
    let file = service.site.file("quotas.toml", forty());
    let apply = || service.call("quota").arg("apply").arg(&file);
    let would = apply().arg("--dry-run").finish().succeeded().json();
    assert_eq!((&would["applied"], would["changes"].as_array().unwrap().len()), (&json!(false), 42));
    assert_eq!(service.get("/v1/quotas")["items"], json!([]), "a dry run sets nothing");
    let did = apply().finish().succeeded().json();
    assert_eq!((&did["applied"], &did["findings"]), (&json!(true), &json!([])));
    let listed = service.call("quota").arg("show").finish().succeeded().json();
    assert_eq!(listed.as_array().unwrap().len(), 42);
    let one = service.call("quota").arg("show").arg("team:t07").finish().succeeded().json();
    assert_eq!(one["quota"]["bounds"]["slots"], json!({ "guaranteed": 2, "limit": 8 }));
    assert_eq!(one["quota"]["bounds"]["read"]["limit"], json!(50 << 20));
    // The same again is nothing new, and nobody decides it.
    let head = || service.get("/v1/status")["whole"]["ledger"]["position"].as_u64().unwrap();
    let before = head();
    assert_eq!(apply().finish().succeeded().json()["changes"], json!([]));
    assert_eq!(head(), before);
    // One team changes, and is shown with what it was.
    service
        .site
        .file("quotas.toml", forty().replacen("guaranteed = 2, limit = 8", "guaranteed = 2, limit = 9", 1));
    let shown = service.site.skein("quota").env("SKEIN_SERVER", &service.address).arg("apply").arg(&file);
    let shown = shown.arg("--dry-run").finish().succeeded().stdout;
    assert_eq!(shown, "team:t00: slots 2 to 8 -> 2 to 9\n1 quota would change; nothing is set\n");
}

#[test]
fn what_does_not_add_up_is_told_with_each_finding_and_nothing_is_set() {
    let service = service();
    (0..40).for_each(|number| team(&service, &format!("t{number:02}")));
    let wrong = forty()
        .replacen("guaranteed = 2, limit = 8", "guaranteed = 9, limit = 8", 1)
        .replace("[team.t39]", "[team.games]");
    let file = service.site.file("quotas.toml", wrong);
    let before = service.get("/v1/status")["whole"]["ledger"]["position"].clone();
    let refused = service.call("quota").arg("apply").arg(&file).finish();
    refused.refused_json(codes::QUOTAS_DO_NOT_ADD_UP);
    let details = refused.json()["error"]["details"].as_array().unwrap().clone();
    let said = |what: &str| details.iter().any(|line| line.as_str().unwrap().contains(what));
    assert!(said("team:games: there is no such team") && said("9 slots") && said("87 slots"), "{details:?}");
    assert_eq!(details.len(), 3, "{details:?}");
    let dry = service.call("quota").arg("apply").arg(&file).arg("--dry-run").finish();
    assert_eq!(dry.code(), i32::from(codes::QUOTAS_DO_NOT_ADD_UP.exit_code()));
    assert_eq!(dry.json()["findings"].as_array().unwrap().len(), 3);
    assert_eq!(service.get("/v1/quotas")["items"], json!([]));
    assert_eq!(service.get("/v1/status")["whole"]["ledger"]["position"], before, "nothing was decided");
    let bad = service.site.file("bad.toml", "[team.t00]\nread = { limit = \"50MiB\" }\n");
    service.call("quota").arg("apply").arg(bad).finish().refused_json(codes::QUOTA_INVALID);
}

#[test]
fn who_sets_a_quota_says_which_one_was_seen() {
    let service = service();
    team(&service, "shop");
    let slots = |limit: u64| json!({ "bounds": { "slots": { "guaranteed": 1, "limit": limit } } });
    let (status, first) = put(&service, "team:shop", "", &slots(4));
    assert_eq!(status, 200, "{first}");
    let code = |answer: (u16, Value)| (answer.0, answer.1["code"].as_str().unwrap_or_default().to_owned());
    assert_eq!(code(put(&service, "team:shop", "", &slots(5))), (428, "SK0693".to_owned()));
    assert_eq!(
        code(put(&service, "team:shop", "If-Match: \"1\"\r\n", &slots(5))),
        (412, "SK0692".to_owned())
    );
    let seen = format!("If-Match: \"{}\"\r\n", first["version"]);
    let (status, second) = put(&service, "team:shop", &seen, &slots(5));
    assert_eq!((status, &second["quota"]["bounds"]["slots"]["limit"]), (200, &json!(5)), "{second}");
    // One alone does not add up either.
    let (status, refused) =
        put(&service, "org", "", &json!({ "bounds": { "slots": { "guaranteed": 0, "limit": 0 } } }));
    assert_eq!((status, &refused["code"]), (422, &json!("SK0700")), "{refused}");
    assert_eq!(refused["findings"].as_array().unwrap().len(), 1, "{refused}");
    for bad in [
        json!({ "weigth": 2 }),
        json!({ "bounds": { "gpu": { "guaranteed": 1 } } }),
        json!({ "excess": "beg" }),
    ] {
        assert_eq!(code(put(&service, "team:shop", "If-Match: *\r\n", &bad)).0, 400, "{bad}");
    }
    assert_eq!(code(put(&service, "nobody", "", &json!({}))), (400, "SK0704".to_owned()));
    let remove = || service.call("quota").arg("remove").arg("team:shop");
    remove().finish().refused_json(codes::USAGE);
    remove().arg("--yes").finish().succeeded();
    assert_eq!(service.send("GET /v1/quotas/team:shop", "", b"").0, 404);
}
