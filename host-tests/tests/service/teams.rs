//! What a team must not learn, see or take of another's, asked from outside.

use host_tests::fixture;
use serde_json::{Value, json};

use super::access::{Guarded, any_holds, bearer};

impl Guarded {
    /// A token with several grants.
    fn granted(&self, grants: &[(&str, &str)]) -> String {
        let grant = |(team, role): &(&str, &str)| json!({ "team": team, "role": role });
        let grants: Vec<Value> = grants.iter().map(grant).collect();
        let body = json!({ "name": "n", "kind": "person", "grants": grants });
        self.done(&self.admin, "POST /v1/tokens", &body.to_string())["secret"].as_str().unwrap().to_owned()
    }

    fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(token, &format!("POST {path}"), body.to_string().as_bytes())
    }

    fn data(&self, name: &str) -> String {
        self.service.site.path("data").join(name).display().to_string()
    }

    /// The module of team `pay`, as one of team `shop` under a name of its own.
    fn shared_module(&self) {
        let component = std::fs::read(host_tests::guests::component("columns")).unwrap();
        let head = format!("{}Skein-Team: shop\r\nPrefer: wait=100\r\n", bearer(&self.admin));
        let (status, made) = self.service.send("PUT /v1/modules/own/versions/1", &head, &component);
        assert_eq!((status, &made["state"]), (201, &json!("ready")), "{made}");
    }

    /// A campaign of team `shop` over what is selected.
    fn composed(&self, token: &str, selection: &Value) -> (u16, Value) {
        let params = json!({ "name": "x", "steps": [{ "drop": "note" }] });
        let body = json!({ "name": "c", "module": "own@1", "owner": "shop", "params": params, "selection": selection });
        self.post(token, "/v1/campaigns", &body)
    }

    /// Where a campaign is when it has been planned.
    fn planned(&self, token: &str, campaign: &Value) -> String {
        let at = format!("/v1/campaigns/{}", campaign["campaign"].as_str().unwrap());
        self.done(token, &format!("POST {at}/actions/plan"), r#"{"expect":"draft"}"#);
        let state = || self.done(token, &format!("GET {at}"), "")["state"].as_str().unwrap().to_owned();
        super::until("the plan has ended", || state() != "planning");
        at
    }
}

fn said(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

#[test]
fn a_campaign_is_over_datasets_of_teams_for_which_its_maker_may_plan_and_no_others() {
    let guarded = Guarded::start();
    guarded.shared_module();
    let author = guarded.granted(&[("shop", "author")]);
    for selection in [
        json!({ "owners": ["nosuch"] }),
        json!({ "owners": ["pay"] }),
        json!({ "owners": ["shop", "pay"] }),
        json!({ "owner": "pay" }),
    ] {
        assert_eq!(said(&guarded.composed(&author, &selection)), (404, "SK0680"), "{selection}");
    }
    // What is seen may not be planned over yet: a plan shows rows of it in this team's name.
    let viewer_too = guarded.granted(&[("shop", "author"), ("pay", "viewer")]);
    for selection in [json!({ "owners": ["pay"] }), json!({ "manifest": [{ "dataset": "orders-000" }] })] {
        assert_eq!(said(&guarded.composed(&viewer_too, &selection)), (403, "SK0691"), "{selection}");
    }
    for (token, selection) in [
        (&author, json!({})),
        (&author, json!({ "owners": [] })),
        (&viewer_too, json!({ "names": ["orders-*"] })),
    ] {
        let (status, made) = guarded.composed(token, &selection);
        assert_eq!(status, 200, "{made}");
        let at = guarded.planned(token, &made);
        let shown = guarded.done(token, &format!("GET {at}"), "");
        assert_eq!(shown["state"], "plan_failed", "{selection}: {shown}");
        assert_eq!(guarded.done(token, &format!("GET {at}/samples"), "")["items"], json!([]));
    }
    let globs: Vec<String> = (0..65).map(|n| format!("{n}*")).collect();
    assert_eq!(said(&guarded.composed(&author, &json!({ "names": globs }))), (400, "SK0664"));
}

#[test]
fn who_sees_a_campaign_over_two_teams_sees_rows_of_its_own_and_what_it_is_about_by_its_own_names() {
    let guarded = Guarded::start();
    guarded.shared_module();
    let both = guarded.granted(&[("shop", "author"), ("pay", "author")]);
    let (status, made) = guarded.composed(&both, &json!({}));
    assert_eq!(status, 200, "{made}");
    let at = guarded.planned(&both, &made);
    let shop = guarded.granted(&[("shop", "operator")]);
    let shown = guarded.done(&shop, &format!("GET {at}"), "");
    assert_eq!((&shown["state"], &shown["datasets"]), (&json!("awaiting_approval"), &json!(8)), "{shown}");
    let samples = guarded.done(&shop, &format!("GET {at}/samples"), "");
    let sample = format!("GET {at}/samples/{}", samples["items"][0]["seq"]);
    assert_eq!(guarded.ask(&both, &sample, b"").0, 200);
    let start = format!("POST {at}/actions/start");
    for (what, body) in [(&sample, ""), (&start, r#"{"expect":"awaiting_approval"}"#)] {
        let answer = guarded.ask(&shop, what, body.as_bytes());
        assert_eq!(said(&answer), (403, "SK0691"), "{answer:?}");
        assert!(!answer.1.to_string().contains("pay"), "{answer:?}");
    }
    // One module, two names.
    let called = |token: &str| guarded.done(token, &format!("GET {at}/report"), "")["module_name"].clone();
    assert_eq!(called(&shop), "own@1");
    assert_eq!(called(&guarded.admin), "columns@1");
    let digest = guarded.done(&shop, "GET /v1/modules/own/versions/1", "")["digest"].clone();
    let by = |module: &Value| {
        guarded.post(&shop, "/v1/campaigns", &json!({ "name": "c", "module": module, "owner": "shop" }))
    };
    assert_eq!(by(&digest).0, 200);
    let strip = |answer: (u16, Value), named: &str| {
        let text = |key: &str| answer.1[key].to_string().replace(named, "NAME");
        (answer.0, text("detail"), text("hint"), text("code"))
    };
    let (hidden, missing) = (json!("columns@1"), json!("nosuch@1"));
    assert_eq!(strip(by(&hidden), "columns@1"), strip(by(&missing), "nosuch@1"));
    // What becomes of it is the business of both.
    let reason = r#"{"reason":"it leaks"}"#;
    guarded.done(&guarded.admin, "POST /v1/modules/columns/versions/1/actions/ban", reason);
    for token in [&shop, &both] {
        let events = guarded.done(token, "GET /v1/events?kind=module.banned", "");
        assert_eq!(events["items"].as_array().unwrap().len(), 1, "{events}");
    }
}

#[test]
fn a_place_is_looked_at_only_for_who_may_have_it() {
    let guarded = Guarded::start();
    let add = |token: &str, location: &str| {
        let body = json!({ "datasets": [{ "name": "n", "location": location, "owner": "pay" }] });
        guarded.post(token, "/v1/datasets", &body).1["datasets"][0]["refused"].clone()
    };
    let (viewer, operator) = (guarded.granted(&[("pay", "viewer")]), guarded.granted(&[("pay", "operator")]));
    let outside = [guarded.service.site.path("server").display().to_string(), "/nowhere/at/all".to_owned()];
    let inside = [guarded.data("orders-000"), guarded.data("nowhere")];
    for location in inside.iter().chain(&outside) {
        assert_eq!(add(&viewer, location)["code"], "SK0691", "{location}");
    }
    for location in &outside {
        let why = add(&operator, location);
        let message = format!("{location} is not below a directory of team pay");
        assert_eq!((&why["code"], &why["message"]), (&json!("SK0697"), &json!(message)), "{why}");
        let head = format!("{}Content-Type: text/csv\r\n", bearer(&operator));
        let list = format!("name,path,owner\nn,{location},pay\n");
        let (_, answer) = guarded.service.send("POST /v1/datasets/import", &head, list.as_bytes());
        assert!(answer.to_string().contains(&message), "{answer}");
    }
    assert_eq!(add(&operator, &inside[1])["code"], "SK0501");
}

#[test]
fn a_taken_name_a_page_and_a_receiver_tell_nothing_of_others() {
    const KEY: &str = "canary-77aa-of-a-path";
    let guarded = Guarded::start();
    for name in ["of-shop", "of-pay"] {
        let dataset = guarded.service.site.directory(&format!("data/{name}"));
        fixture::write(&dataset.join("part.parquet"), &fixture::orders(0, 40), 30);
    }
    let add = |token: &str, name: &str, place: &str, owner: &str| {
        let body = json!({ "datasets": [{ "name": name, "location": guarded.data(place), "owner": owner }] });
        guarded.post(token, "/v1/datasets", &body).1
    };
    let made = add(&guarded.admin, "shops", "of-shop", "shop");
    let id = made["datasets"][0]["added"].as_str().unwrap().to_owned();
    let operator = guarded.granted(&[("pay", "operator")]);
    let taken = add(&operator, "shops", "of-pay", "pay");
    assert_eq!(taken["datasets"][0]["refused"]["code"], "SK0682", "{taken}");
    assert!(!taken.to_string().contains(&id) && !taken.to_string().contains("shop\""), "{taken}");
    assert!(add(&guarded.admin, "shops", "of-pay", "pay").to_string().contains(&id));

    for team in ["shop", "t0", "t1"] {
        guarded.done(&guarded.admin, &format!("PUT /v1/quotas/team:{team}"), r#"{"weight":2}"#);
    }
    let viewer = guarded.granted(&[("shop", "viewer")]);
    let page = guarded.done(&viewer, "GET /v1/quotas?limit=1", "");
    assert_eq!((&page["items"][0]["of"], &page["next"]), (&json!("team:shop"), &Value::Null), "{page}");

    let refused = guarded.ask(&guarded.admin, "PUT /v1/teams/local", b"{}");
    assert_eq!(said(&refused), (400, "SK0664"));

    let url = format!("https://192.0.2.1/in/{KEY}");
    let body = json!({ "name": "n", "team": "pay", "kind": "http", "target": url });
    let made = guarded.done(&guarded.admin, "POST /v1/webhooks", &body.to_string());
    assert_eq!(made["webhook"]["target"], "https://192.0.2.1/…");
    for path in ["/v1/webhooks", "/v1/events?limit=1000", "/v1/audit?limit=1000"] {
        assert!(
            !guarded.done(&guarded.admin, &format!("GET {path}"), "").to_string().contains(KEY),
            "{path}"
        );
    }
    assert!(!any_holds(guarded.service.site.path("server").as_path(), KEY.as_bytes()));
}

#[test]
fn of_a_refused_module_the_verdict_is_kept_and_not_its_bytes() {
    let guarded = Guarded::start();
    let bytes = b"no component at all, but some bytes of it";
    let head = format!("{}Skein-Team: shop\r\nPrefer: wait=100\r\n", bearer(&guarded.admin));
    for (version, status) in [("1", 201), ("1", 200), ("2", 201)] {
        let what = format!("PUT /v1/modules/junk/versions/{version}");
        let answer = guarded.service.send(&what, &head, bytes);
        assert_eq!((answer.0, &answer.1["state"]), (status, &json!("refused")), "{answer:?}");
        super::until("the bytes are gone", || {
            !any_holds(guarded.service.site.path("server/modules").as_path(), bytes)
        });
    }
}
