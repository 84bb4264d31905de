//! Signing in at a provider of OpenID Connect, which is a process of its own here: who is let in, as whom, and what is not believed.

use std::io::Write as _;
use std::time::Duration;

use host_tests::python::Worker;
use host_tests::service::{Browser, Reply, Service};
use serde_json::{Value, json};

const AWAY: &str = "skein_away";

/// A server that asks for tokens and believes a provider.
struct Office {
    provider: Worker,
    service: Service,
    admin: String,
}

impl Office {
    fn opens() -> Self {
        let mut provider = Worker::start("oidc_provider.py", &[]);
        let issuer = provider.ask(&json!({}))["issuer"].as_str().unwrap().to_owned();
        let service = Service::start_as(0, |call, site| {
            let secret = site.path("oidc-secret");
            std::fs::write(&secret, "s3cret:/ü\n").unwrap();
            let settings = format!(
                "[oidc]\nissuer = \"{issuer}\"\nclient_id = \"skein\"\nclient_secret_file = {secret:?}\nname = \"Example\"\n\
                 [oidc.groups]\npay-approvers = \"approver@pay\"\nauditors = [\"auditor\"]\n"
            );
            let path = site.path("skein.toml");
            std::fs::write(&path, settings).unwrap();
            call.arg("--access").arg("tokens").arg("--config").arg(path)
        });
        let admin = std::fs::read_to_string(service.site.path("server/admin-token")).unwrap();
        let office = Self { provider, service, admin: admin.trim().to_owned() };
        let head = format!("Authorization: Bearer {}\r\n", office.admin);
        let (status, made) = office.service.send("PUT /v1/teams/pay", &head, b"{}");
        assert_eq!(status, 200, "{made}");
        office
    }

    /// What the provider says of whoever comes next.
    fn says(&mut self, how: &Value) -> Value {
        self.provider.ask(how)
    }

    /// Away, through the provider's page, and back: the address to come back to, and the cookie of the browser that left.
    fn back(&self, to: &str) -> (String, String) {
        let away = self.service.ask(&format!("GET /sign-in/provider?to={to}"), "", b"");
        assert_eq!(away.status, 303, "{away:?}");
        let cookie = set(&away, AWAY).unwrap();
        let page = away.header("location").unwrap();
        let (address, path) = page.trim_start_matches("http://").split_once('/').unwrap();
        let answer = Reply::of(host_tests::service::sent(address, &format!("/{path}")));
        assert_eq!(answer.status, 302, "{answer:?}");
        let back = answer.header("location").unwrap();
        (back.strip_prefix(&self.service.address).unwrap().to_owned(), cookie)
    }

    fn comes(&self, path: &str, cookie: &str) -> Reply {
        self.service.ask(&format!("GET {path}"), &format!("Cookie: a=1; {AWAY}={cookie}\r\n"), b"")
    }

    fn signs_in(&self, to: &str) -> Reply {
        let (path, cookie) = self.back(to);
        self.comes(&path, &cookie)
    }

    /// A browser of whoever signed in.
    fn browser(&self, reply: &Reply) -> Browser<'_> {
        assert_eq!(reply.status, 303, "{reply:?}");
        let mut browser = self.service.browser();
        browser.cookie = Some(set(reply, "skein_session").unwrap());
        browser
    }
}

/// Asks for something that a provider may keep waiting for ever, which the server is spared: it answers within half a minute.
fn waits(service: &Service, path: &str, cookie: &str) -> Reply {
    let mut stream = service.connect();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let host = service.address.trim_start_matches("http://");
    let head = format!("Host: {host}\r\nCookie: {AWAY}={cookie}\r\nConnection: close");
    write!(stream, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    Reply::of(stream)
}

/// The value that a cookie is given.
fn set(reply: &Reply, name: &str) -> Option<String> {
    let cookies = reply.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let mut values = cookies.filter_map(|cookie| cookie.split(';').next()?.split_once('='));
    values.find(|(is, _)| *is == name).map(|(_, value)| value.to_owned())
}

fn ada() -> Value {
    json!({ "sub": "u-1", "preferred_username": "ada", "groups": ["pay-approvers", "others"] })
}

#[test]
fn whoever_the_provider_vouches_for_is_a_person_with_the_roles_of_their_groups() {
    let mut office = Office::opens();
    let page = office.service.ask("GET /sign-in?to=/approvals", "", b"").body;
    assert!(
        page.contains("Sign in with Example") && page.contains("/sign-in/provider?to=%2Fapprovals"),
        "{page}"
    );
    office.says(&json!({ "claims": ada() }));
    let reply = office.signs_in("/access");
    assert_eq!(reply.header("location"), Some("/access"));
    let cookie = reply.head.lines().find(|line| line.starts_with("set-cookie: skein_session=")).unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    let access = office.browser(&reply).page("/access");
    assert!(
        access.contains("ada (tok_") && access.contains("a person") && access.contains("approver in"),
        "{access}"
    );
    // The same person, the same token; and the record names them.
    office.browser(&office.signs_in("/"));
    let head = format!("Authorization: Bearer {}\r\n", office.admin);
    let (_, tokens) = office.service.send("GET /v1/tokens", &head, b"");
    let theirs = |tokens: &Value| -> Vec<Value> {
        let all = tokens["items"].as_array().unwrap();
        all.iter().filter(|token| token["name"] == "ada").cloned().collect()
    };
    assert_eq!(theirs(&tokens).len(), 1, "{tokens}");
    assert_eq!(theirs(&tokens)[0]["grants"], json!([{ "team": "pay", "role": "approver" }]));
    // Of another group now: what they had counts no more, in sessions that are open either.
    let mut other = ada();
    other["groups"] = json!("auditors");
    office.says(&json!({ "claims": other }));
    let after = office.browser(&office.signs_in("/audit"));
    assert!(after.page("/audit").contains("token.revoked"));
    let before = office.browser(&reply);
    assert_eq!(before.asks("/access").status, 303, "it was signed out");
    let (_, tokens) = office.service.send("GET /v1/tokens", &head, b"");
    assert_eq!(theirs(&tokens).iter().filter(|token| token["revoked"].is_null()).count(), 1, "{tokens}");
}

#[test]
fn what_the_provider_did_not_sign_for_this_sign_in_lets_nobody_in() {
    let mut office = Office::opens();
    let mut refused = |how: Value, says: &str| {
        office.says(&how);
        let reply = office.signs_in("/");
        assert_eq!((reply.status, set(&reply, "skein_session")), (401, None), "{says}: {reply:?}");
        assert!(reply.body.contains("SK0730") && reply.body.contains(says), "{says}: {}", reply.body);
    };
    let with = |name: &str, value: Value| {
        let mut claims = ada();
        claims[name] = value;
        json!({ "claims": claims })
    };
    refused(json!({ "claims": ada(), "other_key": true }), "signature does not hold");
    refused(json!({ "claims": ada(), "head": { "kid": "two" } }), "none of the provider's keys");
    refused(json!({ "claims": ada(), "head": { "alg": "none" } }), "RS256 or ES256");
    refused(json!({ "claims": ada(), "head": { "alg": "HS256" } }), "RS256 or ES256");
    refused(with("iss", json!("https://other.example")), "another issuer");
    refused(with("aud", json!("other")), "somebody else");
    refused(with("exp", json!(1_000)), "expired");
    refused(with("nonce", json!("other")), "another sign-in");
    refused(with("groups", json!(["others"])), "no group");
    refused(with("preferred_username", Value::Null), "preferred_username");
    // A browser that another one's way back was handed to, one that comes twice, and no way at all.
    office.says(&json!({ "claims": ada() }));
    let (path, _) = office.back("/");
    let (_, cookie) = office.back("/");
    assert_eq!(office.comes(&path, &cookie).status, 401);
    let (path, cookie) = office.back("//evil.example");
    let reply = office.comes(&path, &cookie);
    assert_eq!((reply.status, reply.header("location")), (303, Some("/")));
    assert_eq!(office.comes(&path, &cookie).status, 401);
    assert_eq!(office.comes("/sign-in/provider/back?state=x&code=y", &cookie).status, 401);
    // Whatever else the address has: who is back with an error was not vouched for.
    let (path, cookie) = office.back("/");
    let reply = office.comes(&format!("{path}&error=access_denied"), &cookie);
    assert_eq!((reply.status, set(&reply, "skein_session")), (401, None), "{reply:?}");
    assert!(
        reply.body.contains("SK0730") && reply.body.contains("the provider says access_denied"),
        "{reply:?}"
    );
}

#[test]
fn a_provider_that_answers_nonsense_or_for_ever_keeps_nobody_waiting_and_lets_nobody_in() {
    let mut office = Office::opens();
    let cannot = |reply: &Reply, of: &str| {
        assert_eq!(
            (reply.status, set(reply, "skein_session"), set(reply, AWAY)),
            (502, None, None),
            "{of}: {reply:?}"
        );
        assert!(
            reply.body.contains("SK0731") && reply.body.contains("with a token meanwhile"),
            "{of}: {reply:?}"
        );
    };
    for at in ["/.well-known/openid-configuration", "/keys"] {
        for how in ["redirects", "page", "pours"] {
            office.says(&json!({ "answers": { at: how } }));
            cannot(&waits(&office.service, "/sign-in/provider", ""), &format!("{at} {how}"));
        }
    }
    // As many as ask at a time wait for it; nobody else waits for them.
    office.says(&json!({ "answers": { "/keys": "hangs" } }));
    let service = &office.service;
    std::thread::scope(|scope| {
        let leaving: Vec<_> =
            (0..8).map(|_| scope.spawn(|| waits(service, "/sign-in/provider", ""))).collect();
        service.browser_of(&office.admin).page("/access");
        assert!(leaving.iter().all(|one| !one.is_finished()), "they are to wait meanwhile");
        leaving.into_iter().for_each(|one| cannot(&one.join().unwrap(), "hangs"));
    });
    for how in ["redirects", "page", "pours", "trickles"] {
        office.says(&json!({ "claims": ada(), "answers": { "/token": how } }));
        let (path, cookie) = office.back("/");
        cannot(&waits(&office.service, &path, &cookie), how);
    }
    let poured = office.says(&json!({ "claims": ada() }))["poured"].as_u64().unwrap();
    // Three times, with what the system holds on the way.
    assert!(poured < 60, "{poured} MB of it were taken");
    assert!(office.browser(&office.signs_in("/")).page("/access").contains("ada (tok_"));
}
