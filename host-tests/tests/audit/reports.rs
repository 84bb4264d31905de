//! What a campaign came to, with a line per dataset: as a page that carries its signature, as a table, as a document.

use host_tests::service::Service;
use skein_types::codes;

use super::{flip, keys, published};

#[test]
fn a_report_has_a_line_per_dataset_in_each_form_and_the_page_says_who_signed_it() {
    let mut service = Service::start(4).with_module_and_datasets();
    let campaign = published(&service);
    let (pem, _) = keys(&service);
    let report = service.get(&format!("/v1/campaigns/{campaign}/report"));
    assert_eq!((&report["success"], &report["datasets"]), (&100_000.into(), &4.into()));
    let actions: Vec<String> = report["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["actor"], one["what"]))
        .collect();
    assert_eq!(
        actions,
        [
            r#""local" "campaign.created""#,
            r#""local" "campaign.moved planning""#,
            r#""local" "campaign.moved approved""#
        ]
    );
    assert_eq!(report["human_actions"], 3);
    let lines = service.get(&format!("/v1/campaigns/{campaign}/report/datasets?limit=3"));
    assert_eq!((lines["items"].as_array().unwrap().len(), &lines["next"]), (3, &"2".into()));
    let first = &lines["items"][0];
    // It was the canary: published, taken back, and made current again.
    assert_eq!(
        (&first["name"], &first["base"], &first["version"]),
        (&"orders-000".into(), &0.into(), &3.into())
    );
    assert!(
        first["output"].is_string() && first["took_ms"].is_u64() && first["statement"].is_string(),
        "{first}"
    );

    let save = |end: &str| {
        let file = service.site.path(&format!("report.{end}"));
        let call = service.call("campaign").arg("report").arg(&campaign).arg("--save").arg(&file);
        (call.finish(), file)
    };
    let (saved, csv) = save("csv");
    saved.succeeded();
    let text = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(text.matches("\r\n").count(), 5, "{text}");
    assert!(text.starts_with("seq,run,dataset,name,") && text.contains(",orders-003,"), "{text}");
    let (saved, document) = save("json");
    saved.succeeded();
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
    assert_eq!(document["datasets"].as_array().unwrap().len(), 4);
    assert_eq!(document["datasets"][0], *first);
    assert_eq!(document["report"]["campaign"], report["campaign"]);
    let attest = |file: &std::path::Path, key: &std::path::Path| {
        let call = service.site.skein("audit").arg("attest").arg("--verify").arg(file).arg("--key").arg(key);
        call.arg("-o").arg("json").finish()
    };
    for plain in [&csv, &service.site.path("report.json")] {
        let refused = attest(plain, &pem);
        refused.refused_json(codes::ATTEST_FORM);
        assert!(
            refused.stdout.contains("it is not signed") && refused.stdout.contains(".html is"),
            "{refused:?}"
        );
    }
    save("pdf").0.refused_json(codes::USAGE);
    let (saved, page) = save("html");
    saved.succeeded();
    service.stop();

    let verify = || {
        let call = service.site.skein("audit").arg("attest").arg("--verify").arg(&page);
        call.arg("--key").arg(&pem).arg("-o").arg("json").finish()
    };
    let said = verify().succeeded().json();
    assert_eq!(
        (&said["statement"]["datasets"], &said["statement"]["campaign"]),
        (&4.into(), &report["campaign"])
    );
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(!text.contains(" src=") && !text.contains(" href="), "it hangs on nothing else");
    flip(&page, Some(text.find("orders-002").unwrap()));
    verify().refused_json(codes::ATTEST_CONTENT);
}

#[test]
fn it_is_no_second_try_that_finds_a_file_which_is_not_there() {
    let site = host_tests::Site::new();
    let (there, none) = (site.file("there", "{}"), site.path("none"));
    let audit = |words: &[&std::path::Path]| {
        let call = site.skein("audit");
        words.iter().fold(call, |call, word| call.arg(word)).arg("-o").arg("json").finish()
    };
    let [attest, verify, key] = ["attest", "--verify", "--key"].map(std::path::Path::new);
    audit(&[attest, verify, &none, key, &there]).refused_json(codes::FILE_NOT_FOUND);
    audit(&[attest, verify, &there, key, &none]).refused_json(codes::FILE_NOT_FOUND);
    audit(&["verify".as_ref(), none.as_path()]).refused_json(codes::FILE_NOT_FOUND);
}
