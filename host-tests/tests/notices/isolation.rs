//! A team's receiver hears of its own team, and nothing that opens a door is kept where somebody reads.

use std::path::Path;

use host_tests::service::Service;
use serde_json::{Value, json};

use crate::listener::{Does, Listener};
use crate::server::HERE;

struct Guarded {
    service: Service,
    admin: String,
}

impl Guarded {
    fn start() -> Self {
        let service = Service::start_as(0, |call, site| {
            call.arg("--config").arg(site.file("skein.toml", HERE)).arg("--access").arg("tokens")
        });
        let admin = std::fs::read_to_string(service.site.path("server/admin-token")).unwrap();
        let guarded = Self { admin: admin.trim().to_owned(), service };
        for team in ["pay", "shop"] {
            guarded.done(&guarded.admin, &format!("PUT /v1/teams/{team}"), &json!({}));
        }
        guarded.service.gets_artifacts();
        let component = std::fs::read(host_tests::guests::component("columns")).unwrap();
        let head = format!("Authorization: Bearer {}\r\nPrefer: wait=100\r\n", guarded.admin);
        let (status, made) = guarded.service.send("PUT /v1/modules/columns/versions/1", &head, &component);
        assert_eq!((status, &made["state"]), (201, &json!("ready")), "{made}");
        guarded
    }

    #[track_caller]
    fn done(&self, token: &str, what: &str, body: &Value) -> Value {
        let head = format!("Authorization: Bearer {token}\r\n");
        let (status, answer) = self.service.send(what, &head, body.to_string().as_bytes());
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    }

    fn token(&self, team: &str) -> String {
        let grants = json!([{ "team": team, "role": "operator" }]);
        let body = json!({ "name": team, "kind": "service", "grants": grants });
        let issued = self.done(&self.admin, "POST /v1/tokens", &body);
        issued["secret"].as_str().unwrap().to_owned()
    }

    /// A campaign of a team that ends at once.
    fn ended(&self, token: &str, name: &str) {
        let body = json!({ "name": name, "module": "columns@1", "params": { "name": name, "steps": [{ "drop": "note" }] } });
        let made = self.done(token, "POST /v1/campaigns", &body);
        let at = format!("POST /v1/campaigns/{}/actions/cancel", made["campaign"].as_str().unwrap());
        self.done(token, &at, &json!({ "expect": "draft" }));
    }

    fn receiver(&self, token: &str, url: &str) -> Value {
        let body = json!({ "name": "ops", "kind": "http", "target": url });
        self.done(token, "POST /v1/webhooks", &body)
    }
}

#[test]
fn a_team_hears_of_its_own_and_who_may_see_all_of_all() {
    let guarded = Guarded::start();
    let (pay, shop) = (guarded.token("pay"), guarded.token("shop"));
    let listeners = [Listener::start(), Listener::start(), Listener::start()];
    let of_pay = guarded.receiver(&pay, &listeners[0].url("/"));
    let of_shop = guarded.receiver(&shop, &listeners[1].url("/"));
    let of_all = guarded.receiver(&guarded.admin, &listeners[2].url("/"));
    let teams = [of_pay, of_shop.clone(), of_all].map(|made| made["webhook"]["team"].clone());
    assert_eq!(teams, [json!("pay"), json!("shop"), json!(null)]);
    guarded.ended(&pay, "of-pay");
    guarded.ended(&shop, "of-shop");
    let name = |listener: &Listener| listener.hears().event()["data"]["name"].clone();
    assert_eq!([name(&listeners[0]), name(&listeners[1])], [json!("of-pay"), json!("of-shop")]);
    assert_eq!([name(&listeners[2]), name(&listeners[2])], [json!("of-pay"), json!("of-shop")]);
    assert!(listeners.iter().all(|listener| listener.rest().is_empty()));
    // The other's receiver is not there.
    let other = of_shop["webhook"]["webhook"].as_str().unwrap();
    let head = format!("Authorization: Bearer {pay}\r\n");
    let (status, answer) = guarded.service.send(&format!("GET /v1/webhooks/{other}"), &head, b"");
    assert_eq!((status, &answer["code"]), (404, &json!("SK0680")));
    let listed = guarded.done(&pay, "GET /v1/webhooks", &json!(null));
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
}

/// Files below a directory that have these bytes in them.
fn holding(dir: &Path, what: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => holding(&path, what),
            false => {
                let bytes = std::fs::read(&path).unwrap_or_default();
                let holds = bytes.windows(what.len()).any(|some| some == what.as_bytes());
                holds.then_some(path).into_iter().collect()
            }
        })
        .collect()
}

#[test]
fn what_opens_a_door_is_in_no_record_no_log_and_no_answer() {
    let guarded = Guarded::start();
    let listener = Listener::that(|_| Does::says("403 Forbidden"));
    let made = guarded.receiver(&guarded.admin, &listener.url("/in?token=canary-4d1f-query"));
    let secret = made["secret"].as_str().unwrap().to_owned();
    let slack =
        json!({ "name": "chat", "kind": "slack", "target": listener.url("/services/canary-4d1f-path") });
    let chat = guarded.done(&guarded.admin, "POST /v1/webhooks", &slack);
    guarded.ended(&guarded.admin, "one");
    let mut answers = vec![chat.to_string()];
    for made in [&made, &chat] {
        let id = made["webhook"]["webhook"].as_str().unwrap();
        host_tests::patience::until("it is given up", || {
            let rows =
                guarded.done(&guarded.admin, &format!("GET /v1/webhooks/{id}/deliveries"), &json!(null));
            (rows["items"][0]["state"] == "given_up").then(|| answers.push(rows.to_string()))
        });
        answers
            .push(guarded.done(&guarded.admin, &format!("GET /v1/webhooks/{id}"), &json!(null)).to_string());
    }
    answers.push(guarded.done(&guarded.admin, "GET /v1/audit", &json!(null)).to_string());
    for canary in ["canary-4d1f", &secret, secret.trim_start_matches("whsec_")] {
        assert!(answers.iter().all(|answer| !answer.contains(canary)), "{answers:#?}");
        assert!(!guarded.service.said(canary));
        assert_eq!(
            holding(&guarded.service.site.path("server"), canary),
            [""; 0].map(std::path::PathBuf::from)
        );
    }
}
