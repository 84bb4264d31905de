//! Who decided what, when, from where, with which token, and what it changed; and the whole record as a file that verifies by itself.

use host_tests::service::Service;
use serde_json::{Value, json};
use skein_types::codes;

use super::flip;

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

#[test]
fn a_decision_says_who_from_where_with_which_token_and_what_was_before_and_after() {
    let service = Service::start_as(0, |call, _| call.arg("--access").arg("tokens"));
    let secret = std::fs::read_to_string(service.site.path("server/admin-token")).unwrap();
    let head = format!("Authorization: Bearer {}\r\n", secret.trim());
    let ask = |what: &str, body: &str| {
        let (status, answer) = service.send(what, &head, body.as_bytes());
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    };
    ask("PUT /v1/teams/pay", r#"{"note":"pays"}"#);
    ask("PUT /v1/teams/shop", r#"{"note":"sells"}"#);
    let version = service.ask("GET /v1/teams/pay", &head, b"");
    let seen = version.header("etag").unwrap().to_owned();
    let (status, answer) =
        service.send("PUT /v1/teams/pay", &format!("{head}If-Match: {seen}\r\n"), br#"{"note":"pays more"}"#);
    assert_eq!(status, 200, "{answer}");
    ask("PUT /v1/policies/careful", r#"{"policy":{}}"#);

    let whoami = ask("GET /v1/whoami", "");
    let token = whoami["token"].as_str().unwrap_or_else(|| panic!("{whoami}")).to_owned();
    let mine = ask(&format!("GET /v1/audit?token={token}"), "");
    let kinds: Vec<&str> = items(&mine).iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["team.created", "team.created", "team.changed", "policy.set"]);
    let changed = &items(&mine)[2];
    assert_eq!((&changed["from"], &changed["token"]), (&json!("client:127.0.0.1"), &json!(token)));
    assert!(changed["trace"].is_string() && changed["actor"].as_str().unwrap().contains(&token), "{changed}");
    assert_eq!(changed["change"]["before"]["note"], "pays");
    assert_eq!(changed["change"]["after"]["note"], "pays more");
    assert_eq!(changed["change"]["before_at"], items(&mine)[0]["position"]);
    assert_eq!(items(&mine)[0]["change"]["before"], Value::Null);
    let one = ask(&format!("GET /v1/audit/{}", changed["position"]), "");
    assert_eq!(&one, changed);

    // What nobody asked for, and what a node brought about.
    let all = ask("GET /v1/audit?kind=node.joined,token.issued", "");
    let from: Vec<&str> = items(&all).iter().map(|event| event["from"].as_str().unwrap()).collect();
    assert!(from.contains(&"control") && from.iter().any(|from| from.starts_with("node:nod_")), "{from:?}");

    // One after the other, a page at a time, each condition by itself and together.
    let team = ask("GET /v1/audit?team=pay&limit=1", "");
    assert_eq!(items(&team).len(), 1);
    let rest = ask(&format!("GET /v1/audit?team=pay&after={}", team["next"].as_str().unwrap()), "");
    let said: Vec<&Value> = items(&rest).iter().map(|event| &event["kind"]).collect();
    assert_eq!(said, ["team.changed"]);
    let since = changed["at"].as_str().unwrap();
    let later = ask(&format!("GET /v1/audit?token={token}&since={since}"), "");
    assert!(items(&later).iter().all(|event| event["at"].as_str().unwrap() >= since));
    let (status, refused) =
        service.send("GET /v1/audit?subject=fleet&campaign=cmp_00000000000000000000000000000001", &head, b"");
    assert_eq!((status, refused["code"].as_str()), (400, Some("SK0664")));
}

#[test]
fn the_whole_record_verifies_as_a_file_and_a_change_a_cut_or_an_addition_is_named() {
    let mut service = Service::start(2).with_module_and_datasets();
    let (file, heads) = (service.site.path("audit.ndjson"), service.site.path("heads.txt"));
    let exported = service.call("audit").arg("export").arg("--save").arg(&file).finish().succeeded().json();
    let head = exported["head"].clone();
    let position = head["position"].as_u64().unwrap();
    assert!(position > 4, "{exported}");
    let said = format!("{position}:{}", head["hash"].as_str().unwrap());
    let table =
        service.site.skein("audit").env("SKEIN_SERVER", &service.address).arg("head").finish().succeeded();
    assert!(table.stdout.split(':').next().unwrap().parse::<u64>().unwrap() >= position);
    std::fs::write(&heads, format!("{said}\n")).unwrap();
    let verified =
        service.call("audit").arg("verify").arg("--against").arg(&heads).finish().succeeded().json();
    assert_eq!(verified["heads"], 1);
    assert!(
        verified["rows"].as_u64().unwrap() > 3 && verified["modules"].as_u64().unwrap() >= 1,
        "{verified}"
    );
    service.stop();

    let verify =
        |file: &std::path::Path| service.site.skein("audit").arg("verify").arg(file).arg("-o").arg("json");
    assert_eq!(verify(&file).finish().succeeded().json()["records"], position);
    verify(&file).arg("--against").arg(&said).finish().succeeded();
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = service.site.path("changed.ndjson");
    let refused = |text: &str, said: &str| {
        std::fs::write(&changed, text).unwrap();
        let outcome = verify(&changed).finish();
        outcome.refused_json(codes::AUDIT_EXPORT);
        let message = outcome.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "wanted {said:?}: {message}");
    };
    refused(&text.replacen("\"control\"", "\"contral\"", 1), "was edited");
    refused(&text.replacen("client:127.0.0.1", "client:127.0.0.2", 1), "was edited");
    let lines: Vec<&str> = text.lines().collect();
    refused(&[&lines[..2], &lines[3..]].concat().join("\n"), "position 2 is missing");
    refused(&lines[..lines.len() - 1].join("\n"), "it was cut");
    refused(&[&lines[..lines.len() - 2], &lines[lines.len() - 1..]].concat().join("\n"), "it was cut");
    refused(&format!("{text}{}\n", lines[1]), "something was added");
    let other = verify(&file).arg("--against").arg(format!("{position}:blake3:{}", "0".repeat(64))).finish();
    other.refused_json(codes::AUDIT_EXPORT);
    let longer =
        verify(&file).arg("--against").arg(format!("{}:blake3:{}", position + 1, "0".repeat(64))).finish();
    longer.refused_json(codes::AUDIT_EXPORT);
    // Files that say nothing, and a part of the record that no head is in.
    std::fs::write(&heads, "\n \n").unwrap();
    verify(&file).arg("--against").arg(&heads).finish().refused_json(codes::ATTEST_FORM);
    let begin: Value = serde_json::from_str(lines[0]).unwrap();
    let second: Value = serde_json::from_str(lines[2]).unwrap();
    let behind = format!("2:{}", second["hash"].as_str().unwrap());
    let first =
        serde_json::to_string(&json!({ "skein_audit": begin["skein_audit"], "behind": behind })).unwrap();
    let end: Value = serde_json::from_str(lines[lines.len() - 1]).unwrap();
    let last = json!({ "head": end["head"], "records": position - 2 }).to_string();
    let part = [&[first.as_str()], &lines[3..lines.len() - 1], &[last.as_str()]].concat().join("\n");
    std::fs::write(&changed, format!("{part}\n")).unwrap();
    let against = |head: &str| verify(&changed).arg("--against").arg(head).finish();
    against(&behind).succeeded();
    against(&said).succeeded();
    let outcome = against(&format!("1:blake3:{}", "0".repeat(64)));
    outcome.refused_json(codes::AUDIT_EXPORT);
    assert!(outcome.stdout.contains("no head lies in it"), "{}", outcome.stdout);
    against(&format!("2:blake3:{}", "0".repeat(64))).refused_json(codes::AUDIT_EXPORT);
    flip(&file, None);
    verify(&file).finish().refused_json(codes::AUDIT_EXPORT);
}
