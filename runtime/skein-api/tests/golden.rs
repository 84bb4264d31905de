//! What each body looks like: one golden file per body, which is read back and must be the same.
//!
//! A change here is a change of what is spoken between processes: clients of `/v1` break, and nodes of `/node/v1` need
//! another `PROTOCOL`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect has failed; the lint knows only functions with the attribute"
)]

#[path = "golden/node.rs"]
mod node;
#[path = "golden/outcomes.rs"]
mod outcomes;
#[path = "golden/plans.rs"]
mod plans;
#[path = "golden/public.rs"]
mod public;
#[path = "golden/quotas.rs"]
mod quotas;
#[path = "golden/reports.rs"]
mod reports;
#[path = "golden/samples.rs"]
mod samples;
#[path = "golden/versions.rs"]
mod versions;
#[path = "golden/webhooks.rs"]
mod webhooks;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use skein_api::node::{Checked, Payload};
use skein_api::{ModuleRestore, Text, parse};

fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, body: &T) {
    let text = serde_json::to_string_pretty(body).unwrap();
    assert_eq!(&parse::<T>(text.as_bytes(), 1 << 20).unwrap(), body, "{name}");
    insta::assert_snapshot!(name, text);
}

#[test]
fn the_bodies_of_the_node_protocol() {
    golden("node-register", &node::register());
    golden("node-registered", &node::registered());
    golden("node-exchange", &node::exchange());
    golden("node-exchanged", &node::exchanged());
    golden("node-outcomes", &outcomes::all());
}

#[test]
fn a_check_of_before_there_were_rules_in_it_is_read_and_its_answer_too() {
    let id = format!("{:032x}", 1);
    let place = format!(r#"{{"dataset":"dts_{id}","location":"/d/orders","state":null}}"#);
    let task = format!(
        r#"{{"kind":"check","campaign":"cmp_{id}","run":"run_{id}","dataset":{place},"arrived":["late.parquet"]}}"#
    );
    let Payload::Check(read) = serde_json::from_str(&task).unwrap() else { panic!("another task") };
    assert_eq!((read.rules.as_ref(), read.arrived.len()), (None, 1));
    let again = serde_json::to_string(&Payload::Check(read)).unwrap();
    assert!(!again.contains("rules"), "{again}");
    let answer: Checked = serde_json::from_str(r#"{"arrived":[],"broken":[]}"#).unwrap();
    assert_eq!((answer.broken.len(), answer.unsure), (0, 0));
}

#[test]
fn the_bodies_about_modules_and_datasets() {
    golden("module", &public::module());
    golden("dataset-add", &public::datasets_add());
    golden("dataset-added", &public::datasets_added());
    golden("dataset", &public::dataset());
    golden("dataset-labels", &public::dataset_labels());
    golden("dataset-owner", &public::dataset_owner());
    golden("dataset-line", &versions::line());
    golden("datasets-imported", &versions::imported());
    golden("dataset-version", &versions::version());
    golden("dataset-rollback", &versions::rollback());
    golden("dataset-rolled-back", &versions::rolled_back());
    golden("dataset-export", &versions::export());
    golden("scan-ask", &plans::scan_ask());
    golden("scan", &plans::scan());
    golden("scan-found", &plans::scan_found());
}

#[test]
fn the_bodies_about_campaigns() {
    golden("campaign-create", &public::campaign_create());
    golden("campaign", &public::campaign());
    golden("module-restore", &ModuleRestore { reason: Text::escaped("the machine ran out of memory") });
    golden("campaign-action", &public::action());
    golden("campaign-progress", &public::progress());
    golden("plan-report", &plans::report());
    golden("campaign-report", &reports::report());
    golden("audit-head", &reports::head());
    golden("plan-samples-page", &plans::samples_page());
    golden("runs-page", &public::runs_page());
    golden("attempts-page", &public::attempts_page());
    golden("attempt-replay", &public::replay());
    golden("events-page", &public::events_page());
    golden("problem", &public::problem());
}

#[test]
fn the_bodies_about_receivers_of_notices() {
    golden("webhook-create", &webhooks::create());
    golden("webhook-put", &webhooks::put());
    golden("webhook-rotate", &webhooks::rotate());
    golden("webhook-signed", &webhooks::signed());
    golden("webhook-delivery", &webhooks::delivery());
    let least = br#"{"name":"ops","kind":"mail","target":"a@example.com"}"#;
    golden("webhook-create-least", &parse::<skein_api::WebhookCreate>(least, 100).unwrap());
}

#[test]
fn the_bodies_about_quotas_and_use() {
    golden("quota", &quotas::quota());
    golden("quotas-apply", &quotas::apply());
    golden("quotas-applied", &quotas::applied());
    golden("quota-explained", &quotas::explained());
    golden("usage-report", &quotas::usage());
    golden("problem-with-findings", &quotas::problem());
    let least: skein_api::QuotaPut = parse(b"{}", 10).unwrap();
    golden("quota-put-least", &least);
}

#[test]
fn the_body_about_the_server_itself() {
    golden("status", &public::status());
    golden("backup-ask", &skein_api::BackupAsk { to: Text::escaped("/backups/a"), with_keys: true });
    golden("backup", &public::backup());
}

#[test]
fn the_least_that_a_request_may_say() {
    let create: skein_api::CampaignCreate = parse(br#"{"name":"v2","module":"prefs@2.0.0"}"#, 100).unwrap();
    golden("campaign-create-least", &create);
    let add = br#"{"datasets":[{"name":"orders","location":"/d/orders","owner":"shop"}]}"#;
    let add: skein_api::DatasetsAdd = parse(add, 100).unwrap();
    golden("dataset-add-least", &add);
    let action: skein_api::CampaignAction = parse(br#"{"expect":"running"}"#, 100).unwrap();
    golden("campaign-action-least", &action);
}

#[test]
fn an_exchange_with_everything_that_it_may_hold_fits_its_bound() {
    let full = serde_json::to_vec(&outcomes::fullest()).unwrap();
    assert!(full.len() < skein_api::node::EXCHANGE_BYTES_MAX, "{}", full.len());
}

#[test]
fn neither_end_of_the_node_protocol_takes_a_field_that_it_does_not_know() {
    let text = serde_json::to_string(&node::exchanged()).unwrap();
    let unknown = |before: &str| text.replacen(before, &format!("\"priority\":9,{before}"), 1);
    for before in ["\"acknowledged\"", "\"held\"", "\"generation\"", "\"module\"", "\"fuel_per_call\""] {
        let body = unknown(before);
        let refused = parse::<skein_api::node::Exchanged>(body.as_bytes(), 1 << 20);
        // A token's record is in another crate and may hold more.
        assert_eq!(refused.is_err(), before != "\"generation\"", "{before}");
    }
    let outcome = r#"{"kind":"already_migrated","version":4,"more":1}"#;
    assert!(parse::<skein_api::node::Outcome>(outcome.as_bytes(), 100).is_err());
}
