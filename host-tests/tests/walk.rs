//! What an author goes through, with cargo: the tutorial from `skein new` to a published migration and back, and crates for
//! more awkward schemas than the tutorial's.

use std::path::Path;
use std::time::Duration;

use host_tests::authors;
use host_tests::tutorial::{Reader, Step, blocks};
use host_tests::{Site, fixture, guard};

/// What the tutorial promises. On a built tree most of it is cargo's time.
const TEN_MINUTES: Duration = Duration::from_secs(600);

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tutorial.md");
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_tutorial_leads_from_nothing_to_a_published_migration_and_back() {
    let site = Site::new();
    let mut reader = Reader::new(&site);
    let dataset = site.path("work/shop/orders");
    let mut steps: Vec<Step> = Vec::new();
    let (mut original, mut migrated) = (None, None);
    for block in blocks(&page()) {
        let step = reader.follow(&block);
        println!("{:>6.1} s  {}", step.took.as_secs_f64(), step.commands.lines().next().unwrap());
        println!("{}", step.said);
        if dataset.exists() {
            original.get_or_insert_with(|| guard::tree(&dataset));
        }
        if step.commands.contains("skein run ") {
            migrated = Some(fixture::read(&only_file(&dataset)));
        }
        steps.push(step);
    }
    let whole: Duration = steps.iter().map(|step| step.took).sum();
    println!("{:>6.1} s  in all", whole.as_secs_f64());
    let names: Vec<_> = migrated.unwrap().schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["id", "client", "amount", "note"]);
    assert_eq!(Some(guard::tree(&dataset)), original, "rolled back to the byte");
    assert_eq!(steps.iter().filter(|step| step.said.contains("test result: ok. 1 passed")).count(), 1);
    assert_eq!(steps.iter().filter(|step| step.said.contains("test result: ok. 2 passed")).count(), 1);
    let said = |text: &str| steps.iter().any(|step| step.said.contains(text));
    assert!(said("built ./orders-v2.wasm: orders-v2 0.1.0"));
    assert!(said("published shop/orders version 1: orders-v2 0.1.0"));
    assert!(whole < TEN_MINUTES, "{whole:?}");
}

fn only_file(dataset: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(dataset).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

#[test]
fn what_does_not_compile_is_shown_with_file_and_line() {
    let site = Site::new();
    authors::skein(&site, "new").arg("broken").finish().succeeded();
    let library = site.path("broken/src/lib.rs");
    let text = String::from_utf8(std::fs::read(&library).unwrap()).unwrap();
    site.file("broken/src/lib.rs", text.replace("Ok(plan)", "Ok(plam)"));
    let outcome = authors::skein(&site, "build").arg("broken").finish();
    assert_eq!(outcome.code(), 65, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("error[E0425]") && outcome.stderr.contains("src/lib.rs:"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("error[SK0115]: broken does not build"), "{}", outcome.stderr);
    assert!(!site.path("broken/broken.wasm").exists());
}
