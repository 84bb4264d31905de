//! What an author goes through, with cargo: the tutorial from `skein new` to a published migration and back, and crates for
//! more awkward schemas than the tutorial's.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy allows it")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Int32Array, Int64Array, RecordBatch, StringArray, UInt8Array,
    new_empty_array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use host_tests::authors;
use host_tests::call::Stream;
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
    authors::prepare();
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

/// A name that is a text whatever stands in it.
const ODD: &str = "odd \"name\"\n{{type}} {x} \\ é */ //";

fn awkward_source() -> RecordBatch {
    let texts = |values: [Option<&str>; 4]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let columns: [(&str, ArrayRef, bool); 11] = [
        ("wide", Arc::new(Int32Array::from(vec![Some(1), None, Some(-3), Some(4)])), true),
        ("narrow", Arc::new(Int64Array::from(vec![1, 2, 3, 1 << 40])), false),
        ("whole", texts([Some("1"), Some(" 2 "), None, Some("x")]), true),
        ("amount", texts([Some("1.5"), Some("-.25"), Some("+7"), Some("1.234")]), true),
        ("strict", texts([Some("a"), None, Some("c"), Some("d")]), true),
        ("float", Arc::new(Float32Array::from(vec![0.5, 1.5, 2.5, 3.5])), false),
        ("unsigned", Arc::new(UInt8Array::from(vec![1, 2, 3, 255])), false),
        ("flag", Arc::new(BooleanArray::from(vec![true, false, true, false])), false),
        (ODD, texts([Some("1e3"), Some("2"), None, Some("4")]), true),
        ("kept", texts([Some("k"), None, Some("k"), None]), true),
        ("gone", texts([None; 4]), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn awkward_target() -> Schema {
    let inside = DataType::Struct(vec![Field::new(ODD, DataType::Utf8, false)].into());
    Schema::new(vec![
        Field::new("new list", DataType::List(Arc::new(Field::new("item", inside, true))), true),
        Field::new("wide", DataType::Int64, true),
        Field::new("narrow", DataType::Int32, false),
        Field::new("whole", DataType::UInt16, true),
        Field::new("amount", DataType::Decimal128(5, 2), true),
        Field::new("strict", DataType::Utf8, false),
        Field::new("float", DataType::Float64, false),
        Field::new("unsigned", DataType::Int16, true),
        Field::new("flag", DataType::Utf8, false),
        Field::new(ODD, DataType::Float64, false),
        Field::new("kept", DataType::Utf8, true),
        Field::new("new at", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true),
    ])
}

fn empty(schema: Schema) -> RecordBatch {
    let columns = schema.fields().iter().map(|f| new_empty_array(f.data_type())).collect();
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

#[test]
fn a_crate_towards_any_schema_builds_and_passes_its_tests_at_once() {
    let site = Site::new();
    fixture::write(&site.path("source.parquet"), &awkward_source(), 4);
    fixture::write(&site.path("target.parquet"), &empty(awkward_target()), 4);
    let new = |name: &str, target: &str| {
        let call = authors::skein(&site, "new").arg(name).arg("--from").arg("source.parquet");
        call.arg("--to").arg(target).finish().succeeded();
        let library = String::from_utf8(std::fs::read(site.path(name).join("src/lib.rs")).unwrap()).unwrap();
        authors::cargo_test(&site, name, &format!("{library}\n"))
    };
    let said = new("towards", "target.parquet");
    assert!(said.contains("test result: ok. 2 passed; 0 failed; 0 ignored"), "{said}");
    assert!(!said.contains("warning"), "{said}");
    // Without values that only the author knows it says so, and that is what its test expects.
    let mut more = awkward_target().fields().to_vec();
    more.push(Arc::new(Field::new("owed", DataType::Date32, false)));
    fixture::write(&site.path("more.parquet"), &empty(Schema::new(more)), 4);
    let said = new("unwritten", "more.parquet");
    assert!(said.contains("test result: ok. 1 passed; 0 failed; 2 ignored"), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

/// Edits of one file of a crate, each from the text as it was made.
struct Editor<'a> {
    site: &'a Site,
    file: String,
    original: String,
}

impl<'a> Editor<'a> {
    fn of(site: &'a Site, name: &str) -> Self {
        let file = format!("{name}/src/lib.rs");
        let original = String::from_utf8(std::fs::read(site.path(&file)).unwrap()).unwrap();
        Self { site, file, original }
    }

    fn replaces(&self, pairs: &[(&str, &str)]) {
        let mut text = self.original.clone();
        for (from, to) in pairs {
            assert!(text.contains(from), "{from} is not in {text}");
            text = text.replace(from, to);
        }
        self.site.file(&self.file, text);
    }
}

#[test]
fn each_change_is_a_round_whatever_came_of_the_one_before() {
    authors::prepare();
    let site = Site::new();
    authors::skein(&site, "new").arg("mine").finish().succeeded();
    let editor = Editor::of(&site, "mine");
    let mut dev = authors::skein(&site, "dev").arg("mine").start();
    let mut rounds = 0;
    let mut next_round = |dev: &mut host_tests::call::Running| {
        rounds += 1;
        dev.says(Stream::Stderr, |said| said.matches("waiting for changes in mine").count() == rounds)
    };
    next_round(&mut dev);
    editor.replaces(&[(
        "// let plan = plan.rename(\"name\", \"new_name\")",
        "let plan = plan.rename(\"name\", \"label\")",
    )]);
    next_round(&mut dev);
    dev.says(Stream::Stdout, |said| said.contains("label"));
    editor.replaces(&[("Ok(plan)", "Ok(plam)")]);
    let said = next_round(&mut dev);
    assert!(
        said.contains("error[E0425]") && said.contains("--> src/lib.rs:") && said.contains("error[SK0115]"),
        "{said}"
    );
    editor.replaces(&[
        ("// let plan = plan.compute", "let plan = plan.compute"),
        ("// out.set(", "second(\"one\");\n        // out.set("),
        ("skein_sdk::export!", "#[inline(never)]\nfn second(text: &str) -> char {\n    text.chars().nth(7).unwrap()\n}\n\nskein_sdk::export!"),
    ]);
    let said = next_round(&mut dev);
    let at = std::fs::read(site.path("mine/src/lib.rs")).unwrap();
    let line = String::from_utf8(at).unwrap().lines().position(|l| l.contains("nth(7)")).unwrap() + 1;
    assert!(said.contains(&format!("the module panicked at src/lib.rs:{line}:")), "{said}");
    assert!(said.contains("\n  at mine::second\n"), "{said}");
    assert!(!said.contains("core::") && !said.contains("std::"), "{said}");
    dev.interrupt();
    assert_eq!(dev.finish().code(), 0);
}
