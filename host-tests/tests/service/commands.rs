//! The commands that ask a server, as people and pipelines type them: what they print, what they refuse, how they end.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use host_tests::call::Stream;
use host_tests::service::{Fleet, Service, listens};
use host_tests::{Call, Outcome, Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

/// A server that asks for tokens, and the first admin's.
fn guarded() -> (Service, String) {
    let service = Service::start_as(2, |call, _| call.arg("--access").arg("tokens"));
    let path = service.site.path("server/admin-token");
    let admin = std::fs::read_to_string(path).unwrap().trim().to_owned();
    (service, admin)
}

/// A command line with blanks between its words.
fn line(call: Call, words: &str) -> Call {
    words.split(' ').fold(call, Call::arg)
}

/// A command of somebody with a token.
fn with(service: &Service, token: &str, words: &str) -> Call {
    let (noun, rest) = words.split_once(' ').unwrap();
    line(service.site.skein(noun).env("SKEIN_SERVER", &service.address).env("SKEIN_TOKEN", token), rest)
}

fn lines(outcome: &Outcome) -> Vec<&str> {
    outcome.stdout.lines().collect()
}

#[test]
fn teams_tokens_and_secrets_are_made_listed_and_taken_away_by_command() {
    let (service, admin) = guarded();
    let as_admin = |words: &str| with(&service, &admin, words);
    as_admin("team add pay --note #pay").finish().succeeded();
    let made =
        as_admin("token create ada --kind person --grant author@pay --expires 1d").finish().succeeded();
    // Only what opens the door is on standard output.
    let token = made.stdout.trim().to_owned();
    assert!(token.starts_with("skn_") && !token.contains('\n'), "{made:#?}");
    assert!(made.stderr.contains("author@pay"), "{made:#?}");
    let who = with(&service, &token, "token whoami").finish().succeeded().stdout;
    assert!(who.starts_with("ada (") && who.contains("author@pay"), "{who}");

    let set = with(&service, &token, "secret set key --team pay").input("hush-hush\n").finish().succeeded();
    let listed = with(&service, &token, "secret list --team pay --columns secret,team").finish().succeeded();
    assert_eq!(lines(&listed), ["SECRET  TEAM", "key     pay"]);
    assert!(!format!("{set:?}{listed:?}").contains("hush"), "{set:?}");
    with(&service, &token, "secret set key --team pay").finish().refused(codes::SECRET_MISSING);
    with(&service, &token, "secret remove key --team pay").finish().refused(codes::USAGE);
    with(&service, &token, "secret remove key --team pay --yes").finish().succeeded();
    with(&service, &token, "team add shop").finish().refused(codes::ROLE_MISSING);

    // Who gets a team of that name later would not expect her in it.
    let kept = as_admin("team remove pay --yes").finish();
    kept.refused(codes::TEAM_IN_USE);
    assert!(kept.stderr.contains("ada"), "{kept:#?}");
    let tokens = as_admin("token list -o json").finish().succeeded().json();
    let ada = tokens.as_array().unwrap().iter().find(|token| token["name"] == "ada").unwrap();
    let revoke = format!("token revoke {} --yes", ada["token"].as_str().unwrap());
    as_admin(&revoke).finish().succeeded();
    with(&service, &token, "token whoami").finish().refused(codes::TOKEN_MISSING);
    let gone = as_admin("team remove pay --yes -o json").finish().succeeded().json();
    assert_eq!(gone["team"], "pay");
}

#[test]
fn what_a_server_refuses_is_told_with_a_command_to_type_next_and_a_team_that_is_not_there_has_nothing() {
    let (service, admin) = guarded();
    let as_admin = |words: &str| with(&service, &admin, words).finish();
    let hint = |outcome: &Outcome| {
        let hint = outcome.stderr.lines().find_map(|line| line.trim().strip_prefix("hint: "));
        hint.unwrap_or_default().to_owned()
    };
    let unknown = with(&service, "skn_nobodys", "team list").finish();
    let none = line(service.site.skein("team").env("SKEIN_SERVER", &service.address), "list").finish();
    for refused in [&unknown, &none] {
        let hint = hint(refused.refused(codes::TOKEN_MISSING));
        assert!(hint.contains("export SKEIN_TOKEN=") && hint.contains("skein context add"), "{hint}");
        assert!(hint.contains(&service.address) && !hint.contains("Authorization"), "{hint}");
    }

    as_admin("team add pay").succeeded();
    let of_all = as_admin("token create eve --grant operator").succeeded();
    assert!(of_all.stderr.contains("operator in all teams"), "{of_all:#?}");
    assert!(of_all.stderr.contains("it reaches all teams"), "{of_all:#?}");
    let of_one = as_admin("token create ada --grant viewer@pay").succeeded();
    assert!(!of_one.stderr.contains("all teams"), "{of_one:#?}");
    let denied = with(&service, of_one.stdout.trim(), "team add shop").finish();
    assert!(hint(denied.refused(codes::ROLE_MISSING)).contains("skein token whoami"), "{denied:#?}");

    let explained = as_admin("quota explain team:pya");
    assert!(hint(explained.refused(codes::NOT_FOUND)).contains("skein team add"), "{explained:#?}");
    as_admin("quota explain team:pay").succeeded();
    let data = service.datasets[0].display();
    let added = as_admin(&format!("dataset add {data} --owner pya"));
    assert!(added.stdout.contains("there is no team \"pya\"") && added.code() == 5, "{added:#?}");
}

#[test]
fn a_policy_is_compared_before_it_is_set_and_nobodys_change_is_lost() {
    let service = Service::start(0);
    let file = |text: &str| service.site.file("policy.toml", text).display().to_string();
    let set = |more: &str, text: &str| {
        let call = service.call("policy").arg("set").arg("careful").arg(file(text));
        if more.is_empty() { call.finish() } else { line(call, more).finish() }
    };
    let first = set("--note of-the-bank", "budget = 5\n").succeeded().json();
    let change = set("--dry-run", "budget = 7\n").succeeded().json();
    assert_eq!(
        (&change["before"], &change["after"]),
        (&json!({"budget.runs": 5}), &json!({"budget.runs": 7}))
    );
    // A dry run sets nothing, and the note stays where none is said.
    let second = set("", "budget = 7\n").succeeded().json();
    assert!(second["version"].as_u64() > first["version"].as_u64(), "{second}");
    assert_eq!((&second["note"], &second["policy"]["budget"]), (&json!("of-the-bank"), &json!({"runs": 7})));
    let stale = format!("--if-version {}", first["version"]);
    set(&stale, "budget = 9\n").refused_json(codes::SETTING_MOVED);
    set("--if-version 0", "budget = 9\n").refused_json(codes::VERSION_MISSING);
    set("", "budgte = 9\n").refused_json(codes::POLICY_INVALID);
    // For people all that holds, and not only what the file says.
    let policy = service.site.skein("policy").env("SKEIN_SERVER", &service.address);
    let shown = line(policy, "show careful").finish().succeeded().stdout;
    assert!(shown.contains("MiB, 10,000 rejects a run"), "{shown}");
    assert!(shown.contains("canary 1%, at most 20 and "), "{shown}");
    service.call("policy").arg("remove").arg("careful").arg("--yes").finish().succeeded();
    service.call("policy").arg("show").arg("careful").finish().refused_json(codes::NOT_FOUND);
}

#[test]
fn a_context_opens_its_server_and_its_token_goes_nowhere_else() {
    let (service, admin) = guarded();
    let (url, home) = (format!("--url {} ", service.address), service.site.directory("home"));
    let context = |words: &str| line(service.site.skein("context").env("SKEIN_HOME", &home), words);
    let list = |more: &str| {
        line(service.site.skein("team").env("SKEIN_HOME", &home), &format!("list -o json{more}")).finish()
    };
    context(&format!("add prod {url}--token {admin}")).finish().refused(codes::USAGE);
    let added = context(&format!("add prod {url}--token @-")).input(admin.clone()).finish().succeeded();
    assert!(!format!("{added:?}").contains(&admin));
    list("").succeeded();
    list(&format!(" --server {}", service.address)).refused_json(codes::TOKEN_MISSING);
    context("add bare --url http://skein.example --token-command true").finish().refused(codes::USAGE);
    context(&format!("add bare {url}--use")).finish().succeeded();
    list("").refused_json(codes::TOKEN_MISSING);
    list(" --context prod").succeeded();
    list(" --context prd").refused_json(codes::CONTEXT_NOT_FOUND);
    let token_file = service.site.path("server/admin-token").display().to_string();
    context(&format!("add prod {url}--token-file {token_file}")).finish().refused(codes::USAGE);
    context(&format!("add prod {url}--token-file {token_file} --replace --use")).finish().succeeded();
    list("").succeeded();
    let listed = context("list").finish().succeeded();
    let file = format!("prod     {}  file   *", service.address);
    assert!(lines(&listed).contains(&file.as_str()), "{listed:#?}");
    std::fs::remove_file(&token_file).unwrap();
    list("").refused_json(codes::CONTEXT_TOKEN);
    context("remove prod --yes").finish().succeeded();
    context("show").finish().refused(codes::CONTEXT_NOT_FOUND);
}

#[test]
fn a_list_is_a_table_a_document_or_a_line_each_and_as_long_as_is_asked() {
    let service = Service::start(5).with_datasets();
    let list = |words: &str| {
        line(service.site.skein("dataset").env("SKEIN_SERVER", &service.address), &format!("list {words}"))
            .finish()
    };
    let two = list("--limit 2 --columns name").succeeded();
    assert_eq!(lines(&two), ["NAME", "orders-000", "orders-001"]);
    assert_eq!(two.stderr, "the first 2; --all shows all\n");
    assert_eq!(lines(&list("--columns name --all").succeeded()).len(), 6);
    let names = |outcome: &Outcome| {
        let line =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned();
        outcome.stdout.lines().map(line).collect::<Vec<_>>()
    };
    assert_eq!(names(&list("-o ndjson --limit 3").succeeded()), ["orders-000", "orders-001", "orders-002"]);
    assert_eq!(list("-o json").succeeded().json().as_array().unwrap().len(), 5);
    list("--columns nam").refused(codes::USAGE);
    let refused =
        line(service.site.skein("dataset").env("SKEIN_SERVER", &service.address), "show nobodys -o ndjson");
    let refused = refused.finish();
    assert_eq!(refused.stdout.lines().count(), 1, "{refused:#?}");
    refused.refused_json(codes::NOT_FOUND);
}

#[test]
fn the_record_is_verified_against_a_head_that_was_kept() {
    let service = Service::start(1).with_datasets();
    let audit =
        |words: &str| line(service.site.skein("audit").env("SKEIN_SERVER", &service.address), words).finish();
    let head = audit("head").succeeded().stdout.trim().to_owned();
    line(service.call("team"), "add pay").finish().succeeded();
    let verified = audit(&format!("verify --against {head}")).succeeded();
    assert!(lines(&verified)[1] != head && verified.stdout.contains("as the next one says"), "{verified:#?}");
    let (position, hash) = head.split_once(':').unwrap();
    let last = if hash.ends_with('0') { '1' } else { '0' };
    let other = format!("{position}:{}{last}", &hash[..hash.len() - 1]);
    audit(&format!("verify --against {other}")).refused(codes::LEDGER_DAMAGED);
    audit("verify --against 12").refused(codes::USAGE);
    let teams = audit("list --kind team. --columns kind,subject").succeeded();
    assert_eq!(lines(&teams).last(), Some(&"team.created  team:pay"), "{teams:#?}");
}

/// A campaign that drops a column, paused before it could get on: its fleet is frozen. Answers its id.
fn paused(service: &Service) -> String {
    let campaign = service.campaign("no-note");
    line(service.call("campaign"), &format!("plan {campaign} --wait --timeout 200s")).finish().succeeded();
    line(service.call("fleet"), "freeze --reason test --yes").finish().succeeded();
    for verb in ["start", "pause"] {
        service.act(&campaign, verb).succeeded();
    }
    campaign
}

#[test]
fn a_pipeline_waits_for_a_campaign_and_asking_twice_does_no_harm() {
    let service = Service::start(4).with_module_and_datasets();
    let campaign = service.campaign("no-note");
    let call = |words: &str| line(service.call("campaign"), &words.replace("CMP", &campaign));
    call("wait CMP").finish().refused(codes::CAMPAIGN_WAITS);
    call("plan CMP --wait --timeout 200s").finish().succeeded();
    call("plan CMP --wait").finish().succeeded();
    let waited = call("start CMP --wait --no-failures --timeout 200s").finish().succeeded();
    assert_eq!(waited.json()["runs"]["published"], 4, "{waited:#?}");
    let again = call("start CMP --wait").finish().succeeded();
    assert!(again.stderr.contains("already"), "{again:#?}");
    call("start CMP").finish().refused_json(codes::CAMPAIGN_STATE);

    let report = call("report CMP").finish().succeeded().json();
    assert_eq!((&report["runs"]["published"], &report["rows"]["read"]), (&json!(4), &json!(160)), "{report}");
    assert_eq!((&report["module_name"], &report["failures"]), (&json!("columns@1"), &json!([])));
    assert!(report["started"].as_str() < report["rolled_out"].as_str(), "{report}");
    let page = line(
        service.site.skein("campaign").env("SKEIN_SERVER", &service.address),
        &format!("report {campaign} --markdown"),
    );
    let page = page.finish().succeeded().stdout;
    assert!(
        page.starts_with("# no-note: soaking\n") && page.contains("- **datasets**: 4: 4 published\n"),
        "{page}"
    );
    assert!(page.contains("\n## Waves\n\n| wave | state |"), "{page}");

    call("rollback CMP").finish().refused_json(codes::USAGE);
    call("rollback CMP --yes --wait --reason wrong --timeout 200s").finish().succeeded();
    call("wait CMP").finish().succeeded();
    call("start CMP --wait").finish().refused_json(codes::CAMPAIGN_STATE);
}

#[test]
fn a_pipeline_fails_where_everything_is_refused_and_a_wait_is_asked_for_by_name() {
    let service = Service::start(2).with_module_and_datasets();
    let params = json!({ "name": "c", "steps": [{ "drop": "nothing-of-the-kind" }] });
    let campaign = service.campaign_of("columns@1", &params, &json!({}));
    let call = |words: &str| line(service.call("campaign"), &words.replace("CMP", &campaign)).finish();
    for word in ["plan CMP --timeout 1s", "plan CMP --no-failures", "rollback CMP --yes --timeout 1s"] {
        call(word).refused_json(codes::USAGE);
    }
    assert_eq!(service.shown(&campaign)["state"], "draft");
    for word in ["plan CMP --wait --timeout 200s", "start CMP --wait --no-failures --timeout 200s"] {
        let refused = call(word);
        refused.refused(codes::CAMPAIGN_REFUSED);
        assert!(
            refused.stderr.contains("left out: 2 datasets (refused), SK0201 such as"),
            "{}",
            refused.stderr
        );
        assert!(refused.stdout.starts_with('{'), "{}", refused.stdout);
    }
    assert_eq!(service.get(&format!("/v1/campaigns/{campaign}/plan"))["risk"], "high");
}

#[test]
fn a_rollback_of_single_runs_is_waited_for() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = service.campaign("no-note");
    let call = |words: &str| line(service.call("campaign"), &words.replace("CMP", &campaign)).finish();
    call("plan CMP --wait --timeout 200s").succeeded();
    let plain =
        |words: &str| line(service.site.skein("campaign").env("SKEIN_SERVER", &service.address), words);
    plain(&format!("report {campaign} --markdown -o json")).finish().refused_json(codes::USAGE);
    call("start CMP --wait --timeout 200s").succeeded();
    let all = service.runs(&campaign);
    let one = all[0]["seq"].as_u64().unwrap();
    let undone = call(&format!("rollback CMP --run {one} --yes --wait --timeout 200s")).succeeded().json();
    assert_eq!((&undone[0]["state"], undone.as_array().unwrap().len()), (&json!("reverted"), 1), "{undone}");
    assert_eq!(service.shown(&campaign)["runs"]["published"], 1);
}

/// Notes on one of which the hostile module traps.
fn poisoned(path: &Path) {
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..2)), false),
        ("note", Arc::new(StringArray::from_iter_values(["sound", "poison"])), true),
    ];
    fixture::write(path, &RecordBatch::try_from_iter_with_nullable(columns).unwrap(), 30);
}

#[test]
fn a_wait_ends_with_a_code_of_its_own_when_the_campaign_halts_or_is_ended() {
    let service = Service::over(Fleet::SMALL, 3, |_, path| poisoned(path));
    let service = service.with_module("guest-hostile").with_datasets();
    let trap = json!({ "behave": "trap-on-poison", "shape": "same" });
    let campaign = service.campaign_of("guest-hostile@1", &trap, &json!({}));
    let call = |words: &str| line(service.call("campaign"), &words.replace("CMP", &campaign));
    call("plan CMP --wait --timeout 200s").finish().succeeded();
    let halted = call("start CMP --wait --timeout 200s").finish();
    halted.refused(codes::CAMPAIGN_HALTED);
    assert!(halted.stderr.contains(&format!("hint: skein campaign report {campaign}")), "{halted:#?}");
    let report = call("report CMP").finish().succeeded().json();
    let failed = &report["failures"][0];
    assert_eq!(failed["code"], codes::GUEST_TRAP.id, "{report}");
    assert!(failed["next"].as_str().unwrap().contains("--continue"), "{report}");
    call("cancel CMP --yes").finish().succeeded();
    call("wait CMP --timeout 200s").finish().refused(codes::CAMPAIGN_ENDED);
}

#[test]
fn a_wait_outlives_its_server_and_a_timeout_ends_the_wait_alone() {
    let mut service = Service::start(6).with_module_and_datasets();
    let campaign = paused(&service);
    let (address, site) =
        (service.address.trim_start_matches("http://").to_owned(), service.site.path("server"));
    let over = line(service.call("campaign"), &format!("wait {campaign} --timeout 1s")).finish();
    over.refused_json(codes::WAIT_OVER);
    let mut waiting = line(service.call("campaign"), &format!("wait {campaign} --timeout 200s")).start();
    waiting.says(Stream::Stderr, |said| said.contains("paused"));
    service.kill();
    waiting.says(Stream::Stderr, |said| said.contains("is asked again"));
    let again = |call: Call| call.arg("--listen").arg(&address).arg("--dir").arg(&site);
    (service.running, _) = listens(again(service.site.skein("serve")));
    waiting.says(Stream::Stderr, |said| said.contains("answers again"));
    line(service.call("fleet"), "unfreeze --reason test").finish().succeeded();
    service.act(&campaign, "resume").succeeded();
    let waited = waiting.finish();
    assert_eq!((waited.code(), &waited.json()["runs"]["published"]), (0, &json!(6)), "{waited:#?}");
}

#[test]
fn ctrl_c_ends_the_wait_and_not_the_campaign() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = paused(&service);
    let why = line(service.site.skein("campaign").env("SKEIN_SERVER", &service.address), "why -o ndjson");
    let why = why.arg(&campaign).finish().succeeded();
    let runs =
        lines(&why).into_iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].clone());
    assert_eq!(runs.collect::<Vec<_>>(), [0, 1], "{why:#?}");
    let mut waiting = line(service.call("campaign"), &format!("wait {campaign}")).start();
    waiting.says(Stream::Stderr, |said| said.contains("paused"));
    waiting.interrupt();
    let ended = waiting.finish();
    assert_eq!(ended.code(), 130, "{ended:#?}");
    assert!(ended.stderr.contains("the campaign goes on"), "{ended:#?}");
    assert_eq!(service.state_of(&campaign).as_deref(), Some("paused"));
}

#[test]
fn a_module_says_where_it_is_from_and_is_banned_and_restored_by_command() {
    let service = Service::start(0).with_module("columns");
    let module = |words: &str| line(service.call("module"), words).finish();
    let component = guests::component("guest-raw").display().to_string();
    let said = format!("submit own@2 {component} --source https://git.example.org/own --commit 0a1b2c3");
    let submitted = module(&said).succeeded().json();
    assert_eq!(submitted["state"], "ready", "{submitted}");
    let shown = module("show own@2").succeeded().json();
    let from = (&shown["source"], &shown["commit"]);
    assert_eq!(from, (&json!("https://git.example.org/own"), &json!("0a1b2c3")), "{shown}");
    module("ban columns@1 --reason wrong").refused_json(codes::USAGE);
    assert_eq!(module("ban columns@1 --reason wrong --yes").succeeded().json()["state"], "banned");
    assert_eq!(module("restore columns@1 --reason right").succeeded().json()["state"], "ready");
    module("show columns").refused_json(codes::USAGE);
}

#[test]
fn labels_are_set_and_taken_away_one_by_one_and_a_dataset_goes_to_another_team_by_command() {
    let service = Service::start(1).with_datasets();
    let name = service.datasets[0].file_name().unwrap().to_str().unwrap();
    let asks = |words: &str| line(service.call("dataset"), &words.replace("NAME", name));
    let set = asks("label NAME tier=gold sensitive=note,amount region=eu").finish().succeeded().json();
    assert_eq!(set["labels"], json!({ "tier": "gold", "sensitive": "note,amount", "region": "eu" }));
    let set = asks("label NAME region- tier=critical gone-").finish().succeeded();
    assert!(set.stderr.contains(&format!("{name} has no label gone")), "{set:?}");
    assert_eq!(set.json()["labels"], json!({ "tier": "critical", "sensitive": "note,amount" }));
    assert!(set.json()["version"].as_u64().unwrap() > 1);
    asks("label NAME tier").finish().refused_json(codes::USAGE);
    asks(&format!("label NAME {}=x", "k".repeat(65))).finish().refused_json(codes::USAGE);
    asks("owner NAME crm").finish().refused_json(codes::USAGE);
    let over = asks("owner NAME crm --yes").finish().succeeded().json();
    assert_eq!(over["owner"], "crm");
    let there = service.get(&format!("/v1/datasets/{name}"));
    assert_eq!((&there["owner"], &there["labels"]["tier"]), (&json!("crm"), &json!("critical")));
    // To register it as it was is no way to set it.
    let again = service.call("dataset").arg("add").arg(&service.datasets[0]).finish();
    let told = format!("{again:?}");
    assert!(told.contains("with another owner or other labels"), "{told}");
}

#[test]
fn nodes_are_cordoned_and_the_fleet_is_frozen_by_command() {
    let service = Service::start(0);
    super::until("a node is there", || {
        service.call("fleet").arg("nodes").finish().stdout.contains("local-0")
    });
    let fleet = |words: &str| line(service.call("fleet"), words).finish();
    assert_eq!(fleet("cordon local-0 --reason r").succeeded().json()["mark"], "cordoned");
    assert_eq!(fleet("uncordon local-0 --reason r").succeeded().json()["mark"], "none");
    fleet("drain local-0 --reason r").refused_json(codes::USAGE);
    assert_eq!(fleet("drain local-0 --reason r --yes").succeeded().json()["mark"], "draining");
    fleet("freeze --reason moving").refused_json(codes::USAGE);
    assert_eq!(fleet("freeze --reason moving --yes").succeeded().json()["frozen"], true);
    let told = service.site.skein("fleet").env("SKEIN_SERVER", &service.address).arg("status").finish();
    assert!(told.succeeded().stdout.contains("the fleet is frozen since"));
    assert_eq!(fleet("unfreeze --reason moved").succeeded().json()["frozen"], false);
}

#[test]
fn a_server_of_this_home_is_found_without_being_named() {
    let site = Site::new();
    let home = site.directory("home");
    let serve =
        site.skein("serve").env("SKEIN_HOME", &home).arg("--listen").arg("127.0.0.1:0").arg("--nodes");
    let (running, _) = listens(serve.arg("0"));
    line(site.skein("team").env("SKEIN_HOME", &home), "add pay").finish().succeeded();
    running.kill();
    let away = line(site.skein("team").env("SKEIN_HOME", &home), "list").finish();
    away.refused(codes::SERVER_UNREACHABLE);
}

#[test]
fn people_are_told_the_url_of_a_server_and_its_own_machine_is_told_a_loopback_address() {
    let url = "https://skein.example.org";
    let service = Service::start_as(1, |call, _| call.arg("--url").arg(url)).with_datasets();
    let params = json!({ "name": "mine", "steps": [{ "drop": "note" }] });
    let run = service.site.run(&guests::component("columns"), &service.datasets[0]);
    let managed = run.params(&params).finish();
    managed.refused(codes::DATASET_MANAGED);
    assert!(managed.stderr.contains(&format!(" at {url}")), "{}", managed.stderr);
    let (status, _) = service.send("GET /v1/campaigns", "", b"");
    assert_eq!(status, 200);
    let everywhere =
        service.site.skein("serve").arg("--access").arg("tokens").arg("--listen").arg("0.0.0.0:0");
    let (_running, address) =
        listens(everywhere.arg("--nodes").arg("0").arg("--dir").arg(service.site.path("everywhere")));
    let told = std::fs::read_to_string(service.site.path("everywhere/address")).unwrap();
    assert_eq!(told.trim_end(), address.replace("0.0.0.0", "127.0.0.1"));
}
