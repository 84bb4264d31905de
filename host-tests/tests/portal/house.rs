//! A server that asks for tokens, a team with datasets, and its people.
//!
//! Whoever named things here was no friend: whatever may be any text has markup in it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use host_tests::patience::until;
use host_tests::service::{Browser, Fleet, Service};
use host_tests::{fixture, guests};
use serde_json::{Value, json};

/// Who there is, and what each is in the team `pay`; `eve` is of `bank`.
const PEOPLE: &[(&str, &str, &str)] = &[
    ("ada", "pay", "author"),
    ("olga", "pay", "operator"),
    ("ben", "pay", "approver"),
    ("dan", "pay", "approver"),
    ("vic", "pay", "viewer"),
    ("eve", "bank", "operator"),
];
/// Runs in a browser that takes it for markup, wherever it stands.
pub(crate) const MARKUP: &str = "\"'><script>window.hurt=1</script><img src=x onerror=window.hurt=1>";
/// How many datasets of orders there are. The module cannot do with the last.
pub(crate) const DATASETS: i64 = 6;
/// How many there are beside them that the hostile module can read, in a house of bad people.
pub(crate) const NARROW: i64 = 4;

/// Rows of a dataset that takes a while, and of each of its row groups.
pub(crate) const LONG: i64 = 20_000;
const ROW_GROUP: usize = 250;
/// Bytes a second, of which an attempt at it reads some 600,000.
const READ: u64 = 8 << 10;

pub(crate) struct House {
    pub(crate) service: Service,
    tokens: BTreeMap<&'static str, (String, String)>,
    /// What datasets are called.
    pub(crate) names: Vec<String>,
}

/// Orders with a remark that is a number, but in the last dataset; those behind it have two columns alone.
fn orders(number: i64, path: &Path) {
    if number >= DATASETS {
        let orders = fixture::orders(0, 40).project(&[0, 3]).unwrap();
        return fixture::write(path, &orders, 40);
    }
    let orders = fixture::with_copy_of(&fixture::orders(number * 40, (number + 1) * 40), "note", "remark");
    let remark = if number + 1 == DATASETS { "seven" } else { "7" };
    fixture::write(path, &fixture::with_value(&orders, "remark", remark), 30);
}

impl House {
    /// With names as good people give them.
    pub(crate) fn open() -> Self {
        Self::named(DATASETS, |number| format!("orders-{number:03}"), "a number for the remark")
    }

    /// With names as bad people give them.
    pub(crate) fn hostile() -> Self {
        Self::named(DATASETS + NARROW, |number| format!("{number}{MARKUP}"), MARKUP)
    }

    /// With one dataset, which is long.
    pub(crate) fn of_one() -> Self {
        let long = |_: i64, path: &Path| {
            fixture::write(path, &fixture::orders(0, LONG).project(&[0, 3]).unwrap(), ROW_GROUP);
        };
        Self::built((1, long), |number| format!("orders-{number:03}"), "a long one")
    }

    fn named(count: i64, name: impl Fn(i64) -> String, label: &str) -> Self {
        Self::built((count, orders), name, label)
    }

    fn built((count, write): (i64, impl Fn(i64, &Path)), name: impl Fn(i64) -> String, label: &str) -> Self {
        let service = Service::over_as(Fleet::SMALL, (count, write), |call, site| {
            let settings = site.path("skein.toml");
            std::fs::write(&settings, format!("[roots]\npay = [{:?}]\n", site.path("data"))).unwrap();
            call.arg("--access").arg("tokens").arg("--config").arg(settings)
        });
        let admin = std::fs::read_to_string(service.site.path("server/admin-token")).unwrap();
        let tokens = BTreeMap::from([("admin", (String::new(), admin.trim().to_owned()))]);
        let mut house = Self { service, tokens, names: (0..count).map(name).collect() };
        house.fill(label);
        house
    }

    /// What is at work for a campaign reads so slowly that it is so for a while.
    pub(crate) fn slows(&self, campaign: &str) {
        let quota = json!({ "bounds": { "read": { "guaranteed": 0, "limit": READ } }, "excess": "throttle" });
        let head = format!("{}If-Match: *\r\n", bearer(self.token("admin")));
        let body = quota.to_string();
        let (status, answer) =
            self.service.send(&format!("PUT /v1/quotas/campaign:{campaign}"), &head, body.as_bytes());
        assert_eq!(status, 200, "{answer}");
    }

    /// It is as fast as it can be again.
    pub(crate) fn lets_go(&self, campaign: &str) {
        let head = format!("{}If-Match: *\r\n", bearer(self.token("admin")));
        let (status, answer) =
            self.service.send(&format!("DELETE /v1/quotas/campaign:{campaign}"), &head, b"");
        assert_eq!(status, 200, "{answer}");
    }

    fn fill(&mut self, label: &str) {
        for team in ["pay", "bank"] {
            self.done("admin", &format!("PUT /v1/teams/{team}"), &json!({}));
        }
        for (name, team, role) in PEOPLE {
            let body = json!({ "name": name, "kind": "person", "grants": [{ "team": team, "role": role }] });
            let issued = self.done("admin", "POST /v1/tokens", &body);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            self.tokens.insert(name, (text(&issued["token"]["token"]), text(&issued["secret"])));
        }
        let added = self.names.iter().zip(&self.service.datasets).map(|(name, place)| {
            let labels = json!({ "tier": "bronze", "about": label.get(..64).unwrap_or(label) });
            json!({ "name": name, "location": place, "owner": "pay", "labels": labels })
        });
        let added = json!({ "datasets": added.collect::<Vec<_>>() });
        let answer = self.done("admin", "POST /v1/datasets", &added).to_string();
        assert_eq!(answer.matches("\"added\"").count(), self.names.len(), "{answer}");
        self.service.gets_artifacts();
        self.submits("columns", "columns", label);
    }

    /// `ada` submits a module, and says where it is from.
    pub(crate) fn submits(&self, name: &str, package: &str, source: &str) {
        let component = std::fs::read(guests::component(package)).unwrap();
        let head = format!(
            "{}Skein-Team: pay\r\nSkein-Source: {source}\r\nPrefer: wait=100\r\n",
            bearer(self.token("ada"))
        );
        let (status, made) =
            self.service.send(&format!("PUT /v1/modules/{name}/versions/1"), &head, &component);
        assert_eq!((status, &made["state"]), (201, &json!("ready")), "{made}");
    }

    pub(crate) fn token(&self, who: &str) -> &str {
        &self.tokens[who].1
    }

    /// The id of somebody's token.
    pub(crate) fn id(&self, who: &str) -> &str {
        &self.tokens[who].0
    }

    /// Takes somebody's token away.
    pub(crate) fn revokes(&self, who: &str) {
        self.done("admin", &format!("DELETE /v1/tokens/{}", self.tokens[who].0), &json!({}));
    }

    /// Somebody's browser.
    pub(crate) fn browser(&self, who: &str) -> Browser<'_> {
        self.service.browser_of(self.token(who))
    }

    /// What somebody asks of the API; it has to be done.
    #[track_caller]
    pub(crate) fn done(&self, who: &str, what: &str, body: &Value) -> Value {
        let body = if what.starts_with("GET") { String::new() } else { body.to_string() };
        let (status, answer) = self.service.send(what, &bearer(self.token(who)), body.as_bytes());
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    }

    /// The admin sees everything.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.done("admin", &format!("GET /v1/{path}"), &Value::Null)
    }

    /// How many decisions people have made so far. The server makes some by itself, whenever it is time.
    pub(crate) fn decisions(&self) -> usize {
        let all = self.get("audit?limit=1000");
        let all = all["items"].as_array().unwrap();
        assert!(all.len() < 1_000);
        all.iter().filter(|one| one["actor"] != "control").count()
    }

    /// `ada` makes a campaign over datasets with these numbers.
    pub(crate) fn makes(&self, name: &str, (module, params): (&str, &Value), over: Range<usize>) -> String {
        let policy =
            json!({ "budget": { "runs": 9 }, "dry_run": { "datasets": 1 }, "retries": { "transient": 0 } });
        let over: Vec<Value> = self.names[over].iter().map(|name| json!({ "dataset": name })).collect();
        let body = json!({
            "name": name, "module": module, "owner": "pay", "params": params, "policy": policy, "selection": { "manifest": over },
        });
        let made = self.done("ada", "POST /v1/campaigns", &body);
        made["campaign"].as_str().unwrap().to_owned()
    }

    /// A campaign over orders, of which the last dataset fails.
    pub(crate) fn makes_one(&self, name: &str) -> String {
        let steps = json!([{ "cast": "remark", "to": "int64", "on_error": "fail" }, { "drop": "amount" }]);
        self.makes(
            name,
            ("columns@1", &json!({ "name": "remarks", "steps": steps })),
            0..usize::try_from(DATASETS).unwrap(),
        )
    }

    /// Another campaign over the same datasets, for the pages of what waits.
    pub(crate) fn makes_again(&self, name: &str) -> String {
        let steps = json!([{ "drop": "customer" }]);
        self.makes(name, ("columns@1", &json!({ "name": "without-customer", "steps": steps })), 0..3)
    }

    /// Everybody's, by name.
    pub(crate) fn tokens(&self) -> BTreeMap<&'static str, &str> {
        self.tokens.iter().map(|(name, (_, secret))| (*name, secret.as_str())).collect()
    }

    pub(crate) fn state(&self, campaign: &str) -> String {
        self.get(&format!("campaigns/{campaign}"))["state"].as_str().unwrap().to_owned()
    }

    /// Waits until a campaign is in one of these states.
    #[track_caller]
    pub(crate) fn is(&self, campaign: &str, states: &[&str]) {
        until(&format!("it is {states:?}"), || states.contains(&&*self.state(campaign)));
    }

    /// Asks for a move, with the state and the plan as they are now.
    pub(crate) fn moves(&self, who: &str, campaign: &str, verb: &str) {
        let now = self.get(&format!("campaigns/{campaign}"));
        let mut body = json!({ "expect": now["state"] });
        if verb == "resume" {
            body["now"] = json!(true);
        }
        if verb != "plan" {
            body["plan"] = now["plan"]["digest"].clone();
        }
        if verb == "approve" {
            body["slice"] = json!("pay");
        }
        self.done(who, &format!("POST /v1/campaigns/{campaign}/actions/{verb}"), &body);
    }

    /// Plans it, and has it approved.
    pub(crate) fn plans(&self, campaign: &str) {
        self.moves("olga", campaign, "plan");
        self.is(campaign, &["planned", "awaiting_approval"]);
        for who in ["ben", "dan"] {
            let slices = self.get(&format!("campaigns/{campaign}/approvals"))["slices"].clone();
            if slices.as_array().unwrap().iter().any(|slice| !slice["lacks"].is_null()) {
                self.moves(who, campaign, "approve");
            }
        }
    }

    /// Brings what is planned to its end; whatever fails does not stop it.
    pub(crate) fn rolls_out(&self, campaign: &str) {
        self.moves("olga", campaign, "start");
        until("it is rolled out", || {
            let state = self.state(campaign);
            if state == "halted" {
                self.moves("olga", campaign, "resume");
            }
            state == "soaking" || state == "succeeded"
        });
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n")
}
