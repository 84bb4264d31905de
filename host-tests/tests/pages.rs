//! Pages that are typed as they stand: a team's first module on a server, by `curl` and by `skein`, and the walk of the README.
//!
//! Only what the reader of a page puts in is the test's own: where the server listens and where the data is. How long it took is printed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests: a failure here is a failed test, files are written as a stranger would, and times are shown"
)]

use std::time::Duration;

use host_tests::call::Running;
use host_tests::guard::{Tree, tree};
use host_tests::service::{Service, listens};
use host_tests::tutorial::{Step, blocks};
use host_tests::typed::{Shell, chapter};
use host_tests::{Site, fixture, guests, project};

const DATASETS: usize = 3;

fn page(name: &str) -> String {
    String::from_utf8(std::fs::read(project::root().join(name)).unwrap()).unwrap()
}

/// The page with the reader's own values.
#[track_caller]
fn filled_in(page: &str, values: &[(&str, &str)]) -> String {
    let mut page = page.to_owned();
    for (stands_there, own) in values {
        assert_eq!(page.matches(stands_there).count(), 1, "{stands_there}");
        page = page.replace(stands_there, own);
    }
    page
}

/// What the team has: datasets, and the files that the pages name, in the directory where they are typed.
fn furnish(site: &Site) -> Vec<Tree> {
    let dataset = |number: usize| {
        let path = site.path(&format!("data/orders-{number}"));
        std::fs::create_dir_all(&path).unwrap();
        let from = i64::try_from(number).unwrap() * 1_000;
        fixture::write(&path.join("part.parquet"), &fixture::orders(from, from + 1_000), 400);
        path
    };
    let datasets: Vec<_> = (0..DATASETS).map(dataset).collect();
    site.directory("work");
    let component = std::fs::read(guests::component("columns")).unwrap();
    site.file("work/columns.wasm", component);
    site.file("work/spec.toml", "name = \"no-note\"\n\n[[steps]]\ndrop = \"note\"\n");
    site.file("work/quotas.toml", "[team.payments]\nslots = { limit = 2 }\n");
    datasets.iter().map(|path| tree(path)).collect()
}

fn trees(site: &Site) -> Vec<Tree> {
    (0..DATASETS).map(|number| tree(&site.path(&format!("data/orders-{number}")))).collect()
}

fn tell(steps: &[Step]) {
    for step in steps {
        println!("{:>6.1} s  {}", step.took.as_secs_f64(), step.commands.lines().next().unwrap());
        println!("{}", step.said);
    }
    let whole: Duration = steps.iter().map(|step| step.took).sum();
    println!("{:>6.1} s  in all", whole.as_secs_f64());
}

/// A server with the team `payments`, whose operator's token lies where the page is typed.
struct Given {
    service: Service,
    before: Vec<Tree>,
}

impl Given {
    fn start() -> Self {
        let mut before = Vec::new();
        let service = Service::start_as(0, |call, site| {
            before = furnish(site);
            let settings = site.path("skein.toml");
            std::fs::write(&settings, format!("[roots]\npayments = [{:?}]\n", site.path("data"))).unwrap();
            call.arg("--access").arg("tokens").arg("--config").arg(settings)
        });
        let given = Self { service, before };
        let admin = std::fs::read_to_string(given.service.site.path("server/admin-token")).unwrap();
        let call = |noun: &str| {
            let call = given.service.site.skein(noun).env("SKEIN_SERVER", &given.service.address);
            call.env("SKEIN_TOKEN", admin.trim())
        };
        call("team").arg("add").arg("payments").finish().succeeded();
        for (who, grant, file) in [
            ("ada", "operator@payments", "work/payments.token"),
            ("ben", "approver@payments", "work/approver.token"),
        ] {
            let create = call("token").arg("create").arg(who).arg("--kind").arg("person").arg("--grant");
            let made = create.arg(grant).finish().succeeded();
            given.service.site.file(file, made.stdout);
        }
        given
    }

    /// Types a chapter of the page behind its first block.
    fn types(&self, heading: &str) -> Vec<Step> {
        let data = self.service.site.path("data").display().to_string();
        let own = [
            ("http://127.0.0.1:7447", self.service.address.as_str()),
            ("=/data/payments", &format!("={data}")),
        ];
        let page = filled_in(&page("docs/how-to/ship.md"), &own);
        let all = [blocks(chapter(&page, "")), blocks(chapter(&page, heading))].concat();
        let home = self.service.site.directory("home");
        let steps = Shell::new(&self.service.site).with("SKEIN_HOME", home).types(&all);
        tell(&steps);
        steps
    }
}

#[test]
fn a_team_ships_a_module_by_curl_and_takes_it_back_as_the_page_says() {
    let given = Given::start();
    let steps = given.types("With curl");
    let said = |command: &str| {
        let mut found = steps.iter().filter(|step| step.commands.contains(command));
        found.next().unwrap_or_else(|| panic!("{command} is not there")).said.clone()
    };
    assert!(said("Prefer: wait").contains(r#""state":"ready""#));
    assert!(said("/found").contains(r#""name":"orders-2""#));
    assert!(said("/samples/0").contains(r#""eligible":3"#));
    let followed = said("actions/start");
    assert_eq!(followed.matches("event: run.published").count(), DATASETS, "{followed}");
    let undone = said("roll_back");
    assert!(undone.contains(r#""state":"rolled_back""#) && undone.contains(r#""reverted":3"#), "{undone}");
    assert_eq!(trees(&given.service.site), given.before, "rolled back to the byte");
}

#[test]
fn a_team_ships_a_module_by_command_and_takes_it_back_as_the_page_says() {
    let given = Given::start();
    let steps = given.types("With skein");
    published_and_taken_back(&steps);
    assert_eq!(trees(&given.service.site), given.before, "rolled back to the byte");
}

/// What the last block of commands says in the end.
#[track_caller]
fn published_and_taken_back(steps: &[Step]) {
    let said = &steps.last().unwrap().said;
    for wanted in ["3: 3 published", "rolled_back: 3 of 3 datasets"] {
        assert!(said.contains(wanted), "{said}");
    }
}

/// A server that ends with the test.
struct Served(Running);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

/// A server as the README starts one, but for its port.
fn served(site: &Site, line: &str) -> (Served, String) {
    let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
    assert_eq!(words[..2], ["skein", "serve"]);
    let call = site.skein("serve").env("SKEIN_HOME", site.path(HOME));
    let call = words[2..].iter().fold(call, |call, word| call.arg(word));
    let (running, address) = listens(call.arg("--listen").arg("127.0.0.1:0"));
    (Served(running), address)
}

/// Where Skein is at home if nothing else is said.
const HOME: &str = "home/.local/share/skein";

#[test]
fn the_readme_leads_from_a_server_to_a_campaign_and_back() {
    let site = Site::new();
    let before = furnish(&site);
    let readme = page("README.md");
    let walk = chapter(&readme, "A server for teams");
    let serve = walk.lines().find(|line| line.starts_with("skein serve")).unwrap();
    let (_served, address) = served(&site, serve);
    let data = site.path("data").display().to_string();
    let walk = filled_in(walk, &[("http://127.0.0.1:7447", &address), ("/data/payments", &data)]);
    let steps = Shell::new(&site).with("HOME", site.path("home")).types(&blocks(&walk));
    tell(&steps);
    published_and_taken_back(&steps);
    let token = std::fs::read_to_string(site.path("work/ada.token")).unwrap();
    assert!(token.starts_with("skn_"), "{token}");
    assert_eq!(trees(&site), before, "rolled back to the byte");
}
