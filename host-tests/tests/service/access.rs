//! Who is let in and what each may do: every route against every role, from outside.

use std::collections::BTreeMap;

use host_tests::service::Service;
use serde_json::{Value, json};

/// In the order of the columns of [`ROUTES`].
const ROLES: [&str; 6] = ["viewer", "author", "approver", "operator", "platform-admin", "auditor"];

/// Each route of `/v1` with who may ask it: `x` where the role in the team that the thing belongs to is enough. What is about
/// the whole server asks for the role in all teams, so there the columns are of that.
/// `{n}` is another number for each column, so that what is taken away is there for the next one.
const ROUTES: &[(&str, &str, &str, Scope)] = &[
    ("GET /v1/whoami", "", "xxxxxx", Scope::Team),
    // Whoever follows it is whoever asked for it.
    ("POST /v1/portal/links", "", "xxxxxx", Scope::Team),
    ("DELETE /v1/portal/sessions", "", "xxxxxx", Scope::Team),
    ("GET /v1/status", "", "xxxxxx", Scope::Team),
    ("GET /v1/events", "", "xxxxxx", Scope::Team),
    ("GET /v1/audit", "", "....xx", Scope::All),
    ("GET /v1/audit/1", "", "....xx", Scope::All),
    ("GET /v1/audit/records", "", "....xx", Scope::All),
    ("GET /v1/audit/head", "", "....xx", Scope::All),
    ("GET /v1/audit/verification", "", "....xx", Scope::All),
    ("POST /v1/audit/verification", "{}", "....xx", Scope::All),
    ("GET /v1/audit/keys", "", "xxxxxx", Scope::Team),
    ("POST /v1/audit/keys/actions/rotate", "", "....x.", Scope::All),
    // Of a dataset to which nothing was published: whoever may is told so.
    ("GET /v1/statements/orders-000", "", "xxxxxx", Scope::Team),
    ("GET /v1/catalog/entities", "", "xxxxxx", Scope::Team),
    ("GET /metrics", "", "xxxxxx", Scope::All),
    ("POST /v1/backups", r#"{"to":"{data}-backup{n}"}"#, "....x.", Scope::All),
    ("GET /v1/nodes", "", "xxxxxx", Scope::Team),
    ("GET /v1/nodes/local-0", "", "xxxxxx", Scope::Team),
    ("POST /v1/nodes/local-0/actions/cordon", r#"{"reason":"r"}"#, "....x.", Scope::All),
    ("POST /v1/nodes/local-0/actions/uncordon", r#"{"reason":"r"}"#, "....x.", Scope::All),
    ("GET /v1/fleet", "", "xxxxxx", Scope::Team),
    ("POST /v1/fleet/actions/thaw", r#"{"reason":"r"}"#, "....x.", Scope::All),
    ("GET /v1/policies", "", "xxxxxx", Scope::Team),
    ("PUT /v1/policies/new{n}", r#"{"policy":{}}"#, "....x.", Scope::All),
    ("GET /v1/policies/careful", "", "xxxxxx", Scope::Team),
    ("DELETE /v1/policies/careful", "", "....x.", Scope::All),
    ("GET /v1/quotas", "", "xxxxxx", Scope::Team),
    ("GET /v1/quotas/team:pay", "", "xxxxxx", Scope::Team),
    ("GET /v1/quotas/team:pay/explain", "", "xxxxxx", Scope::Team),
    ("PUT /v1/quotas/team:t{n}", r#"{"weight":2}"#, "....x.", Scope::All),
    ("DELETE /v1/quotas/team:pay", "", "....x.", Scope::All),
    ("POST /v1/quotas/actions/apply", r#"{"quotas":[],"dry_run":true}"#, "....x.", Scope::All),
    ("GET /v1/usage?team=pay", "", "xxxxxx", Scope::Team),
    ("GET /v1/teams", "", "xxxxxx", Scope::Team),
    ("GET /v1/teams/pay", "", "xxxxxx", Scope::Team),
    ("PUT /v1/teams/pay", "{}", "....x.", Scope::All),
    ("DELETE /v1/teams/t{n}", "", "....x.", Scope::All),
    ("GET /v1/tokens", "", "....xx", Scope::All),
    (
        "POST /v1/tokens",
        r#"{"name":"n","kind":"service","grants":[{"role":"viewer"}]}"#,
        "....x.",
        Scope::All,
    ),
    ("GET /v1/tokens/{token}", "", "....xx", Scope::All),
    ("DELETE /v1/tokens/{token}/sessions", "", "....x.", Scope::All),
    ("DELETE /v1/tokens/{token}", "", "....x.", Scope::All),
    ("GET /v1/teams/pay/secrets", "", "xxxxxx", Scope::Team),
    ("PUT /v1/teams/pay/secrets/key", "value", ".x.xx.", Scope::Team),
    ("GET /v1/teams/pay/secrets/key", "", "xxxxxx", Scope::Team),
    ("DELETE /v1/teams/pay/secrets/key{n}", "", ".x.xx.", Scope::Team),
    ("GET /v1/modules", "", "xxxxxx", Scope::Team),
    ("GET /v1/modules/columns/versions/1", "", "xxxxxx", Scope::Team),
    ("GET /v1/modules/columns/versions/1/bytes", "", "xxxxxx", Scope::Team),
    ("PUT /v1/modules/columns/versions/1", "{component}", ".x.xx.", Scope::Team),
    ("POST /v1/modules/columns/versions/1/actions/ban", r#"{"reason":"r"}"#, "....x.", Scope::All),
    ("POST /v1/modules/columns/versions/1/actions/restore", r#"{"reason":"r"}"#, "....x.", Scope::All),
    ("GET /v1/datasets", "", "xxxxxx", Scope::Team),
    ("GET /v1/datasets/orders-000", "", "xxxxxx", Scope::Team),
    ("GET /v1/datasets/orders-000/labels", "", "xxxxxx", Scope::Team),
    // Without the version that was seen: whoever may is told so.
    ("PUT /v1/datasets/orders-000/labels", r#"{"labels":{}}"#, "...xx.", Scope::Team),
    ("GET /v1/datasets/orders-000/owner", "", "xxxxxx", Scope::Team),
    ("PUT /v1/datasets/orders-000/owner", r#"{"owner":"pay"}"#, "...xx.", Scope::Team),
    ("POST /v1/datasets/import", "name,path\n", "...xx.", Scope::Team),
    ("GET /v1/datasets/orders-000/history", "", "xxxxxx", Scope::Team),
    ("GET /v1/datasets/orders-000/scrub", "", "xxxxxx", Scope::Team),
    ("POST /v1/datasets/orders-000/scrub", "", "..xxx.", Scope::Team),
    ("GET /v1/datasets/orders-000/export", "", "xxxxxx", Scope::Team),
    ("POST /v1/datasets/orders-000/rollback", r#"{"expect":1}"#, "..xxx.", Scope::Team),
    ("GET /v1/datasets/orders-000/rules", "", "xxxxxx", Scope::Team),
    ("GET /v1/datasets/orders-000/consumers", "", "xxxxxx", Scope::Team),
    (
        "PUT /v1/datasets/orders-000/rules/r{n}",
        r#"{"rule":{"name":"r{n}","reconcile":true}}"#,
        "..xxx.",
        Scope::Team,
    ),
    ("GET /v1/datasets/orders-000/rules/ids", "", "xxxxxx", Scope::Team),
    // Without the version that was seen: whoever may is told so.
    ("DELETE /v1/datasets/orders-000/rules/ids", "", "..xxx.", Scope::Team),
    (
        "PUT /v1/datasets/orders-000/consumers/pay/rules/r{n}",
        r#"{"rule":{"name":"r{n}","reconcile":true}}"#,
        ".x.xx.",
        Scope::Team,
    ),
    ("GET /v1/datasets/orders-000/consumers/pay/rules/ids", "", "xxxxxx", Scope::Team),
    ("DELETE /v1/datasets/orders-000/consumers/pay/rules/ids", "", ".x.xx.", Scope::Team),
    // That it is looked at again: only a person passes it over.
    (
        "PUT /v1/datasets/orders-000/consumers/pay/rules/ids/ignored",
        r#"{"ignored":false,"reason":"r"}"#,
        "..xxx.",
        Scope::Team,
    ),
    // It is not held: whoever may is told so.
    ("POST /v1/campaigns/{planned}/runs/0/actions/release", r#"{"reason":"r"}"#, "..xxx.", Scope::Team),
    ("DELETE /v1/datasets/orders-00{n}", "", "...xx.", Scope::Team),
    ("POST /v1/scans", r#"{"below":"{data}","owner":"pay","look_only":true}"#, "...xx.", Scope::Team),
    ("GET /v1/scans", "", "xxxxxx", Scope::Team),
    ("GET /v1/scans/{scan}", "", "xxxxxx", Scope::Team),
    ("GET /v1/scans/{scan}/found", "", "xxxxxx", Scope::Team),
    ("DELETE /v1/scans/{scan}", "", "...xx.", Scope::Team),
    ("POST /v1/campaigns", r#"{"name":"c","module":"columns@1","owner":"pay"}"#, ".x.xx.", Scope::Team),
    ("GET /v1/campaigns", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/runs", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/events", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/progress", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/report", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/report/datasets", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/report/file?format=json", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/plan", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/samples", "", "xxxxxx", Scope::Team),
    ("GET /v1/approvals", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/approvals", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{campaign}/comments", "", "xxxxxx", Scope::Team),
    ("POST /v1/campaigns/{planned}/comments", r#"{"text":"why?"}"#, "xxxxxx", Scope::Team),
    // The first of these, which is the admin's question. Whoever asked and an approver may, if they are persons: these tokens are programs'.
    ("POST /v1/campaigns/{planned}/comments/1/resolve", "{}", "......", Scope::Team),
    ("POST /v1/campaigns/{planned}/actions/defer", r#"{"expect":"planned"}"#, "..xxx.", Scope::Team),
    ("POST /v1/campaigns/{planned}/actions/decline", r#"{"expect":"planned"}"#, "..xxx.", Scope::Team),
    ("GET /v1/campaigns/{campaign}/attempts", "", "xxxxxx", Scope::Team),
    ("GET /v1/campaigns/{planned}/runs/0/attempts", "", "xxxxxx", Scope::Team),
    ("GET /v1/attempts/{attempt}", "", "xxxxxx", Scope::Team),
    ("GET /v1/attempts/{attempt}/log", "", "xxxxxx", Scope::Team),
    ("GET /v1/attempts/{attempt}/rejects", "", "xxxxxx", Scope::Team),
    // Of a plan, which cannot be repeated: whoever may is told so.
    ("GET /v1/attempts/{attempt}/replay", "", "xxxxxx", Scope::Team),
    ("GET /v1/attempts/{attempt}/module", "", "xxxxxx", Scope::Team),
    // Where the campaign is not: whoever may is told so.
    ("POST /v1/campaigns/{campaign}/actions/plan", r#"{"expect":"halted"}"#, ".x.xx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/start", r#"{"expect":"halted"}"#, "...xx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/resume", r#"{"expect":"halted"}"#, "...xx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/cancel", r#"{"expect":"halted"}"#, "...xx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/retry", r#"{"expect":"halted"}"#, "...xx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/skip", r#"{"expect":"halted"}"#, "...xx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/finalize", r#"{"expect":"halted"}"#, "...xx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/pause", r#"{"expect":"halted"}"#, "..xxx.", Scope::Team),
    ("POST /v1/campaigns/{campaign}/actions/roll_back", r#"{"expect":"halted"}"#, "..xxx.", Scope::Team),
    ("GET /v1/webhooks", "", "xxxxxx", Scope::Team),
    (
        "POST /v1/webhooks",
        r#"{"name":"n","team":"pay","kind":"http","target":"https://a/"}"#,
        ".x.xx.",
        Scope::Team,
    ),
    ("GET /v1/webhooks/{webhook}", "", "xxxxxx", Scope::Team),
    ("PUT /v1/webhooks/{webhook}", r#"{"name":"n"}"#, ".x.xx.", Scope::Team),
    ("POST /v1/webhooks/{webhook}/actions/rotate", "{}", ".x.xx.", Scope::Team),
    ("POST /v1/webhooks/{webhook}/actions/test", "", ".x.xx.", Scope::Team),
    ("GET /v1/webhooks/{webhook}/deliveries", "", "xxxxxx", Scope::Team),
    ("GET /v1/webhooks/{webhook}/deliveries/{delivery}", "", "xxxxxx", Scope::Team),
    ("POST /v1/webhooks/{webhook}/deliveries/{delivery}/actions/redeliver", "", ".x.xx.", Scope::Team),
    // Without the version that was seen: whoever may is told so.
    ("DELETE /v1/webhooks/{webhook}", "", ".x.xx.", Scope::Team),
];

/// Routes without a line. What is asked of the description is the same for everybody; so is whether the server is well; a
/// stream has no end, and what is in it is as in the list; datasets are registered each with its own right; a campaign over a list is made as any other; the others are about what the campaign of these tests has none of, and ask as the list beside them does.
const WITHOUT: [&str; 9] = [
    "GET /v1/openapi.json",
    "GET /v1/docs",
    "GET /v1/health",
    "GET /v1/ready",
    "GET /v1/events/stream",
    "POST /v1/datasets",
    "GET /v1/campaigns/{campaign}/runs/{run}",
    "POST /v1/campaigns/import",
    "GET /v1/campaigns/{campaign}/samples/{seq}",
];

/// Where the role of a column has to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Team,
    All,
}

/// A server that asks for tokens, with a team `pay` that has a module, datasets, a scan and a campaign.
pub(super) struct Guarded {
    pub(super) service: Service,
    pub(super) admin: String,
    /// What stands for a name in a path or body.
    names: BTreeMap<&'static str, String>,
}

impl Guarded {
    pub(super) fn start() -> Self {
        let service = Service::start_as(8, |call, site| {
            let settings = site.path("skein.toml");
            let roots = format!("[roots]\npay = [{:?}]\n", site.path("data"));
            std::fs::write(&settings, roots).unwrap();
            call.arg("--access").arg("tokens").arg("--config").arg(settings)
        });
        let path = service.site.path("server/admin-token");
        let admin = std::fs::read_to_string(path).unwrap().trim().to_owned();
        let names = BTreeMap::from([("data", service.site.path("data").display().to_string())]);
        let mut guarded = Self { service, admin, names };
        guarded.fill();
        guarded
    }

    fn fill(&mut self) {
        let admin = self.admin.clone();
        for team in ["pay", "shop", "t0", "t1", "t2", "t3", "t4", "t5"] {
            self.done(&admin, &format!("PUT /v1/teams/{team}"), "{}");
        }
        let all = |name: &str| {
            let location = self.service.site.path("data").join(name).display().to_string();
            json!({ "name": name, "location": location, "owner": "pay" })
        };
        let datasets: Vec<Value> = (0..8).map(|n| all(&format!("orders-00{n}"))).collect();
        let added = self.done(&admin, "POST /v1/datasets", &json!({ "datasets": datasets }).to_string());
        assert!(added["datasets"].to_string().contains("added"), "{added}");
        for name in ["key", "key0", "key1", "key2", "key3", "key4", "key5", "key7"] {
            self.done(&admin, &format!("PUT /v1/teams/pay/secrets/{name}"), "value");
        }
        self.done(&admin, "PUT /v1/quotas/team:pay", r#"{"bounds":{"slots":{"guaranteed":1}}}"#);
        self.done(&admin, "PUT /v1/policies/careful", r#"{"policy":{"budget":{"runs":1}}}"#);
        for whose in ["", "/consumers/pay"] {
            let rule = r#"{"rule":{"name":"ids","not_null":["id"]}}"#;
            self.done(&admin, &format!("PUT /v1/datasets/orders-000{whose}/rules/ids"), rule);
        }
        super::until("a node is there", || {
            self.done(&admin, "GET /v1/nodes", "").to_string().contains("local-0")
        });
        self.service.gets_artifacts();
        let component = std::fs::read(host_tests::guests::component("columns")).unwrap();
        let (status, made) = self.service.send(
            "PUT /v1/modules/columns/versions/1",
            &format!("{}Skein-Team: pay\r\nPrefer: wait=100\r\n", bearer(&admin)),
            &component,
        );
        assert_eq!((status, &made["state"]), (201, &json!("ready")), "{made}");
        let body = format!(r#"{{"below":{:?},"owner":"pay","look_only":true}}"#, self.names["data"]);
        let scan = self.done(&admin, "POST /v1/scans", &body);
        self.names.insert("scan", scan["scan"].as_str().unwrap().to_owned());
        let body = r#"{"name":"c","module":"columns@1","owner":"pay"}"#;
        let campaign = self.done(&admin, "POST /v1/campaigns", body);
        self.names.insert("campaign", campaign["campaign"].as_str().unwrap().to_owned());
        let body = r#"{"name":"ops","team":"pay","kind":"http","target":"https://192.0.2.1/"}"#;
        let made = self.done(&admin, "POST /v1/webhooks", body);
        let webhook = made["webhook"]["webhook"].as_str().unwrap().to_owned();
        let test = self.done(&admin, &format!("POST /v1/webhooks/{webhook}/actions/test"), "");
        self.names.insert("delivery", test["delivery"].as_str().unwrap().to_owned());
        self.names.insert("webhook", webhook);
        self.plan();
    }

    /// Another campaign, of which there are runs and attempts.
    fn plan(&mut self) {
        let admin = self.admin.clone();
        let params = json!({ "name": "x", "steps": [{ "drop": "note" }] });
        let body = json!({ "name": "c", "module": "columns@1", "owner": "pay", "params": params });
        let made = self.done(&admin, "POST /v1/campaigns", &body.to_string());
        let id = made["campaign"].as_str().unwrap().to_owned();
        let at = format!("/v1/campaigns/{id}");
        self.done(&admin, &format!("POST {at}/actions/plan"), r#"{"expect":"draft"}"#);
        self.is_planned(&at);
        let attempts = self.done(&admin, &format!("GET {at}/attempts"), "");
        self.names.insert("attempt", attempts["items"][0]["attempt"].as_str().unwrap().to_owned());
        self.names.insert("planned", id);
    }

    /// Waits for a campaign's plan, whether somebody has to approve it or not.
    pub(super) fn is_planned(&self, at: &str) {
        super::until("a plan is made", || {
            let state = self.done(&self.admin, &format!("GET {at}"), "")["state"].clone();
            state == "planned" || state == "awaiting_approval"
        });
    }

    /// Starts a campaign, after two persons have approved what its plan needs of them.
    pub(super) fn starts(&self, at: &str) {
        let there = || self.done(&self.admin, &format!("GET {at}"), "");
        for name in ["ann", "bob"] {
            let lacking = self.done(&self.admin, &format!("GET {at}/approvals"), "")["slices"].clone();
            let lacking = lacking.as_array().unwrap().iter().filter(|slice| !slice["lacks"].is_null());
            let teams: Vec<Value> = lacking.map(|slice| slice["team"].clone()).collect();
            if teams.is_empty() {
                break;
            }
            let body = json!({ "name": name, "kind": "person", "grants": [{ "role": "approver" }] });
            let issued = self.done(&self.admin, "POST /v1/tokens", &body.to_string());
            for team in teams {
                let body = json!({ "expect": "awaiting_approval", "plan": there()["plan"]["digest"], "slice": team });
                let what = format!("POST {at}/actions/approve");
                self.done(issued["secret"].as_str().unwrap(), &what, &body.to_string());
            }
        }
        let body = json!({ "expect": there()["state"] });
        self.done(&self.admin, &format!("POST {at}/actions/start"), &body.to_string());
    }

    #[track_caller]
    pub(super) fn done(&self, token: &str, what: &str, body: &str) -> Value {
        let (status, answer) = self.ask(token, what, body.as_bytes());
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    }

    pub(super) fn ask(&self, token: &str, what: &str, body: &[u8]) -> (u16, Value) {
        self.service.send(what, &bearer(token), body)
    }

    /// A new token's id and secret.
    pub(super) fn token(&self, team: Option<&str>, role: &str) -> (String, String) {
        let body = json!({
            "name": format!("{role} of {team:?}"),
            "kind": "service",
            "grants": [{ "team": team, "role": role }],
        });
        let issued = self.done(&self.admin, "POST /v1/tokens", &body.to_string());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&issued["token"]["token"]), text(&issued["secret"]))
    }

    /// A line of the table as a request, for a column.
    fn request(&self, (what, body): (&str, &str), column: usize) -> (String, Vec<u8>) {
        let filled = |text: &str| {
            let mut text = text.replace("{n}", &column.to_string());
            for (name, value) in &self.names {
                text = text.replace(&format!("{{{name}}}"), value);
            }
            match text.contains("{token}") {
                true => text.replace("{token}", &self.token(Some("pay"), "viewer").0),
                false => text,
            }
        };
        let body = match body {
            "{component}" => std::fs::read(host_tests::guests::component("columns")).unwrap(),
            text => filled(text).into_bytes(),
        };
        (filled(what), body)
    }
}

pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[test]
fn every_route_lets_in_the_roles_of_its_line_and_no_other() {
    let guarded = Guarded::start();
    let in_team: Vec<String> = ROLES.iter().map(|role| guarded.token(Some("pay"), role).1).collect();
    let in_all: Vec<String> = ROLES.iter().map(|role| guarded.token(None, role).1).collect();
    let comments = format!("POST /v1/campaigns/{}/comments", guarded.names["planned"]);
    guarded.done(&guarded.admin, &comments, r#"{"text":"why?","question":true}"#);
    for (what, body, columns, scope) in ROUTES {
        let tokens = if *scope == Scope::Team { &in_team } else { &in_all };
        let is: String = (0..ROLES.len())
            .map(|column| {
                let (what, body) = guarded.request((what, body), column);
                let (status, answer) = guarded.ask(&tokens[column], &what, &body);
                match (status, answer["code"].as_str()) {
                    (403, Some("SK0691")) => '.',
                    (403 | 401, _) | (404, Some("SK0680")) | (500.., _) => {
                        panic!("{what}: {status} {answer}")
                    }
                    _ => 'x',
                }
            })
            .collect();
        assert_eq!(&is, columns, "{what}");
    }
}

/// Whether a line of the table asks for a route as it is described.
fn asks_for(line: &str, described: &str) -> bool {
    let path = line.split('?').next().unwrap_or_default();
    let (line, described): (Vec<_>, Vec<_>) = (path.split('/').collect(), described.split('/').collect());
    let alike = |(said, name): (&&str, &&str)| name.starts_with('{') || said == name;
    line.len() == described.len() && line.iter().zip(&described).all(alike)
}

#[test]
fn every_route_that_is_described_has_its_line_and_every_line_its_route() {
    let service = Service::start(0);
    let document = service.get("/v1/openapi.json");
    let described: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let has_line = |route: &&String| ROUTES.iter().any(|(line, ..)| asks_for(line, route));
    let without: Vec<&String> = described.iter().filter(|route| !has_line(route)).collect();
    assert!(without.iter().all(|route| WITHOUT.contains(&route.as_str())), "{without:#?}");
    for (line, ..) in ROUTES {
        assert!(described.iter().any(|route| asks_for(line, route)), "{line} is not described");
    }
}

#[test]
fn what_is_about_the_whole_server_needs_more_than_a_team() {
    let guarded = Guarded::start();
    let token = guarded.token(Some("pay"), "platform-admin").1;
    for (what, body, ..) in ROUTES.iter().filter(|(.., scope)| *scope == Scope::All) {
        let (what, body) = guarded.request((what, body), 0);
        let (status, answer) = guarded.ask(&token, &what, &body);
        // A team that is not its own is not there for it.
        let hidden = what.contains("/teams/t0") && status == 404;
        assert!(hidden || (status, &answer["code"]) == (403, &json!("SK0691")), "{what}: {status} {answer}");
    }
}

#[test]
fn another_teams_things_are_not_there() {
    let guarded = Guarded::start();
    let stranger = guarded.token(Some("shop"), "platform-admin").1;
    for (what, body, _, scope) in ROUTES {
        let names_a_thing =
            ["pay", "columns", "orders", "{scan}", "{campaign}", "{planned}", "{attempt}", "{webhook}"];
        if *scope == Scope::All
            || !names_a_thing.iter().any(|name| what.contains(name))
            || what.starts_with("PUT")
        {
            continue;
        }
        let (what, body) = guarded.request((what, body), 7);
        let (status, answer) = guarded.ask(&stranger, &what, &body);
        assert_eq!((status, &answer["code"]), (404, &json!("SK0680")), "{what}: {answer}");
        // The same words as for what nobody has.
        let nowhere = what.replace("orders-00", "orders-99");
        let nowhere =
            nowhere.replace("teams/pay", "teams/nobodys").replace("consumers/pay", "consumers/nobodys");
        if nowhere != what {
            let (_, other) = guarded.ask(&stranger, &nowhere, &body);
            let said = |answer: &Value| answer["detail"].as_str().unwrap().to_owned();
            let alike = said(&answer).replace("orders-00", "orders-99").replace("pay", "nobodys");
            assert_eq!(alike, said(&other), "{what}");
        }
    }
    for list in ["modules", "datasets", "scans", "campaigns", "webhooks"] {
        let listed = guarded.done(&stranger, &format!("GET /v1/{list}"), "");
        assert_eq!(listed["items"], json!([]), "{list}");
    }
    let listed = guarded.done(&stranger, "GET /v1/teams", "");
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    // Nor can it put its hand on what is the other's.
    let data = guarded.service.site.path("data").join("orders-000").display().to_string();
    let grab = json!({ "datasets": [{ "name": "mine", "location": data, "owner": "shop" }] });
    let (_, answer) = guarded.ask(&stranger, "POST /v1/datasets", grab.to_string().as_bytes());
    assert!(
        answer.to_string().contains("\"SK0691\"") || answer.to_string().contains("\"SK0697\""),
        "{answer}"
    );
}

#[test]
fn what_the_server_and_its_nodes_did_in_all_is_for_who_sees_all_teams() {
    let guarded = Guarded::start();
    let [all, pay, shop] = [None, Some("pay"), Some("shop")].map(|team| guarded.token(team, "viewer").1);
    let status = |token: &str| guarded.done(token, "GET /v1/status", "");
    let whole = status(&all);
    assert!(whole["whole"]["ledger"]["position"].as_u64().unwrap() > 0, "{whole}");
    assert!(!whole["nodes"][0]["seat"]["whole"]["finished"].is_null(), "{whole}");
    for (token, campaigns) in [(&pay, 2), (&shop, 0)] {
        let told = status(token);
        assert_eq!((&told["version"], &told["waits"]), (&whole["version"], &whole["waits"]));
        assert_eq!(told["under_way"]["campaigns"], campaigns, "{told}");
        assert!(!told["nodes"][0]["seat"].is_null(), "{told}");
        let nodes = ["nodes", "nodes/local-0"].map(|at| guarded.done(token, &format!("GET /v1/{at}"), ""));
        for told in [&told].into_iter().chain(&nodes) {
            assert!(!told.to_string().contains("\"whole\""), "{told}");
        }
        let browser = guarded.service.browser_of(token);
        let pages = ["/health", "/fleet", "/"].map(|path| browser.page(path));
        for page in &pages {
            assert!(page.contains("for those who may see all of them"), "{page}");
        }
        assert!(!pages[0].contains("exchanges with nodes") && !pages[1].contains("aria-label=\"Memory of"));
    }
    let page = guarded.service.browser_of(&all).page("/health");
    assert!(page.contains("exchanges with nodes") && !page.contains("for those who may see all"), "{page}");
}

#[test]
fn that_a_version_is_taken_is_all_that_another_team_learns_of_it() {
    let guarded = Guarded::start();
    let stranger = guarded.token(Some("shop"), "author").1;
    let component = std::fs::read(host_tests::guests::component("columns")).unwrap();
    let put = "PUT /v1/modules/columns/versions/1";
    // Whether the bytes are those that are there or not.
    let (status, other) = guarded.ask(&stranger, put, b"other bytes");
    assert_eq!(
        (status, &other["code"], &other["detail"]),
        (409, &json!("SK0683"), &json!("columns 1 is taken"))
    );
    let (status, mut same) = guarded.ask(&stranger, put, &component);
    same["trace"] = other["trace"].clone();
    assert_eq!((status, &same), (409, &other));
    // Who may see it is told what is there, and that it is the same.
    let own = guarded.token(Some("pay"), "author").1;
    let (status, answer) = guarded.ask(&own, put, b"other bytes");
    assert_eq!((status, &answer["code"]), (409, &json!("SK0683")));
    assert!(answer["detail"].as_str().unwrap().starts_with("columns 1 is sha256:"), "{answer}");
    let (status, answer) = guarded.ask(&own, put, &component);
    assert_eq!((status, &answer["owner"]), (200, &json!("pay")), "{answer}");
}

#[test]
fn tokens_that_do_not_count_are_told_why_and_nothing_is_read_of_them() {
    let guarded = Guarded::start();
    let refused = |head: &str, said: &str| {
        let (status, answer) = guarded.service.send("GET /v1/campaigns", head, b"");
        assert_eq!((status, &answer["code"]), (401, &json!("SK0690")), "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(said), "{answer}");
    };
    refused("", "a token is needed here");
    refused(&bearer("skn_0000"), "is not known");
    refused("Authorization: Digest x\r\n", "holds no token");
    let (id, secret) = guarded.token(Some("pay"), "viewer");
    guarded.done(&secret, "GET /v1/campaigns", "");
    guarded.done(&secret, &format!("DELETE /v1/tokens/{id}"), "");
    refused(&bearer(&secret), "was revoked");
    let body = r#"{"name":"n","kind":"person","grants":[{"role":"viewer"}],"expires_in_ms":0}"#;
    let issued = guarded.done(&guarded.admin, "POST /v1/tokens", body);
    refused(&bearer(issued["secret"].as_str().unwrap()), "has expired");
    // Its secret is nowhere but in the answer.
    let shown = guarded.done(&guarded.admin, "GET /v1/tokens", "").to_string();
    let events = guarded.done(&guarded.admin, "GET /v1/events", "").to_string();
    assert!(!shown.contains(&secret) && !events.contains(&secret));
}

#[test]
fn the_last_admin_cannot_lock_everybody_out() {
    let guarded = Guarded::start();
    let listed = guarded.done(&guarded.admin, "GET /v1/tokens", "");
    let first = listed["items"][0]["token"].as_str().unwrap().to_owned();
    let (status, answer) = guarded.ask(&guarded.admin, &format!("DELETE /v1/tokens/{first}"), b"");
    assert_eq!((status, &answer["code"]), (409, &json!("SK0694")), "{answer}");
    let (_, other) = guarded.token(None, "platform-admin");
    guarded.done(&other, &format!("DELETE /v1/tokens/{first}"), "");
}

#[test]
fn a_setting_is_replaced_only_by_who_saw_it() {
    let guarded = Guarded::start();
    let put = |head: &str| {
        let head = format!("{}{head}", bearer(&guarded.admin));
        guarded.service.send("PUT /v1/policies/careful", &head, br#"{"policy":{},"note":"n"}"#)
    };
    let version = guarded.done(&guarded.admin, "GET /v1/policies/careful", "")["version"].as_u64().unwrap();
    let (status, answer) = put("");
    assert_eq!((status, &answer["code"]), (428, &json!("SK0693")), "{answer}");
    let (status, answer) = put("If-Match: \"1\"\r\n");
    assert_eq!((status, &answer["code"]), (412, &json!("SK0692")), "{answer}");
    let (status, answer) = put(&format!("If-Match: \"{version}\"\r\n"));
    assert_eq!(status, 200, "{answer}");
    assert!(answer["version"].as_u64().unwrap() > version, "{answer}");
    // A campaign is made with a policy by its name, and not with two.
    let body = r#"{"name":"c","module":"columns@1","owner":"pay","policy_named":"careful"}"#;
    let made = guarded.done(&guarded.admin, "POST /v1/campaigns", body);
    assert_eq!(made["owner"], "pay");
    let body =
        r#"{"name":"c","module":"columns@1","owner":"pay","policy_named":"careful","policy":{"again":true}}"#;
    let (status, answer) = guarded.ask(&guarded.admin, "POST /v1/campaigns", body.as_bytes());
    assert_eq!((status, &answer["code"]), (400, &json!("SK0664")), "{answer}");
    let body = r#"{"name":"c","module":"columns@1","owner":"pay","policy_named":"unknown"}"#;
    let (status, _) = guarded.ask(&guarded.admin, "POST /v1/campaigns", body.as_bytes());
    assert_eq!(status, 404);
}

#[test]
fn a_team_and_a_secret_are_replaced_and_removed_only_as_they_were_seen_by_who_says_how() {
    let guarded = Guarded::start();
    for (at, body, other) in
        [("teams/t0", r#"{"note":"one"}"#, r#"{"note":"two"}"#), ("teams/pay/secrets/key", "one", "two")]
    {
        let ask = |method: &str, tag: &str, body: &str| {
            let tag = if tag.is_empty() { String::new() } else { format!("If-Match: {tag}\r\n") };
            let head = format!("{}{tag}", bearer(&guarded.admin));
            guarded.service.ask(&format!("{method} /v1/{at}"), &head, body.as_bytes())
        };
        let seen = ask("GET", "", "").header("etag").unwrap().to_owned();
        let set = ask("PUT", &seen, body);
        let tag = set.header("etag").unwrap().to_owned();
        assert!(
            set.status == 200 && tag != seen && ask("GET", "", "").header("etag") == Some(&*tag),
            "{set:?}"
        );
        for (method, body) in [("PUT", other), ("DELETE", "")] {
            let stale = ask(method, &seen, body);
            assert_eq!((stale.status, &stale.json()["code"]), (412, &json!("SK0692")), "{stale:?}");
        }
        assert_eq!(ask("GET", "", "").header("etag"), Some(&*tag));
        // Without a word, whatever is there.
        assert_eq!(ask("PUT", "", other).status, 200);
        let now = ask("GET", "", "").header("etag").unwrap().to_owned();
        assert_eq!((ask("DELETE", &now, "").status, ask("GET", "", "").status), (200, 404), "{at}");
    }
}

#[test]
fn a_frozen_fleet_begins_nothing_until_it_is_thawed_and_a_banned_module_runs_nowhere() {
    let guarded = Guarded::start();
    let reason = r#"{"reason":"a new disk"}"#;
    let frozen = guarded.done(&guarded.admin, "POST /v1/fleet/actions/freeze", reason);
    assert_eq!((&frozen["frozen"], &frozen["reason"]), (&json!(true), &json!("a new disk")));
    let body =
        r#"{"name":"c","module":"columns@1","owner":"pay","params":{"name":"x","steps":[{"drop":"note"}]}}"#;
    let made = guarded.done(&guarded.admin, "POST /v1/campaigns", body);
    let at = format!("/v1/campaigns/{}", made["campaign"].as_str().unwrap());
    guarded.done(&guarded.admin, &format!("POST {at}/actions/plan"), r#"{"expect":"draft"}"#);
    // Nodes speak at least every 1.5 s; what was going to begin would have.
    let heard =
        || guarded.done(&guarded.admin, "GET /v1/status", "")["whole"]["work"]["exchanges"].as_u64().unwrap();
    let before = heard();
    super::until("nodes have asked for work some times", || heard() > before + 6);
    let state = || guarded.done(&guarded.admin, &format!("GET {at}"), "")["state"].clone();
    assert_eq!(state(), "planning");
    guarded.done(&guarded.admin, "POST /v1/fleet/actions/thaw", reason);
    guarded.is_planned(&at);
    guarded.done(&guarded.admin, "POST /v1/modules/columns/versions/1/actions/ban", reason);
    let (status, answer) = guarded.ask(&guarded.admin, "POST /v1/campaigns", body.as_bytes());
    assert_eq!((status, &answer["code"]), (403, &json!("SK0696")), "{answer}");
}

/// Whether a file below a directory has these bytes in it.
pub(crate) fn any_holds(dir: &std::path::Path, what: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => any_holds(&path, what),
            // What is gone by now holds nothing.
            false => std::fs::read(&path).unwrap_or_default().windows(what.len()).any(|some| some == what),
        }
    })
}

#[test]
fn a_secret_reaches_the_module_and_nothing_that_is_kept() {
    const CANARY: &str = "canary-6f1d2c-of-a-key";
    let guarded = Guarded::start();
    let campaign = |named: &str| {
        let params = json!({ "name": "hashed", "steps": [{ "hash": "note", "key": { "$secret": named } }] });
        let body = json!({ "name": "c", "module": "columns@1", "owner": "pay", "params": params });
        guarded.ask(&guarded.admin, "POST /v1/campaigns", body.to_string().as_bytes())
    };
    let (status, answer) = campaign("hash-key");
    assert_eq!((status, &answer["code"]), (400, &json!("SK0212")), "{answer}");
    let set = guarded.done(&guarded.admin, "PUT /v1/teams/pay/secrets/hash-key", CANARY);
    assert!(!set.to_string().contains(CANARY), "{set}");
    let (status, made) = campaign("hash-key");
    assert_eq!(status, 200, "{made}");
    let at = format!("/v1/campaigns/{}", made["campaign"].as_str().unwrap());
    let state = || guarded.done(&guarded.admin, &format!("GET {at}"), "")["state"].clone();
    guarded.done(&guarded.admin, &format!("POST {at}/actions/plan"), r#"{"expect":"draft"}"#);
    guarded.is_planned(&at);
    // Set anew meanwhile: the campaign has the value that it was made with.
    guarded.done(&guarded.admin, "PUT /v1/teams/pay/secrets/hash-key", "another");
    guarded.starts(&at);
    super::until("all runs are published", || state() == "soaking");
    let shown = guarded.done(&guarded.admin, &format!("GET {at}"), "");
    assert_eq!(shown["runs"]["published"], 8, "{shown}");
    assert!(!any_holds(guarded.service.site.path("server").as_path(), CANARY.as_bytes()));
    assert!(!any_holds(guarded.service.site.path("data").as_path(), CANARY.as_bytes()));
    assert!(!guarded.service.said(CANARY));
}
