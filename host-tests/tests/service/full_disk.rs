//! A full disk under a server's ledger, a real one: a small tmpfs that only the server sees.

use std::io::Write as _;
use std::path::PathBuf;

use host_tests::Call;
use host_tests::service::{self, Service};
use serde_json::json;

const DATASETS: i64 = 12;

/// The server again, with its directory on a tmpfs of this size; what was in it is there.
fn on_a_small_disk(service: &mut Service, size: &str) {
    let (home, server) = (service.site.home(), service.site.path("server"));
    let pid = service.running.id().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    crate::until("it is dead", || service.running.has_ended());
    let script = format!(
        "mount --make-rprivate /; cp -a \"$D\" \"$D.was\"; mount -t tmpfs -o size={size} tmpfs \"$D\"; \
         cp -a \"$D.was\"/. \"$D\"; exec \"$B\" serve --listen 127.0.0.1:0 --dir \"$D\" --nodes 2 --slots 1"
    );
    let call = Call::behind("unshare", &["--mount", "sh", "-euc", &script], home)
        .env("D", &server)
        .env("B", host_tests::project::skein());
    (service.running, service.address) = service::listens(call);
}

/// A file of the server's directory as the server sees it.
fn seen(service: &Service, name: &str) -> PathBuf {
    let inside = service.site.path("server").join(name);
    PathBuf::from(format!("/proc/{}/root{}", service.running.id(), inside.display()))
}

/// Takes all space that is left.
fn fill(service: &Service) -> PathBuf {
    let ballast = seen(service, "ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    ballast
}

#[test]
fn a_server_whose_disk_is_full_admits_nothing_says_so_keeps_what_it_said_and_goes_on_when_there_is_space() {
    let mut service = Service::start(DATASETS).with_module_and_datasets();
    on_a_small_disk(&mut service, "48m");
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    crate::brought(&service, &campaign, "planned");
    let pid = service.running.id();

    let ballast = fill(&service);
    // Whoever asks for something is told; what is there can be read.
    let body = json!({ "name": "more", "module": "columns@1", "params": { "name": "x".repeat(60_000) } });
    crate::until("a campaign is refused", || {
        let (status, body) = service.send("POST /v1/campaigns", "", body.to_string().as_bytes());
        assert!(status == 200 || (status == 503 && body["code"] == "SK0606"), "{status} {body}");
        status == 503
    });
    let (status, module) = service.send("PUT /v1/modules/more/versions/1", "", &[0; 100_000]);
    assert_eq!((status, &module["code"]), (503, &json!("SK0515")), "{module}");
    assert!(service.state_of(&campaign).is_some(), "reading goes on");
    // A start that was acknowledged holds, one that was refused did not happen.
    let started = service.act(&campaign, "start").status.success();
    crate::until("its log says so", || service.said("SK0606"));
    let before = service.send("GET /v1/events?limit=1000", "", b"").1;

    std::fs::remove_file(&ballast).unwrap();
    let after = service.send("GET /v1/events?limit=1000", "", b"").1;
    let (before, after) = (before["items"].as_array().unwrap(), after["items"].as_array().unwrap());
    assert_eq!(&after[..before.len()], &before[..], "what was there is there");
    if !started {
        service.act(&campaign, "start").succeeded();
    }
    crate::brought(&service, &campaign, "soaking");
    assert_eq!(service.running.id(), pid);
    assert!(!service.running.has_ended(), "the same process");
    for dataset in &service.datasets {
        assert_eq!(service.published(dataset), 1, "{}", dataset.display());
    }
}

#[test]
fn a_disk_that_fills_up_while_a_campaign_runs_keeps_it_and_loses_nothing() {
    let mut service = Service::start(DATASETS).with_module_and_datasets();
    on_a_small_disk(&mut service, "48m");
    let before = service.trees();
    // All may be through before it is full: three campaigns, and more until one met it.
    for number in 1.. {
        let campaign = service.campaign(&format!("campaign-{number}"));
        service.act(&campaign, "plan").succeeded();
        crate::brought(&service, &campaign, "planned");
        service.act(&campaign, "start").succeeded();
        let through = |service: &Service| {
            service.runs(&campaign).iter().filter(|run| run["state"] == "published").count()
        };
        crate::until("some are through", || through(&service) > 0);
        let ballast = fill(&service);
        let so_far = service.running.has_said(host_tests::call::Stream::Stderr).matches("SK0606").count();
        crate::until("it is full, or all are through", || {
            through(&service) == 12
                || service.running.has_said(host_tests::call::Stream::Stderr).matches("SK0606").count()
                    > so_far
        });
        std::fs::remove_file(&ballast).unwrap();
        crate::brought(&service, &campaign, "soaking");
        for dataset in &service.datasets {
            assert_eq!(service.published(dataset), number, "{}", dataset.display());
        }
        service.act(&campaign, "roll_back").succeeded();
        crate::brought(&service, &campaign, "rolled_back");
        assert_eq!(service.trees(), before);
        if number >= 3 && service.said("SK0606") {
            break;
        }
        assert!(number < 12, "it was never full while a campaign ran");
    }
}
