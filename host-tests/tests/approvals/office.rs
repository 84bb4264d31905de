//! A server that asks for tokens, two teams with three datasets each, and the people of these tests.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;

use host_tests::patience::until;
use host_tests::service::{Reply, Service};
use serde_json::{Value, json};

/// Team and role.
type Roles = &'static [(&'static str, &'static str)];

/// Who there is: the token's name, whether it is a person's, and roles in teams.
///
/// `mia` submits the module, `ada` makes campaigns, `olga` plans and starts them; of `pay` `ben` and `dan` approve, of `shop` `cy`,
/// and `eve` of `bank`, which has nothing to do with any of them; `spy` and `bea` are its authors, of whom `bea` sees what `pay` has. `pia` is an operator of `pay` alone.
const PEOPLE: &[(&str, &str, bool, Roles)] = &[
    ("mia", "mia", true, &[("pay", "author"), ("pay", "approver")]),
    ("ada", "ada", true, &[("pay", "author"), ("pay", "approver"), ("shop", "author")]),
    ("olga", "olga", true, &[("pay", "operator"), ("shop", "operator"), ("shop", "approver")]),
    ("ben", "ben", true, &[("pay", "approver")]),
    ("ben's other token", "Ben", true, &[("pay", "approver")]),
    ("dan", "dan", true, &[("pay", "approver")]),
    ("cy", "cy", true, &[("shop", "approver")]),
    ("pia", "pia", true, &[("pay", "operator")]),
    ("eve", "eve", true, &[("bank", "approver")]),
    ("spy", "spy", true, &[("bank", "author")]),
    ("bea", "bea", true, &[("bank", "author"), ("pay", "viewer")]),
    ("vic", "vic", true, &[("pay", "viewer"), ("shop", "viewer")]),
    (
        "bot",
        "bot",
        false,
        &[("pay", "approver"), ("shop", "approver"), ("pay", "operator"), ("shop", "operator")],
    ),
];

/// The server and its people.
pub(crate) struct Office {
    pub(crate) service: Service,
    pub(crate) admin: String,
    tokens: BTreeMap<&'static str, String>,
}

/// What a plan's risk is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Risk {
    Low,
    /// One kind of datasets is not tried.
    Moderate,
    /// Nothing is tried.
    High,
}

fn asks_for_tokens(call: host_tests::call::Call, site: &host_tests::site::Site) -> host_tests::call::Call {
    let settings = site.path("skein.toml");
    let data = site.path("data");
    std::fs::write(&settings, format!("[roots]\npay = [{data:?}]\nshop = [{data:?}]\n")).unwrap();
    call.arg("--access").arg("tokens").arg("--config").arg(settings)
}

impl Office {
    pub(crate) fn open() -> Self {
        let service = Service::start_as(6, asks_for_tokens);
        let path = service.site.path("server/admin-token");
        let admin = std::fs::read_to_string(path).unwrap().trim().to_owned();
        let mut office = Self { service, admin, tokens: BTreeMap::new() };
        office.fill();
        office
    }

    fn fill(&mut self) {
        let admin = self.admin.clone();
        for team in ["pay", "shop", "bank"] {
            self.of(&admin, &format!("PUT /v1/teams/{team}"), &json!({})).unwrap();
        }
        for (key, name, person, roles) in PEOPLE {
            let grants: Vec<Value> =
                roles.iter().map(|(team, role)| json!({ "team": team, "role": role })).collect();
            let kind = if *person { "person" } else { "service" };
            let body = json!({ "name": name, "kind": kind, "grants": grants });
            let issued = self.of(&admin, "POST /v1/tokens", &body).unwrap();
            self.tokens.insert(key, issued["secret"].as_str().unwrap().to_owned());
        }
        let place = |number: usize| {
            let name = self.service.datasets[number].file_name().unwrap().to_str().unwrap().to_owned();
            let owner = if number < 3 { "pay" } else { "shop" };
            json!({ "name": name, "location": self.service.datasets[number], "owner": owner })
        };
        let datasets: Vec<Value> = (0..6).map(place).collect();
        let added = self.of(&admin, "POST /v1/datasets", &json!({ "datasets": datasets })).unwrap();
        assert!(added.to_string().contains("added"), "{added}");
        self.service.gets_artifacts();
        let component = std::fs::read(host_tests::guests::component("columns")).unwrap();
        let head = format!("{}Skein-Team: pay\r\nPrefer: wait=100\r\n", bearer(&self.tokens["mia"]));
        let (status, made) = self.service.send("PUT /v1/modules/columns/versions/1", &head, &component);
        assert_eq!((status, &made["state"]), (201, &json!("ready")), "{made}");
    }

    /// The name of a dataset; the first three are those of `pay`.
    pub(crate) fn dataset(&self, number: usize) -> String {
        self.service.datasets[number].file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// What somebody asks is answered, or refused with a code.
    pub(crate) fn says(&self, who: &str, what: &str, body: &Value) -> Result<Value, String> {
        self.of(&self.tokens[who], what, body)
    }

    fn of(&self, token: &str, what: &str, body: &Value) -> Result<Value, String> {
        let body = if what.starts_with("GET") { Vec::new() } else { body.to_string().into_bytes() };
        let (status, answer) = self.service.send(what, &bearer(token), &body);
        if status == 200 {
            return Ok(answer);
        }
        let code = answer["code"].as_str().unwrap_or_else(|| panic!("{what}: {status} {answer}"));
        Err(format!("{status} {code}"))
    }

    /// Somebody removes a setting, whichever version it has.
    pub(crate) fn removes(&self, who: &str, at: &str) -> Result<(), String> {
        let head = format!("{}If-Match: *\r\n", bearer(&self.tokens[who]));
        match self.service.send(&format!("DELETE {at}"), &head, b"") {
            (200, _) => Ok(()),
            (status, answer) => Err(format!("{status} {}", answer["code"].as_str().unwrap())),
        }
    }

    /// What opens the server to somebody.
    pub(crate) fn token(&self, who: &str) -> &str {
        &self.tokens[who]
    }

    /// A command about campaigns, by somebody.
    pub(crate) fn commands(&self, who: &str) -> host_tests::call::Call {
        self.service.call("campaign").env("SKEIN_TOKEN", &self.tokens[who])
    }

    /// What the admin asks.
    pub(crate) fn as_admin(&self, what: &str, body: &Value) -> Result<Value, String> {
        self.of(&self.admin, what, body)
    }

    /// The admin may see everything.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.of(&self.admin, &format!("GET /v1/{path}"), &Value::Null).unwrap()
    }

    /// A campaign of `pay`, by `ada`, over the datasets of both teams; with more in its policy. It was planned by `olga`.
    pub(crate) fn planned(&self, name: &str, risk: Risk, policy: Value) -> Campaign<'_> {
        let campaign = self.made(name, risk, policy);
        campaign.plan();
        campaign
    }

    fn made(&self, name: &str, risk: Risk, mut policy: Value) -> Campaign<'_> {
        let mut steps = vec![json!({ "default": "note", "value": name })];
        let manifest: Vec<Value> = (0..6).map(|number| json!({ "dataset": self.dataset(number) })).collect();
        match risk {
            Risk::Low => {}
            Risk::Moderate => steps.push(json!({ "drop": "amount" })),
            Risk::High => policy["dry_run"] = json!({ "datasets": 0 }),
        }
        policy["migration"] = json!(name);
        let body = json!({
            "name": name,
            "module": "columns@1",
            "owner": "pay",
            "params": { "name": name, "steps": steps },
            "selection": { "manifest": manifest },
            "policy": policy,
        });
        let made = self.says("ada", "POST /v1/campaigns", &body).unwrap();
        let id = made["campaign"].as_str().unwrap().to_owned();
        Campaign { office: self, id }
    }

    /// What a command prints for the admin, as people read it.
    pub(crate) fn told(&self, words: &[&str]) -> String {
        let [command, rest @ ..] = words else { return String::new() };
        let call = self.service.site.skein(command).env("SKEIN_SERVER", &self.service.address);
        let call = call.env("SKEIN_TOKEN", &self.admin);
        rest.iter().fold(call, |call, word| call.arg(word)).finish().succeeded().stdout
    }

    pub(crate) fn line(&self, who: &str) -> Line {
        Line { address: self.service.address.clone(), token: self.tokens[who].clone() }
    }

    /// The server is killed and starts again.
    pub(crate) fn dies_and_comes_back(&mut self) {
        self.service.kill_and_start_again_as(asks_for_tokens);
    }

    /// A campaign by its id.
    pub(crate) fn campaign(&self, id: &str) -> Campaign<'_> {
        Campaign { office: self, id: id.to_owned() }
    }
}

/// Somebody at a telephone of their own: what one thread asks while others ask.
pub(crate) struct Line {
    address: String,
    token: String,
}

impl Line {
    pub(crate) fn says(&self, what: &str, body: &Value) -> Result<(), String> {
        let (address, body) = (self.address.trim_start_matches("http://"), body.to_string());
        let head = format!(
            "{what} HTTP/1.1\r\nHost: {address}\r\n{}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            bearer(&self.token),
            body.len()
        );
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let reply = Reply::of(stream);
        match reply.status {
            200 => Ok(()),
            status => Err(format!("{status} {}", reply.json()["code"].as_str().unwrap())),
        }
    }
}

/// A campaign of an office.
pub(crate) struct Campaign<'a> {
    pub(crate) office: &'a Office,
    pub(crate) id: String,
}

impl Campaign<'_> {
    /// Asks for a move, with the state and the plan as they are now.
    pub(crate) fn asks(&self, who: &str, verb: &str, more: Value) -> Result<Value, String> {
        let now = self.shown();
        let mut body = json!({ "expect": now["state"], "plan": now["plan"]["digest"] });
        if now["plan"].is_null() {
            body.as_object_mut().unwrap().remove("plan");
        }
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.office.says(who, &format!("POST /v1/campaigns/{}/actions/{verb}", self.id), &body)
    }

    /// Approves a part.
    pub(crate) fn approves(&self, who: &str, slice: &str) -> Result<String, String> {
        let now = self.asks(who, "approve", json!({ "slice": slice, "reason": "looked at it" }))?;
        Ok(now["state"].as_str().unwrap().to_owned())
    }

    /// All that its plan needs of both teams, whatever the risk.
    pub(crate) fn approved_by_all(&self) {
        for (who, slice) in [("ben", "pay"), ("cy", "shop"), ("cy", "pay"), ("ben", "shop")] {
            let answer = self.approves(who, slice);
            // The second is needed only where the risk is high.
            assert!(
                answer.is_ok() || ["409 SK0420", "403 SK0691"].contains(&&*answer.clone().unwrap_err()),
                "{answer:?}"
            );
        }
        assert_eq!(self.state(), "approved");
    }

    pub(crate) fn plan(&self) {
        self.asks("olga", "plan", json!({})).unwrap();
        // What is planned waits for people a moment later, if it lacks any.
        until("a plan", || match &*self.state() {
            "planned" => {
                self.approvals()["slices"].as_array().unwrap().iter().all(|slice| slice["lacks"].is_null())
            }
            state => state == "awaiting_approval",
        });
        let slices = self.approvals()["slices"].to_string();
        assert!(slices.contains("pay") && slices.contains("shop"), "{slices}");
    }

    pub(crate) fn starts(&self) -> Result<(), String> {
        self.asks("olga", "start", json!({})).map(|_| ())
    }

    pub(crate) fn shown(&self) -> Value {
        self.office.get(&format!("campaigns/{}", self.id))
    }

    pub(crate) fn state(&self) -> String {
        self.shown()["state"].as_str().unwrap().to_owned()
    }

    pub(crate) fn is(&self, state: &str) {
        until(&format!("it is {state}"), || self.state() == state);
    }

    pub(crate) fn approvals(&self) -> Value {
        self.office.get(&format!("campaigns/{}/approvals", self.id))
    }

    /// A part of its plan.
    pub(crate) fn slice(&self, team: &str) -> Value {
        let all = self.approvals();
        let slices = all["slices"].as_array().unwrap();
        slices.iter().find(|slice| slice["team"] == team).unwrap().clone()
    }

    /// Runs over datasets with these numbers: where they are.
    pub(crate) fn runs(&self, numbers: std::ops::Range<usize>) -> Vec<String> {
        let runs = self.office.get(&format!("campaigns/{}/runs", self.id));
        let state = |number: usize| {
            let name = self.office.dataset(number);
            let run = runs["items"].as_array().unwrap().iter().find(|run| run["name"] == *name).unwrap();
            run["state"].as_str().unwrap().to_owned()
        };
        numbers.map(state).collect()
    }

    /// Kinds of what was decided about it.
    pub(crate) fn decided(&self, kind: &str) -> Vec<Value> {
        let events = self.office.get(&format!("audit?subject={}&kind={kind}&limit=1000", self.id));
        events["items"].as_array().unwrap().clone()
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n")
}

pub(crate) fn refused<T: std::fmt::Debug>(what: Result<T, String>, said: &str) {
    assert_eq!(what.unwrap_err(), said);
}
