//! Copies of a server, and servers that are made of them.

use std::path::Path;

use host_tests::call::Stream;
use host_tests::service::Service;
use serde_json::json;
use skein_types::codes;

use super::access::any_holds;

const CANARY: &str = "canary-7f3a-not-for-copies";

#[test]
fn a_campaign_goes_on_in_a_server_that_was_restored_from_a_copy_made_while_it_ran() {
    let mut service = Service::start(60).with_module_and_datasets();
    assert_eq!(service.send("PUT /v1/teams/pay", "", b"{}").0, 200);
    assert_eq!(service.send("PUT /v1/teams/pay/secrets/key", "", CANARY.as_bytes()).0, 200);
    let campaign = service.campaign("copied");
    service.act(&campaign, "plan").succeeded();
    crate::brought(&service, &campaign, "planned");
    service.act(&campaign, "start").succeeded();
    let published =
        |service: &Service| service.runs(&campaign).iter().filter(|run| run["state"] == "published").count();
    crate::until("some are published", || published(&service) > 0);
    let copy = service.site.path("copy");
    let made = service.call("backup").arg(&copy).finish().succeeded().json();
    assert_eq!((&made["keys"], made["at"].as_str()), (&json!(false), copy.to_str()));
    assert!(made["position"].as_u64().unwrap() > 60, "{made}");
    service.call("backup").arg(&copy).finish().refused_json(codes::BACKUP_TAKEN);
    // The old one goes on, and more is published that the copy knows nothing of.
    crate::brought(&service, &campaign, "soaking");
    service.kill();

    let key = std::fs::read(service.site.home().join("keys/secrets.key")).unwrap();
    for secret in [CANARY.as_bytes(), &key] {
        assert!(!any_holds(&copy, secret));
    }
    let server = service.site.path("server");
    let restore = |service: &Service| {
        service.site.skein("restore").arg(&copy).arg("--dir").arg(&server).arg("-o").arg("json").finish()
    };
    restore(&service).refused_json(codes::RESTORE_PLACE);
    std::fs::rename(&server, service.site.path("old")).unwrap();
    let restored = restore(&service).succeeded().json();
    assert_eq!((&restored["position"], &restored["server"]), (&made["position"], &made["server"]));
    let since = restored["published_since"].as_u64().unwrap();

    service.start_again();
    let said = service.running.has_said(Stream::Stdout);
    assert!(said.starts_with("1 module is compiled first\nlistening on "), "{said}");
    crate::brought(&service, &campaign, "soaking");
    let runs = service.runs(&campaign);
    let skipped = runs.iter().filter(|run| run["state"] == "skipped").count();
    assert_eq!(published(&service) + skipped, 60, "{runs:?}");
    assert!(u64::try_from(skipped).unwrap() <= since, "{skipped} were done by the old one, and {since} told");
    for dataset in &service.datasets {
        assert_eq!(service.published(dataset), 1, "{}: each once", dataset.display());
    }
    service.stop();
    service.site.skein("restore").arg(service.site.path("old")).finish().refused(codes::BACKUP_FOREIGN);
}

#[test]
fn the_server_of_a_directory_copies_itself_whatever_else_is_named() {
    let service = Service::start(0);
    let backup = |to: &str| service.site.skein("backup").arg(service.site.path(to));
    let of = |call: host_tests::Call| call.arg("--dir").arg(service.site.path("server"));
    let elsewhere = |call: host_tests::Call| call.env("SKEIN_SERVER", "http://127.0.0.1:9");
    elsewhere(backup("a")).finish().refused(codes::SERVER_UNREACHABLE);
    elsewhere(of(backup("a"))).finish().succeeded();
    assert!(service.site.path("a/manifest.json").is_file());
    let (_, said) = service.send("GET /v1/audit?kind=backup.made", "", b"");
    let [made] = said["items"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!(made["body"]["to"], service.site.path("a").to_str().unwrap());
    assert_eq!((&made["body"]["with_keys"], &made["subject"]), (&json!(false), &json!("server")));
    assert!(made["from"].as_str().unwrap().starts_with("client:"), "{made}");
    let both = of(backup("b")).arg("--server").arg(&service.address).finish();
    assert_eq!(both.code(), 64, "{}", both.stderr);
}

#[test]
fn a_server_that_does_not_run_is_copied_from_its_directory_with_its_keys_if_asked() {
    let mut service = Service::start(0);
    assert_eq!(service.send("PUT /v1/teams/pay", "", b"{}").0, 200);
    assert_eq!(service.send("PUT /v1/teams/pay/secrets/key", "", CANARY.as_bytes()).0, 200);
    service.stop();
    let (server, copy) = (service.site.path("server"), service.site.path("copy"));
    let backup = |to: &Path| service.site.skein("backup").arg(to).arg("--dir").arg(&server);
    let key = std::fs::read(service.site.home().join("keys/secrets.key")).unwrap();
    // The keys are not those of whoever asks.
    let stranger = service.site.directory("stranger");
    let as_a_stranger = || backup(&copy).arg("--with-key").env("SKEIN_HOME", &stranger).finish();
    as_a_stranger().refused(codes::KEYS_MISSING);
    std::fs::create_dir(stranger.join("keys")).unwrap();
    for name in ["artifact.key", "secret-digest.key", "secrets.key"] {
        std::fs::copy(service.site.home().join("keys/artifact.key"), stranger.join("keys").join(name))
            .unwrap();
    }
    as_a_stranger().refused(codes::KEYS_MISSING);
    assert!(!copy.exists());
    backup(&copy).arg("--with-key").finish().succeeded();
    assert!(any_holds(&copy, &key) && !any_holds(&copy, CANARY.as_bytes()));
    // A home with other keys does not take these.
    let other = service.site.directory("other-home");
    let elsewhere = |home: &Path| {
        let call = service.site.skein("restore").arg(&copy).arg("--dir").arg(service.site.path("again"));
        call.env("SKEIN_HOME", home)
    };
    std::fs::create_dir(other.join("keys")).unwrap();
    std::fs::copy(service.site.home().join("keys/artifact.key"), other.join("keys/secrets.key")).unwrap();
    elsewhere(&other).finish().refused(codes::KEY_OTHER);
    // One byte of the ledger.
    let ledger = copy.join("server/ledger/ledger.db");
    let whole = std::fs::read(&ledger).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    std::fs::write(&ledger, flipped).unwrap();
    let fresh = service.site.directory("fresh-home");
    elsewhere(&fresh).finish().refused(codes::BACKUP_DAMAGED);
    std::fs::write(&ledger, whole).unwrap();
    // Keys that cannot be taken leave no server, and it can be asked for again.
    let mode = |mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(copy.join("keys/secrets.key"), permissions).unwrap();
    };
    mode(0o644);
    elsewhere(&fresh).finish().refused(codes::PERMISSION);
    mode(0o600);
    elsewhere(&fresh).finish().succeeded();
    assert_eq!(std::fs::read(fresh.join("keys/secrets.key")).unwrap(), key);
    let none =
        service.site.skein("backup").arg(service.site.path("c")).arg("--dir").arg(service.site.path("data"));
    none.finish().refused(codes::NOT_FOUND);
}
