//! What is served is what the description says: Schemathesis makes requests of it, and looks at each answer.
//!
//! `SKEIN_SOAK_ROUNDS` says how many requests are made up for each route, `SKEIN_SEED` which.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test; what they read is theirs"
)]

use std::path::Path;

use host_tests::patience::until;
use host_tests::service::Service;
use host_tests::{dice, guests, python};
use serde_json::{Value, json};

/// Requests that are made up for each route, beside those at its bounds.
const EXAMPLES: u64 = 5;
const SEED: u64 = 20_261_126;
const ANY: &str = "Accept: */*";
const JSON: &str = "Content-Type: application/json";

/// A server that asks for tokens and has one of each thing.
struct Stocked {
    service: Service,
    admin: String,
}

impl Stocked {
    fn start() -> Self {
        let service = Service::start_as(2, |call, _| call.arg("--access").arg("tokens"));
        let admin =
            std::fs::read_to_string(service.site.path("server/admin-token")).unwrap().trim().to_owned();
        Self { service, admin }
    }

    #[track_caller]
    fn done(&self, what: &str, more: &str, body: &[u8]) -> Value {
        let head = format!("Authorization: Bearer {}\r\n{more}\r\n", self.admin);
        let (status, answer) = self.service.send(what, &head, body);
        assert!(status < 300, "{what}: {status} {answer}");
        answer
    }

    /// Names for parts of paths, of things that are there.
    fn stock(&self) -> Vec<(&'static str, String)> {
        let of = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
        self.done("PUT /v1/teams/pay", JSON, b"{}");
        self.done("PUT /v1/policies/careful", JSON, br#"{"policy":{}}"#);
        self.done("PUT /v1/teams/pay/secrets/careful", "Content-Type: application/octet-stream", b"value");
        let location = self.service.datasets[0].display().to_string();
        let body = json!({ "datasets": [{ "name": "orders", "location": location, "owner": "pay" }] });
        self.done("POST /v1/datasets", JSON, body.to_string().as_bytes());
        let rule = br#"{"rule":{"name":"careful","reconcile":true}}"#;
        self.done("PUT /v1/datasets/orders/rules/careful", JSON, rule);
        let body = br#"{"name":"ops","team":"pay","kind":"http","target":"https://192.0.2.1/"}"#;
        let webhook = of(&self.done("POST /v1/webhooks", JSON, body)["webhook"], "webhook");
        self.service.gets_artifacts();
        let component = std::fs::read(guests::component("columns")).unwrap();
        self.done("PUT /v1/modules/careful/versions/1", "Prefer: wait=100", &component);
        let body = json!({ "below": self.service.site.path("data"), "owner": "pay", "look_only": true });
        let scan = of(&self.done("POST /v1/scans", JSON, body.to_string().as_bytes()), "scan");
        let body = br#"{"name":"c","module":"careful@1","owner":"pay"}"#;
        let campaign = of(&self.done("POST /v1/campaigns", JSON, body), "campaign");
        // Planned as far as it can be, so that there is an attempt.
        let plan = format!("POST /v1/campaigns/{campaign}/actions/plan");
        self.done(&plan, JSON, br#"{"expect":"draft"}"#);
        let looked = |what: &str| self.done(&format!("GET /v1/campaigns/{campaign}{what}"), ANY, b"");
        let first = || looked("/attempts")["items"][0]["attempt"].as_str().map(str::to_owned);
        let attempt = until("an attempt", first);
        let body = br#"{"name":"n","kind":"service","grants":[{"role":"viewer"}]}"#;
        let token = of(&self.done("POST /v1/tokens", JSON, body)["token"], "token");
        let told = |text: &str| text.to_owned();
        vec![
            ("attempt", attempt),
            ("campaign", campaign),
            ("dataset", told("orders")),
            ("name", told("careful")),
            ("node", told("local-0")),
            ("of", told("team:pay")),
            ("scan", scan),
            ("seq", told("0")),
            ("team", told("pay")),
            ("token", token),
            ("version", told("1")),
            ("webhook", webhook),
        ]
    }

    /// Answers each route that was asked, with how often it answered what.
    fn is_asked(&self, named: &[(&'static str, String)]) -> Vec<String> {
        let examples = dice::setting("SKEIN_SOAK_ROUNDS", EXAMPLES).to_string();
        let seed = dice::setting("SKEIN_SEED", SEED).to_string();
        let place = self.service.site.directory("elsewhere").display().to_string();
        let mut arguments = vec![self.service.address.clone(), self.admin.clone(), place, examples, seed];
        arguments.extend(named.iter().map(|(name, value)| format!("{name}={value}")));
        let arguments: Vec<&Path> = arguments.iter().map(Path::new).collect();
        let said = python::run("description.py", &arguments);
        // What removes things is asked after all else.
        assert_eq!(said.matches("No issues found").count(), 2, "{said}");
        said.lines().filter_map(|line| line.strip_prefix("asked ")).map(str::to_owned).collect()
    }
}

#[test]
fn whatever_is_asked_is_answered_as_described() {
    let stocked = Stocked::start();
    stocked.stock();
    stocked.is_asked(&[]);
}

#[test]
fn whatever_is_asked_of_what_is_there_is_answered_as_described() {
    let stocked = Stocked::start();
    let named = stocked.stock();
    let asked = stocked.is_asked(&named);
    let in_vain: Vec<&String> = asked.iter().filter(|route| !route.contains(" 200:")).collect();
    // What only refuses says little of how it is when it is done.
    assert!(asked.len() > 50 && in_vain.len() * 3 < asked.len(), "{in_vain:#?}");
}
