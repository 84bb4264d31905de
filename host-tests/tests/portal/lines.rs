//! Beside what a page shows or does stands the command that does the same: one that there is, and that a shell takes as it stands.

use std::collections::BTreeMap;
use std::process::Command;

use host_tests::project;
use serde_json::json;
use skein_types::codes;

use crate::house::{House, MARKUP};
use crate::walk::all_pages;

/// As the page has it, without what stands for markup.
fn read(text: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    signs.iter().fold(text.to_owned(), |text, (sign, is)| text.replace(sign, is))
}

/// The lines of a page.
fn lines(page: &str) -> impl Iterator<Item = String> {
    let marked = page.split("<code class=\"command\"").skip(1);
    marked.filter_map(|rest| Some(read(rest.split_once('>')?.1.split_once("</code>")?.0)))
}

/// Pages of a team, a policy and a quota that were called so by somebody who knows that others copy lines.
fn named_by_strangers(house: &House) -> [String; 4] {
    let name = "a; touch hurt $(touch hurt) 'b";
    let at: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    house.done("admin", &format!("PUT /v1/teams/{at}"), &json!({}));
    house.done("admin", &format!("PUT /v1/policies/{at}"), &json!({ "policy": { "budget": { "runs": 1 } } }));
    house.done("admin", &format!("PUT /v1/quotas/team%3A{at}"), &json!({ "weight": 2 }));
    ["access/teams/", "settings/policies/", "quotas/team%3A", "settings/secrets?team="]
        .map(|of| format!("/{of}{at}"))
}

#[test]
fn every_line_beside_what_a_page_shows_is_a_command_that_there_is() {
    let house = House::hostile();
    let named = named_by_strangers(&house);
    let done = house.makes_one(MARKUP);
    house.plans(&done);
    house.rolls_out(&done);
    let waits = house.makes_again("waits");
    house.moves("olga", &waits, "plan");
    house.is(&waits, &["awaiting_approval"]);
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for who in ["admin", "ben"] {
        for (path, reply) in all_pages(&house.browser(who)) {
            all.extend(lines(&reply.body).map(|line| (line, path.clone())));
        }
    }
    let admin = house.browser("admin");
    for path in named {
        all.extend(lines(&admin.page(&path)).map(|line| (line, path.clone())));
    }
    for wanted in
        ["skein campaign rollback ", "skein campaign approve ", "skein team show '", "skein policy set '"]
    {
        assert!(all.keys().any(|line| line.starts_with(wanted)), "{wanted}: {:#?}", all.keys());
    }
    let aside = house.service.site.directory("aside");
    // What is asked for help does nothing, and says first what it does not know.
    let script = r#"skein() { "$SKEIN" "$@" --help; }; curl() { :; }; eval "$LINE""#;
    let mut unknown = Vec::new();
    for (line, path) in &all {
        // Words that people put their own in place of.
        let own = [
            ("ROLE@TEAM", "viewer@TEAM"),
            ("until TIME", "until 2027-01-01T00:00:00.000Z"),
            ("scrub RATE", "scrub 1MiB"),
        ];
        let line = own.iter().fold(line.clone(), |line, (word, own)| line.replace(word, own));
        let ran = Command::new("sh")
            .args(["-c", script])
            .env("SKEIN", project::skein())
            .env("LINE", &line)
            .current_dir(&aside)
            .output()
            .unwrap();
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr).lines().next().unwrap_or_default().to_owned();
            unknown.push(format!("{path}: {line}: {said}"));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(std::fs::read_dir(&aside).unwrap().count(), 0, "a line did something else than what it says");
}

#[test]
fn the_line_beside_a_list_lists_what_the_page_does() {
    let house = House::open();
    let campaign = house.makes_one("remarks");
    house.plans(&campaign);
    house.submits("other", "guest-hostile", "here");
    house.makes("of another module", ("other@1", &json!({ "behave": "ok" })), 0..1);
    let module = house.get(&format!("campaigns/{campaign}"))["module"].as_str().unwrap().to_owned();
    let browser = house.browser("admin");
    for (page, options, count) in [
        (format!("/campaigns?module={}", module.replace(':', "%3A")), format!(" --module {module}"), 1),
        (
            format!("/campaigns/{campaign}/runs?state=planned&slice=pay"),
            " --in planned --slice pay".to_owned(),
            6,
        ),
        (
            format!("/campaigns/{campaign}/runs?state=planned&slice=bank"),
            " --in planned --slice bank".to_owned(),
            0,
        ),
    ] {
        let page = browser.page(&page);
        let line =
            lines(&page).find(|line| line.ends_with(&options)).unwrap_or_else(|| panic!("{options}: {page}"));
        let words = line.split(' ').skip(2);
        let call = words.fold(house.service.call("campaign"), host_tests::Call::arg);
        let listed = call.env("SKEIN_TOKEN", house.token("admin")).finish().succeeded().json();
        assert_eq!(listed.as_array().unwrap().len(), count, "{line}: {listed}");
    }
    let alone = house.service.call("campaign").arg("runs").arg(&campaign).arg("--slice").arg("pay");
    let refused = alone.env("SKEIN_TOKEN", house.token("admin")).finish().json();
    assert_eq!(refused["error"]["code"], codes::USAGE.id, "a slice goes with a state: {refused}");
}
