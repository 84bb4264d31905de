//! `new` and `build` where they need no cargo: what is refused, and what a crate looks like.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where clippy allows it")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use host_tests::{Guard, Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

fn orders() -> (Site, std::path::PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    (site, dataset)
}

fn text(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_crate_names_the_datasets_columns_and_the_dataset_is_only_looked_at() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let made = site.skein("new").arg("tidy-orders").arg("--from").arg(&dataset).arg("-o").arg("json");
    let made = made.finish().succeeded().json();
    guard.untouched();
    assert_eq!((made["columns"].as_u64(), made["rows"].as_u64()), (Some(5), Some(200)));
    assert_eq!(made["real_rows"], true);
    let library = text(&site.path("tidy-orders/src/lib.rs"));
    for line in ["//! id        Int64 not null\n", "//! note      Utf8\n", "pub struct TidyOrders;"] {
        assert!(library.contains(line), "{library}");
    }
    let sdk = made["sdk"].as_str().unwrap();
    assert!(text(&site.path("tidy-orders/Cargo.toml")).contains(&format!("path = \"{sdk}\"")));
    assert!(Path::new(sdk).join("src/lib.rs").is_file());
}

/// The second file has wider ids, one column less and one more.
#[test]
fn the_columns_of_a_crate_are_those_of_all_files_together() {
    let site = Site::new();
    let dataset = site.directory("data/orders");
    let customers = Arc::clone(fixture::orders(0, 1_000).column(1));
    let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(0..1_000));
    let old = RecordBatch::try_from_iter([("id", ids), ("customer", customers)]).unwrap();
    fixture::write(&dataset.join("a.parquet"), &old, 400);
    fixture::write(&dataset.join("b.parquet"), &fixture::orders(1_000, 2_000).project(&[0, 3]).unwrap(), 400);
    let guard = Guard::over(&dataset);
    let made = site.skein("new").arg("both").arg("--from").arg(&dataset).arg("-o").arg("json").finish();
    let made = made.succeeded().json();
    guard.untouched();
    assert_eq!((made["columns"].as_u64(), made["rows"].as_u64()), (Some(3), Some(200)));
    let library = text(&site.path("both/src/lib.rs"));
    let columns = ["//! id        Int64", "//! customer  Utf8\n", "//! note      Utf8\n"];
    assert!(columns.iter().all(|line| library.contains(line)), "{library}");
    let rows = fixture::read(&site.path("both/fixture/source.parquet"));
    let ids = rows.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values();
    assert!(ids.is_sorted() && ids[0] == 0 && ids[199] > 1_900, "of both files: {ids:?}");
    let old = ids.iter().filter(|id| **id < 1_000).count();
    assert_eq!(rows.column(2).slice(0, old).null_count(), old, "the first file has no notes");
    assert_eq!(rows.column(1).null_count(), 200 - old, "the second has no customers");

    // A dataset whose schema is that of all is what they lead to without a change.
    let target = site.directory("data/target");
    fixture::write(&target.join("a.parquet"), &rows, 400);
    let call = site.skein("new").arg("same").arg("--from").arg(&dataset).arg("--to").arg(&target);
    call.finish().succeeded();
    let library = text(&site.path("same/src/lib.rs"));
    assert!(!library.contains("compute(") && !library.contains("drop("), "{library}");
}

#[test]
fn the_sample_is_spread_over_the_dataset_and_the_same_every_time() {
    let (site, dataset) = orders();
    for name in ["one", "two"] {
        site.skein("new").arg(name).arg("--from").arg(&dataset).finish().succeeded();
    }
    let bytes = |path: &str| std::fs::read(site.path(path)).unwrap();
    assert_eq!(bytes("one/fixture/source.parquet"), bytes("two/fixture/source.parquet"));
    assert_eq!(bytes("one/fixture/source.arrows"), bytes("two/fixture/source.arrows"));
    let rows = fixture::read(&site.path("one/fixture/source.parquet"));
    let ids = rows.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values();
    assert_eq!(ids.len(), 200);
    assert!(ids.is_sorted() && ids[0] == 0 && ids[199] > 1_900, "{ids:?}");
}

#[test]
fn without_a_sample_no_value_of_the_dataset_is_in_the_crate() {
    let (site, dataset) = orders();
    let call = site.skein("new").arg("shy").arg("--from").arg(&dataset).arg("--no-sample");
    call.finish().succeeded();
    let rows = fixture::read(&site.path("shy/fixture/source.parquet"));
    assert_eq!(rows.num_rows(), 20);
    let amounts = rows.column(2).as_any().downcast_ref::<StringArray>().unwrap();
    assert_eq!((amounts.value(0), amounts.value(19)), ("amount 0", "amount 19"));
    assert!(text(&site.path("shy/fixture/README.md")).starts_with("# Fixture: invented rows"));
}

#[test]
fn real_rows_are_their_takers_alone_and_the_rest_of_the_crate_is_as_any_other() {
    let (site, dataset) = orders();
    site.skein("new").arg("real").arg("--from").arg(&dataset).finish().succeeded();
    site.skein("new").arg("made-up").arg("--from").arg(&dataset).arg("--no-sample").finish().succeeded();
    let mode = |path: &str| site.path(path).metadata().unwrap().permissions().mode() & 0o777;
    let fixture = ["fixture/README.md", "fixture/source.arrows", "fixture/source.parquet"];
    let modes = |name: &str, paths: &[&str]| -> Vec<u32> {
        paths.iter().map(|path| mode(&format!("{name}/{path}"))).collect()
    };
    assert_eq!(modes("real", &fixture), [0o600; 3]);
    assert_eq!(modes("real", &["fixture", "src", ".", "src/lib.rs"]), [0o700, 0o755, 0o755, 0o644]);
    assert_eq!(modes("made-up", &["fixture", "fixture/source.parquet"]), [0o755, 0o644]);
}

#[test]
fn a_name_of_any_length_is_cut_where_people_read_it_and_whole_where_the_code_needs_it() {
    let site = Site::new();
    let long = "n".repeat(70_000);
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rows = RecordBatch::try_from_iter_with_nullable([(&long, ids, false)]).unwrap();
    fixture::write(&site.directory("data").join("a.parquet"), &rows, 1);
    site.skein("new").arg("long").arg("--from").arg(site.path("data")).finish().succeeded();
    let library = text(&site.path("long/src/lib.rs"));
    assert!(library.contains(&format!("{long:?}")), "the code names the column");
    assert!(library.contains(&format!("//! {}…  Int64 not null\n", "n".repeat(59))), "{}", &library[..600]);
}

#[test]
fn the_plan_of_a_target_has_each_difference_in_its_place() {
    let (site, dataset) = orders();
    let target = site.file(
        "target.json",
        r#"{"columns": [
            {"name": "client", "type": "string", "nullable": false},
            {"name": "id", "type": "int64", "nullable": false},
            {"name": "amount", "type": "float64"},
            {"name": "year", "type": "int32"},
            {"name": "seen", "type": "timestamp(us,UTC)"}
        ]}"#,
    );
    let call = site.skein("new").arg("orders-v2").arg("--from").arg(&dataset).arg("--to").arg(target);
    call.finish().succeeded();
    let library = text(&site.path("orders-v2/src/lib.rs"));
    for line in [
        "let plan = plan.drop(\"customer\");",
        "let plan = plan.drop(\"note\");",
        "let plan = plan.compute(\"amount\", DataType::Float64, true, &[\"amount\"]);",
        "// let plan = plan.rename(\"customer\", \"client\");",
        "let plan = plan.order(&[\"client\", \"id\", \"amount\", \"year\", \"seen\"]);",
        "batch.parse_strs(\"amount\", \"bad-amount\", out, |text| text.trim().parse::<f64>().ok())?",
        "const UNWRITTEN: &[&str] = &[\"client\"];",
    ] {
        assert!(library.contains(line), "wanted {line}:\n{library}");
    }
    assert!(!library.contains("drop(\"id\")") && !library.contains("compute(\"year\""), "{library}");
}

/// The words after `lead` in a message, up to what is none.
fn words(message: &str, lead: &str) -> Vec<String> {
    let (_, list) = message.split_once(lead).unwrap_or_else(|| panic!("{message}"));
    let plain = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    list.lines().next().unwrap().split(", ").take_while(plain).map(str::to_owned).collect()
}

/// `new` reads the types of a target file, the `columns` module those of a cast: one language, read in two places that
/// share no code. Each says which words it knows; what a cast to each makes is what a target file means by it.
#[test]
fn a_target_file_and_a_cast_mean_the_same_types_by_the_same_words() {
    let (site, dataset) = orders();
    let columns = |dataset: &Path, steps: Value| {
        let spec = json!({ "name": "words", "steps": steps });
        site.run(&guests::component("columns"), dataset).params(&spec)
    };
    let target = |word: &str| json!({ "columns": [{ "name": "id", "type": word }] }).to_string();
    let unknown = site.file("unknown.json", target("no such word"));
    let refused = site.skein("new").arg("a").arg("--from").arg(&dataset).arg("--to").arg(unknown).finish();
    let of_files = words(&refused.refused(codes::SCHEMA_FILE).stderr, "known are ");
    let refused = columns(&dataset, json!([{ "cast": "id", "to": "no such word" }])).finish();
    let mut of_casts = words(&refused.refused(codes::PARAMS_INVALID).stderr, "known: ");
    let only_files: Vec<&String> = of_files.iter().filter(|word| !of_casts.contains(word)).collect();
    assert_eq!(only_files, ["binary", "large_binary"], "nothing is cast to bytes");
    assert_eq!(of_files.len(), of_casts.len() + 2);

    let with_more = ["decimal(12,2)", "decimal( 5 )", "decimal(38,38)", "timestamp(us, +02:00)"];
    let of_units = ["s", "ms", "us", "ns"].map(|unit| format!("timestamp({unit},UTC)"));
    let plain_units = ["s", "ms", "us", "ns"].map(|unit| format!("timestamp({unit})"));
    of_casts.extend(with_more.map(str::to_owned).into_iter().chain(of_units).chain(plain_units));
    let named: Vec<(String, &String)> =
        of_casts.iter().enumerate().map(|(at, word)| (format!("c{at}"), word)).collect();
    let texts: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    let texts = named.iter().map(|(name, _)| (name, Arc::clone(&texts), true));
    let source = site.file("source.parquet", "");
    fixture::write(&source, &RecordBatch::try_from_iter_with_nullable(texts).unwrap(), 1);
    let cast = |(name, word): &(String, &String)| json!({ "cast": name, "to": word });
    let steps: Vec<Value> = named.iter().filter(|(_, word)| *word != "string").map(cast).collect();
    columns(&source, json!(steps)).arg("--output").arg("cast").finish().succeeded();
    let target = named.iter().map(|(name, word)| json!({ "name": name, "type": word }));
    let target = site.file("target.json", json!({ "columns": target.collect::<Vec<_>>() }).to_string());
    let call = site.skein("new").arg("same").arg("--from").arg("cast").arg("--to").arg(target);
    call.finish().succeeded();
    let library = text(&site.path("same/src/lib.rs"));
    assert!(!library.contains("compute("), "a word means two types:\n{library}");
    assert_eq!(library.matches("\n//! c").count(), of_casts.len(), "{library}");
}

#[test]
fn what_is_there_is_never_written_into() {
    let site = Site::new();
    let there = site.directory("orders-v2");
    site.file("orders-v2/mine.txt", "mine");
    let guard = host_tests::guard::tree(&there);
    site.skein("new").arg("orders-v2").finish().refused(codes::DIRECTORY_EXISTS);
    assert_eq!(host_tests::guard::tree(&there), guard);
    site.skein("new").arg("orders-v2").arg("--dir").arg("elsewhere").finish().succeeded();
    site.skein("new")
        .arg("orders-v2")
        .arg("--dir")
        .arg("elsewhere")
        .finish()
        .refused(codes::DIRECTORY_EXISTS);
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let (site, dataset) = orders();
    let bad_schema = site.file("bad.json", r#"{"columns": [{"name": "a", "type": "varchar"}]}"#);
    let entries = || std::fs::read_dir(site.path("")).unwrap().count();
    let before = entries();
    let new = |name: &str| site.skein("new").arg(name);
    new("2024").finish().refused(codes::USAGE);
    new("../up").finish().refused(codes::USAGE);
    new("fn").finish().refused(codes::USAGE);
    assert_eq!(new("a").arg("--to").arg(&bad_schema).finish().code(), 64, "--to wants --from");
    new("a").arg("--from").arg(site.path("nowhere")).finish().refused(codes::DATASET_NOT_FOUND);
    let refused = new("a").arg("--from").arg(&dataset).arg("--to").arg(&bad_schema).finish();
    assert!(refused.refused(codes::SCHEMA_FILE).stderr.contains("column \"a\": the type \"varchar\""));
    new("a").arg("--sdk").arg(site.path("data")).finish().refused(codes::USAGE);
    new("a").arg("--dir").arg("bad.json/below").finish().refused(codes::IO);
    assert_eq!(entries(), before);
}

#[test]
fn a_damaged_copy_of_the_sdk_is_mended() {
    let site = Site::new();
    let home = site.directory("home");
    let new = |name: &str| {
        let call = site.skein("new").env("SKEIN_HOME", &home).arg(name).arg("-o").arg("json");
        call.finish().succeeded().json()["sdk"].as_str().unwrap().to_owned()
    };
    let library = Path::new(&new("one")).join("src/lib.rs");
    let sound = text(&library);
    std::fs::File::create(&library).unwrap().write_all(b"half a fi").unwrap();
    new("two");
    assert_eq!(text(&library), sound);
}

#[test]
fn a_clone_gives_its_own_sdk() {
    let site = Site::new();
    let root = host_tests::project::root();
    let call = site.skein("new").env("SKEIN_SDK", root).arg("mine").arg("-o").arg("json");
    let made = call.finish().succeeded().json();
    assert_eq!(made["sdk"].as_str().unwrap(), root.join("guest-sdk/rust/skein-sdk").to_str().unwrap());
}

#[test]
fn building_what_is_no_crate_or_without_cargo_says_what_is_missing() {
    let site = Site::new();
    site.skein("build").finish().refused(codes::NOT_A_CRATE);
    site.file("plain/Cargo.toml", "[package]\nname = \"plain\"\nversion = \"1.0.0\"\n");
    let outcome = site.skein("build").arg("plain").finish();
    assert!(outcome.refused(codes::NOT_A_CRATE).stderr.contains("cdylib"), "{}", outcome.stderr);
    site.skein("new").arg("mine").finish().succeeded();
    let outcome = site.skein("build").arg("mine").env("PATH", site.directory("no-tools")).finish();
    let stderr = &outcome.refused(codes::TOOL_MISSING).stderr;
    assert!(stderr.contains("rustc cannot be started") && stderr.contains("https://rustup.rs"), "{stderr}");
}

/// A toolchain whose rustc knows no such target is told what to add.
#[test]
fn a_toolchain_without_the_target_is_told_the_command() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    site.skein("new").arg("mine").finish().succeeded();
    let rustc = site.file("tools/rustc", "#!/bin/sh\necho /nowhere/lib\n");
    std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", site.path("tools").display());
    let outcome = site.skein("build").arg("mine").env("PATH", path).finish();
    let stderr = &outcome.refused(codes::TOOL_MISSING).stderr;
    assert!(stderr.contains("hint: rustup target add wasm32-wasip2"), "{stderr}");
}
