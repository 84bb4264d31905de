//! An approval is a person's, as long as that person may give it.

use host_tests::patience::until;
use serde_json::json;

use crate::office::{Office, Risk, refused};

pub(crate) fn revokes_tokens_of(office: &Office, name: &str) {
    let tokens = office.get("tokens?limit=1000");
    let of = |token: &&serde_json::Value| token["name"] == name;
    for token in tokens["items"].as_array().unwrap().iter().filter(of) {
        let path = format!("DELETE /v1/tokens/{}", token["token"].as_str().unwrap());
        office.as_admin(&path, &json!({})).unwrap();
    }
}

#[test]
fn whoever_has_left_has_approved_nothing() {
    let office = Office::open();
    let moderate = office.planned("moderate", Risk::Moderate, json!({}));
    moderate.approves("dan", "pay").unwrap();
    assert_eq!(moderate.approves("cy", "shop").unwrap(), "approved");
    revokes_tokens_of(&office, "dan");
    moderate.is("awaiting_approval");
    refused(moderate.starts(), "409 SK0415");
    let revoked = moderate.decided("approval.revoked");
    assert_eq!((revoked.len(), &revoked[0]["body"]["reason"]), (1, &json!("role")), "{revoked:?}");
    assert_eq!(moderate.slice("pay")["approvals"], json!([]));
    assert_eq!(moderate.slice("pay")["lacks"]["who_could"], json!(["ben"]));

    // Nobody has to ask: what waits is seen as soon as the token is gone. A second token is as good as the first.
    let other = office.planned("other", Risk::Moderate, json!({}));
    other.approves("ben", "pay").unwrap();
    assert_eq!(other.approves("cy", "shop").unwrap(), "approved");
    revokes_tokens_of(&office, "ben");
    assert_eq!(other.state(), "approved");
    revokes_tokens_of(&office, "Ben");
    until("an approver is missing", || other.state() == "awaiting_approval");
}

#[test]
fn nobody_is_given_a_name_in_which_something_is_not_seen() {
    let office = Office::open();
    let issue = |name: &str, kind: &str| {
        let body = json!({ "name": name, "kind": kind, "grants": [{ "team": "pay", "role": "approver" }] });
        office.as_admin("POST /v1/tokens", &body).map(|_| ())
    };
    for name in
        ["be\u{34f}n", "ben\u{3164}", "\u{ff42}en", "b\u{435}n", "Jose\u{301}", "b\u{2800}en", "ben (tok_1)"]
    {
        refused(issue(name, "person"), "400 SK0664");
    }
    issue("Jos\u{e9} O'Brien", "person").unwrap();
    issue("nightly (2)", "service").unwrap();
}
