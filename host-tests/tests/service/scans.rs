//! Scans whose paths say whose a dataset is and how it is labelled, where a server asks for tokens.

use host_tests::service::Service;
use host_tests::{Call, fixture};
use serde_json::{Value, json};

/// A place with what two teams have, and with what fits no layout.
struct Lake {
    service: Service,
    admin: String,
}

const FILES: [&str; 5] = [
    "pay/eu/orders/part.parquet",
    "shop/us/old/carts/part.parquet",
    "ghost/eu/orders/part.parquet",
    "pay/flat/part.parquet",
    "loose.parquet",
];
const LAYOUT: &str = "{owner}/{label:region}/**";

impl Lake {
    fn start() -> Self {
        let service = Service::start_as(0, |call, site| {
            for file in FILES {
                let path = site.path("lake").join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                fixture::write(&path, &fixture::orders(0, 40), 30);
            }
            let settings = site.path("skein.toml");
            let roots = format!(
                "[roots]\npay = [{:?}]\nshop = [{:?}]\n",
                site.path("lake/pay"),
                site.path("lake/shop")
            );
            std::fs::write(&settings, roots).unwrap();
            call.arg("--access").arg("tokens").arg("--config").arg(settings)
        });
        let path = service.site.path("server/admin-token");
        let admin = std::fs::read_to_string(path).unwrap().trim().to_owned();
        let lake = Self { service, admin };
        for team in ["pay", "shop"] {
            let (status, answer) = lake.ask(&lake.admin, &format!("PUT /v1/teams/{team}"), &json!({}));
            assert_eq!(status, 200, "{answer}");
        }
        lake
    }

    fn operator(&self, team: &str) -> String {
        let body =
            json!({ "name": team, "kind": "person", "grants": [{ "team": team, "role": "operator" }] });
        let (_, issued) = self.ask(&self.admin, "POST /v1/tokens", &body);
        issued["secret"].as_str().unwrap().to_owned()
    }

    fn ask(&self, token: &str, what: &str, body: &Value) -> (u16, Value) {
        let head = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.service.send(what, &head, body.as_bytes())
    }

    fn at(&self, below: &str) -> String {
        self.service.site.path("lake").join(below).display().to_string()
    }

    /// A scan to its end, with what it found.
    fn scanned(&self, token: &str, body: &Value) -> (Value, Vec<Value>) {
        let (status, begun) = self.ask(token, "POST /v1/scans", body);
        assert_eq!(status, 200, "{begun}");
        let at = format!("GET /v1/scans/{}", begun["scan"].as_str().unwrap());
        super::until("the scan has ended", || self.ask(token, &at, &Value::Null).1["done"] == true);
        let found = self.ask(token, &format!("{at}/found"), &Value::Null).1;
        (self.ask(token, &at, &Value::Null).1, found["items"].as_array().unwrap().clone())
    }

    fn datasets(&self, token: &str) -> Vec<String> {
        let listed = self.ask(token, "GET /v1/datasets", &Value::Null).1;
        let shown = |one: &Value| format!("{} {} {}", text(&one["name"]), text(&one["owner"]), one["labels"]);
        listed["items"].as_array().unwrap().iter().map(shown).collect()
    }

    fn call(&self, token: &str) -> Call {
        self.service.call("dataset").env("SKEIN_TOKEN", token).arg("scan")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// Name, owner, labels, and why not.
fn lines(found: &[Value]) -> Vec<String> {
    let line = |one: &Value| {
        let (name, owner, why) = (text(&one["name"]), text(&one["owner"]), text(&one["why"]["message"]));
        format!("{name} | {owner} | {} | {} {why}", one["labels"], text(&one["why"]["code"]))
    };
    found.iter().map(line).collect()
}

#[test]
fn a_team_has_so_many_scans_at_a_time_whichever_of_its_tokens_begins_them() {
    let lake = Lake::start();
    let froze = |verb: &str| {
        lake.ask(&lake.admin, &format!("POST /v1/fleet/actions/{verb}"), &json!({ "reason": "r" }))
    };
    assert_eq!(froze("freeze").0, 200);
    let tokens = [lake.operator("pay"), lake.operator("pay")];
    let begin = |token: &str, team: &str| {
        let body = json!({ "below": lake.at(team), "owner": team, "look_only": true });
        lake.ask(token, "POST /v1/scans", &body)
    };
    let begun: Vec<Value> = (0..8)
        .map(|number| {
            let (status, scan) = begin(&tokens[number % 2], "pay");
            assert_eq!(status, 200, "{number}: {scan}");
            scan
        })
        .collect();
    for token in &tokens {
        let (status, refused) = begin(token, "pay");
        assert_eq!((status, &refused["code"]), (429, &json!("SK0685")), "{refused}");
    }
    assert_eq!(begin(&lake.operator("shop"), "shop").0, 200);
    // When they have come to their ends others may begin.
    assert_eq!(froze("thaw").0, 200);
    for scan in &begun {
        let at = format!("GET /v1/scans/{}", text(&scan["scan"]));
        super::until("it has ended", || lake.ask(&tokens[0], &at, &Value::Null).1["done"] == true);
    }
    assert_eq!(begin(&tokens[1], "pay").0, 200);
}

#[test]
fn paths_say_whose_a_dataset_is_and_how_it_is_labelled_and_what_does_not_fit_is_told() {
    let lake = Lake::start();
    let body = |look_only: bool| json!({ "below": lake.at(""), "layout": LAYOUT, "labels": { "tier": "gold" }, "look_only": look_only });
    // Looking shows what would be registered, and registers nothing.
    let (looked, found) = lake.scanned(&lake.admin, &body(true));
    let said = [
        r#"ghost/eu/orders | ghost | {"region":"eu","tier":"gold"} | SK0680 there is no team "ghost""#,
        r#"loose.parquet | - | {"tier":"gold"} | SK0765 its path has 1 of the 3 parts that the layout asks for"#,
        r#"pay/eu/orders | pay | {"region":"eu","tier":"gold"} | - -"#,
        r#"pay/flat | - | {"tier":"gold"} | SK0765 its path has 2 of the 3 parts that the layout asks for"#,
        r#"shop/us/old/carts | shop | {"region":"us","tier":"gold"} | - -"#,
    ];
    assert_eq!(lines(&found), said);
    assert_eq!([&looked["found"], &looked["added"], &looked["refusals"]], [5, 0, 3], "{looked}");
    assert_eq!(lake.datasets(&lake.admin), Vec::<String>::new());

    let (done, _) = lake.scanned(&lake.admin, &body(false));
    assert_eq!([&done["added"], &done["known"], &done["refusals"]], [2, 0, 3], "{done}");
    let there = [
        r#"pay/eu/orders pay {"region":"eu","tier":"gold"}"#,
        r#"shop/us/old/carts shop {"region":"us","tier":"gold"}"#,
    ];
    assert_eq!(lake.datasets(&lake.admin), there);
    assert_eq!(lake.datasets(&lake.operator("pay")), there[..1]);

    // Again it is known, also by command; read otherwise it is refused, and stays as it is.
    let call = lake.call(&lake.admin).arg(lake.at("")).arg("--layout").arg(LAYOUT).arg("--label");
    let again = call.arg("tier=gold").finish().succeeded().json();
    assert_eq!([&again["scan"]["known"], &again["scan"]["refusals"]], [2, 3], "{again}");
    let call = lake.call(&lake.admin).arg(lake.at("")).arg("--layout").arg("{owner}/{label:zone}/**");
    let other = call.arg("--register").finish();
    assert_eq!((other.code(), &other.json()["scan"]["added"]), (5, &json!(0)), "{other:?}");
    assert!(
        other.stdout.contains("it is registered already, with another owner or other labels"),
        "{other:?}"
    );
    assert_eq!(lake.datasets(&lake.admin), there);
}

#[test]
fn a_teams_token_registers_and_sees_what_is_its_teams_whatever_paths_say() {
    let lake = Lake::start();
    let pay = lake.operator("pay");
    let refused = |body: Value| {
        let (status, answer) = lake.ask(&pay, "POST /v1/scans", &body);
        (status, text(&answer["code"]).to_owned())
    };
    let answer = |status: u16, code: &str| (status, code.to_owned());
    // Whose a dataset is, paths say only to who may register for all.
    assert_eq!(refused(json!({ "below": lake.at(""), "layout": LAYOUT })), answer(403, "SK0691"));
    assert_eq!(refused(json!({ "below": lake.at("pay"), "layout": LAYOUT })), answer(403, "SK0691"));
    assert_eq!(refused(json!({ "below": lake.at("shop"), "owner": "shop" })), answer(404, "SK0680"));
    // Nor does it look where its team has nothing, whether there is something or not, or a link leads there.
    let link = lake.service.site.path("lake/pay/link");
    std::os::unix::fs::symlink(lake.at("shop"), &link).unwrap();
    for below in
        [lake.at(""), lake.at("shop"), lake.at("nowhere"), lake.at("pay/link"), lake.at("pay/../shop")]
    {
        let body = json!({ "below": below, "owner": "pay", "look_only": true });
        assert_eq!(refused(body), answer(403, "SK0697"), "{below}");
    }
    // Labels it may take from paths.
    let body =
        json!({ "below": lake.at("pay"), "owner": "pay", "layout": "{label:region}/*", "prefix": "p/" });
    let (done, found) = lake.scanned(&pay, &body);
    let said = [
        r#"p/eu/orders | pay | {"region":"eu"} | - -"#,
        "p/flat | pay | null | SK0765 its path has 1 of the 2 parts that the layout asks for",
    ];
    assert_eq!((lines(&found), &done["added"]), (said.map(str::to_owned).to_vec(), &json!(1)), "{done}");
    // A scan of all teams is not a team's to see.
    lake.scanned(&lake.admin, &json!({ "below": lake.at(""), "layout": LAYOUT, "look_only": true }));
    let listed = lake.ask(&pay, "GET /v1/scans", &Value::Null).1;
    let owners: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|scan| text(&scan["asked"]["owner"])).collect();
    assert_eq!(owners, ["pay"], "{listed}");
}

#[test]
fn a_layout_that_cannot_be_is_refused_with_the_part_before_anything_is_looked_at() {
    let lake = Lake::start();
    let cases = [
        ("{region}/**", "part 1 of the layout, \\\"{region}\\\", has {region}, which nothing is known of"),
        ("/{owner}", "part 1 of the layout, \\\"\\\", has nothing in it"),
        ("**/{owner}", "part 1 of the layout, \\\"**\\\", may only be the last"),
        ("{owner}/{label:a}-{label:b}", "part 2 of the layout"),
        ("{label:a}/**", "it is not said which team it shall belong to"),
    ];
    for (layout, said) in cases {
        let (status, answer) =
            lake.ask(&lake.admin, "POST /v1/scans", &json!({ "below": "/", "layout": layout }));
        assert_eq!(status, 400, "{layout}: {answer}");
        assert!(answer.to_string().contains(said), "{layout}: {answer}");
    }
    let both = json!({ "below": "/", "layout": LAYOUT, "owner": "pay" });
    let (status, answer) = lake.ask(&lake.admin, "POST /v1/scans", &both);
    assert_eq!((status, text(&answer["code"])), (400, "SK0664"), "{answer}");
    let unknown = json!({ "below": lake.at(""), "owner": "ghost" });
    let (status, answer) = lake.ask(&lake.admin, "POST /v1/scans", &unknown);
    assert_eq!((status, text(&answer["code"])), (404, "SK0680"), "{answer}");
    assert_eq!(lake.ask(&lake.admin, "GET /v1/scans", &Value::Null).1["items"], json!([]));
    let call = lake.call(&lake.admin).arg(lake.at("")).arg("--layout").arg("{ower}/**").finish();
    assert_eq!(call.code(), 64, "{call:?}");
    let said =
        "for '--layout <LAYOUT>': part 1 of the layout, \"{ower}\", has {ower}, which nothing is known of";
    assert!(call.json()["error"]["message"].as_str().unwrap().contains(said), "{call:?}");
}
