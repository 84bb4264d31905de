//! Numbers of a server and of a node, and what `deploy/` says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::Path;

use host_tests::call::Stream;
use host_tests::service::Service;
use serde_json::{Value, json};

/// The value of a series, as it is written.
fn number(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    assert!(line.is_some(), "no {series} in {page}");
    line.unwrap().parse().unwrap()
}

/// Names under which queries find what a page describes.
fn described(page: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let ends: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        names.extend(ends.iter().map(|end| format!("{name}{end}")));
    }
    names
}

/// Names of Skein's metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_of_a_name(c));
    words.filter(|word| word.starts_with("skein_")).map(str::to_owned).collect()
}

/// What the how-to says of each metric: its labels, by its name as a page has it, a histogram's without an ending.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("docs/how-to/observe.md")).unwrap();
    let mut all = BTreeMap::new();
    for row in text.lines().filter(|line| line.starts_with("| `skein_")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[2].split(", ").filter(|label| !label.is_empty()).map(str::to_owned);
        let labels: BTreeSet<String> = labels.collect();
        all.extend(named(cells[1]).into_iter().map(|name| (name, labels.clone())));
    }
    all
}

/// The like, of what a page has: names of all, and labels of those that have a series.
fn shown(page: &str) -> BTreeMap<String, Option<BTreeSet<String>>> {
    let mut all = BTreeMap::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let (name, series) = match kind {
            "counter" => (format!("{name}_total"), format!("{name}_total")),
            "info" => (format!("{name}_info"), format!("{name}_info")),
            "histogram" => (name.to_owned(), format!("{name}_count")),
            _ => (name.to_owned(), name.to_owned()),
        };
        let rest = page
            .lines()
            .find_map(|line| line.strip_prefix(&series).filter(|rest| rest.starts_with(['{', ' '])));
        let labels = rest.map(|rest| {
            let labels =
                rest.strip_prefix('{').and_then(|rest| rest.rsplit_once("\"}")).unwrap_or_default().0;
            let keys =
                labels.split("\",").filter_map(|label| label.split_once('=')).map(|(key, _)| key.to_owned());
            keys.collect()
        });
        all.insert(name, labels);
    }
    all
}

fn deployed(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join("deploy").join(name)).unwrap()
}

#[test]
fn a_page_counts_what_was_done_and_has_all_that_rules_and_dashboard_name() {
    let service = Service::start_as(3, |call, _| call.arg("--metrics").arg("127.0.0.1:0"));
    let service = service.with_module_and_datasets().with_all_nodes();
    let campaign = service.campaign("counted");
    service.act(&campaign, "plan").succeeded();
    crate::brought(&service, &campaign, "planned");
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    service.send("GET /v1/nothing-here", "", b"");
    let (status, page) = Service::page(&service.address, "/metrics");
    assert_eq!(status, 200);
    // Three runs; the canary is published, rolled back and published again by runs of their own kind, so at least three.
    assert!(number(&page, "skein_publishes_total") >= 3.0, "{page}");
    assert!(number(&page, r#"skein_attempts_total{outcome="staged"}"#) >= 3.0);
    assert!(number(&page, r#"skein_rows_total{fate="read"}"#) >= 120.0);
    assert_eq!(number(&page, r#"skein_campaigns{team="local",state="soaking"}"#), 1.0);
    assert_eq!(number(&page, r#"skein_runs{team="local",state="published"}"#), 3.0);
    assert_eq!(number(&page, r#"skein_nodes{state="ready"}"#), 2.0);
    assert_eq!(number(&page, r#"skein_node_slots{node="0"}"#), 1.0);
    assert_eq!(number(&page, r#"skein_http_problems_total{code="SK0680"}"#), 1.0);
    assert!(number(&page, "skein_ledger_commit_seconds_count") > 0.0);
    assert!(!page.contains(&campaign) && !page.contains("orders-0"), "no id and no name is in it: {page}");

    let known = described(&page);
    for (file, text) in ["alerts.yml", "grafana/skein.json"].map(|file| (file, deployed(file))) {
        let asked = named(&text);
        assert!(asked.len() > 8, "{file}: {asked:?}");
        let missing: Vec<&String> = asked.difference(&known).collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}, and there is {known:?}");
    }
    let (documented, shown) = (documented(), shown(&page));
    assert!(documented.keys().eq(shown.keys()), "the how-to has {documented:?}, and the page {shown:?}");
    for (name, labels) in shown {
        assert!(labels.is_none_or(|labels| documented[&name] == labels), "{name}: {:?}", documented[&name]);
    }
    let board: Value = serde_json::from_str(&deployed("grafana/skein.json")).unwrap();
    assert!(board["panels"].as_array().unwrap().len() > 10);

    // The listener of its own has the same page and nothing else.
    let said = service.running.has_said(Stream::Stdout);
    let own = said.lines().find_map(|line| line.strip_prefix("metrics at ")).unwrap();
    let own = own.trim_end_matches("/metrics");
    assert_eq!(described(&Service::page(own, "/metrics").1), known);
    assert_eq!(Service::page(own, "/v1/status").0, 404);
}

#[test]
fn the_pod_of_kubernetes_asks_for_what_a_server_answers_and_leaves_its_keys_private() {
    let manifest = deployed("kubernetes/skein.yaml");
    let value = |key: &str| manifest.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim);
    // With a group of its own for a volume, kubelet gives that group all files at each mount, if it is not told otherwise.
    assert_eq!(value("fsGroup:"), Some("10001"));
    assert_eq!(value("fsGroupChangePolicy:"), Some("OnRootMismatch"));
    let service = Service::start(0);
    let mut probes = 0;
    for line in manifest.lines().filter_map(|line| line.split_once("httpGet: { path: ")) {
        let (path, port) = line.1.split_once(',').unwrap();
        assert_eq!(port.trim(), "port: http }");
        assert_eq!(Service::page(&service.address, path).0, 200, "{path}");
        probes += 1;
    }
    assert_eq!(probes, 3);
    // Each argument is one of the binary's.
    let help = service.site.skein("serve").arg("--help").finish().succeeded().stdout;
    let arguments = manifest.lines().filter_map(|line| line.trim().strip_prefix("- --"));
    for option in arguments.map(|argument| argument.split('=').next().unwrap()) {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
}

#[test]
fn numbers_without_a_token_stay_on_the_machine() {
    let site = host_tests::Site::new();
    let open = site.skein("serve").arg("--listen").arg("127.0.0.1:0").arg("--dir").arg(site.path("server"));
    open.arg("--metrics").arg("0.0.0.0:0").finish().refused(skein_types::codes::USAGE);
}

#[test]
fn a_node_answers_for_itself_where_it_is_told_to() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let service = Service::start_as(0, |call, _| call.env("SKEIN_FLEET_SECRET", SECRET));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut node = service.site.skein("node").arg("--metrics").arg(free.to_string()).open_input().start();
    let line = json!({ "name": "mine", "secret": format!("Bearer {SECRET}"), "server": service.address });
    node.types(format!("{line}\n").as_bytes());
    let address = free.to_string();
    let count = r#"skein_node_exchange_duration_seconds_count{outcome="answered"}"#;
    crate::until("the node has exchanged and says so", || {
        std::net::TcpStream::connect(free).is_ok()
            && Service::page(&address, "/metrics").1.lines().any(|line| line.starts_with(count))
    });
    let page = Service::page(&address, "/metrics").1;
    assert_eq!(number(&page, r#"skein_node_attempts_total{outcome="staged"}"#), 0.0);
    assert!(number(&page, "skein_node_memory_bytes") > 1e6);
}
