//! `skein run --dry-run`: what it shows is what a run does, and nothing at all is written.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, Int32Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use host_tests::{Call, Outcome, Site, fixture, guests, modules, project, text_table};
use serde_json::{Value, json};
use skein_types::codes;

/// Nobody's uid, by convention.
const NOBODY: u32 = 65_534;

const FILTERS: [(&str, &str); 6] = [
    (r"/tmp/skein-test-\w+", "[SITE]"),
    (r"sha256:[0-9a-f]{12}", "sha256:[DIGEST]"),
    (r"about [0-9.]+ m?s, [0-9.]+ m?s CPU", "about [TIME], [TIME] CPU"),
    (r"(?m)^  fuel       [0-9,]+$", "  fuel       [FUEL]"),
    (r"[0-9.]+[KMGT]iB free", "[SIZE] free"),
    (r"blake3:[0-9a-f]{12}", "blake3:[DIGEST]"),
];

macro_rules! snapshot {
    ($name:literal, $outcome:expr) => {
        insta::with_settings!({ filters => FILTERS.to_vec(), omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, $outcome.stdout);
        });
    };
}

/// What is in a directory and below it, with everything that writing would change: inode, times, mode, size.
fn traces(path: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let at = path.symlink_metadata().unwrap();
        let times =
            (at.ino(), at.mtime(), at.mtime_nsec(), at.ctime(), at.ctime_nsec(), at.mode(), at.size());
        if at.is_dir() {
            left.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path, format!("{times:?}"));
    }
    found
}

fn orders(files: i64) -> (Site, PathBuf) {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, files);
    (site, dataset)
}

fn spec() -> Value {
    json!({ "name": "tidy-orders", "steps": [
        { "rename": "customer", "to": "client" },
        { "cast": "amount", "to": "decimal(12,2)" },
        { "drop": "note" }
    ] })
}

/// A dry run, of which it is made sure that it leaves no trace in the directory of the dataset or above it.
#[track_caller]
fn dry(site: &Site, module: &str, dataset: &Path, params: &Value, more: &[&str]) -> Outcome {
    let place = dataset.parent().unwrap();
    let before = traces(place);
    let mut call = site.run(&guests::component(module), dataset).params(params).arg("--dry-run");
    for argument in more {
        call = call.arg(argument);
    }
    let outcome = call.finish();
    assert_eq!(traces(place), before, "a dry run left a trace: {outcome:#?}");
    outcome
}

#[track_caller]
fn dry_json(site: &Site, module: &str, dataset: &Path, params: &Value, more: &[&str]) -> Value {
    dry(site, module, dataset, params, &[more, &["-o", "json"]].concat()).succeeded().json()
}

fn run(site: &Site, module: &str, dataset: &Path, params: &Value) -> Value {
    site.run(&guests::component(module), dataset)
        .params(params)
        .arg("-o")
        .arg("json")
        .finish()
        .succeeded()
        .json()
}

/// All rows of a dataset's files in order, as the text that a dry run shows.
fn rows(dataset: &Path, columns: &Value) -> Vec<Vec<Option<String>>> {
    let mut files: Vec<PathBuf> = dataset.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| texts(&fixture::read(file), columns)).collect()
}

fn texts(batch: &RecordBatch, columns: &Value) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::new().with_null("null");
    let names: Vec<&str> = columns.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let text = |row: usize, name: &&str| {
        let column = batch.column_by_name(name).unwrap();
        let formatter = ArrayFormatter::try_new(column, &options).unwrap();
        (!column.is_null(row)).then(|| formatter.value(row).to_string())
    };
    (0..batch.num_rows()).map(|row| names.iter().map(|name| text(row, name)).collect()).collect()
}

fn cells(row: &Value) -> Vec<Option<String>> {
    row.as_array().unwrap().iter().map(|cell| cell.as_str().map(str::to_owned)).collect()
}

fn fates(sample: &Value) -> Vec<&Value> {
    sample["groups"].as_array().unwrap().iter().flat_map(|group| group["rows"].as_array().unwrap()).collect()
}

#[test]
fn a_dry_run_shows_everything_in_order_and_writes_nothing() {
    let (site, dataset) = orders(2);
    snapshot!("dry-run-columns", dry(&site, "columns", &dataset, &spec(), &["--limit", "6"]).succeeded());
    assert!(!site.path("data/.skein").exists());
}

#[test]
fn what_a_dry_run_shows_is_what_the_run_writes() {
    let (site, dataset) = orders(3);
    let shown = dry_json(&site, "columns", &dataset, &spec(), &["--limit", "60"]);
    let group = &shown["sample"]["groups"][0];
    let before = rows(&dataset, &group["columns"]["before"]);
    let report = run(&site, "columns", &dataset, &spec());
    let after = rows(&dataset, &group["columns"]["after"]);
    let sampled = fates(&shown["sample"]);
    assert_eq!(sampled.len(), 60);
    for row in &sampled {
        let file: usize = row["file"].as_str().unwrap()[5..10].parse().unwrap();
        let place = file * 1_000 + usize::try_from(row["row"].as_u64().unwrap()).unwrap();
        assert_eq!(cells(&row["before"]), before[place], "{row}");
        match row["fate"].as_str().unwrap() {
            "kept" => assert!(after.contains(&cells(&row["after"])), "{row}"),
            "rejected" => assert_eq!(place % 100, 99, "{row}"),
            other => unreachable!("{other}"),
        }
    }
    assert!(
        sampled.iter().any(|row| row["fate"] == "rejected"),
        "one reject is among the rows that are shown"
    );
    let files: std::collections::BTreeSet<&str> =
        sampled.iter().map(|row| row["file"].as_str().unwrap()).collect();
    assert_eq!(files.len(), 3, "the sample is spread over the files");

    // Nine row groups, of which six are looked at: the rest is extrapolated.
    let (estimate, rows) = (&shown["estimate"], &report["rows"]);
    assert_eq!(estimate["rows"], rows["read"]);
    assert_eq!((&estimate["row_groups_sampled"], &estimate["row_groups"]), (&json!(6), &json!(9)));
    assert!(estimate["rows_sampled"].as_u64() < estimate["rows"].as_u64());
    let near = |name: &str, found: &Value, factor: f64| {
        let (guess, is) = (estimate[name].as_f64().unwrap(), found.as_f64().unwrap());
        assert!(guess <= is * factor && is <= guess * factor, "{name}: {guess} for {is}");
    };
    near("rows_written", &rows["written"], 1.02);
    near("rows_rejected", &rows["rejected"], 1.5);
    near("fuel", &report["cost"]["fuel"], 1.2);
    near("bytes_read", &report["bytes_read"], 1.000_001);
    near("bytes_written", &report["bytes_written"], 1.3);
}

#[test]
fn the_sample_is_a_function_of_the_dataset_and_the_plan() {
    let (site, dataset) = orders(4);
    let params = json!({ "name": "kept", "steps": [{ "case": "note", "to": "upper" }] });
    let look = |threads| {
        let mut shown = dry_json(&site, "columns", &dataset, &params, &["--threads", threads]);
        for measured in ["took", "room"] {
            shown[measured].take();
        }
        for measured in ["time", "cpu"] {
            shown["estimate"][measured].take();
        }
        shown
    };
    let first = look("1");
    assert_eq!(first, look("2"));
    assert_eq!(fates(&first["sample"]).len(), 20, "so many without --limit");
    let spliced = first["estimate"]["bytes_spliced"].as_u64().unwrap();
    assert!(spliced > 0 && spliced < first["estimate"]["bytes_written"].as_u64().unwrap(), "{first:#}");
    let kept = |row: &&Value| row["fate"] == "kept" && row["changed"].as_array().unwrap().is_empty();
    let unchanged = fates(&first["sample"]).iter().filter(|row| kept(row)).count();
    assert!(0 < unchanged && unchanged < 20, "null notes stay, others change: {unchanged}");
}

/// The host writes it anew, in each file that has it so.
#[test]
fn a_carried_column_that_a_file_has_narrower_is_not_said_to_be_spliced() {
    let site = Site::new();
    let dataset = site.directory("data/orders");
    let orders = |from, to| fixture::orders(from, to).project(&[0, 1, 3]).unwrap();
    fixture::write(&dataset.join("wide.parquet"), &orders(0, 1_000), 400);
    let wide = orders(1_000, 2_000);
    let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(1_000..2_000));
    let [customers, notes] = [1, 2].map(|column| Arc::clone(wide.column(column)));
    let narrow = [("id", ids, false), ("customer", customers, false), ("note", notes, true)];
    let narrow = RecordBatch::try_from_iter_with_nullable(narrow).unwrap();
    fixture::write(&dataset.join("narrow.parquet"), &narrow, 400);
    let params = json!({ "name": "kept", "steps": [{ "case": "note", "to": "upper" }] });
    let shown = dry_json(&site, "columns", &dataset, &params, &[]);
    let report = run(&site, "columns", &dataset, &params);
    assert_eq!(shown["estimate"]["bytes_spliced"], report["bytes_spliced"], "all was looked at");
    let [guess, is] = [&shown["estimate"], &report].map(|said| said["bytes_written"].as_f64().unwrap());
    assert!(guess <= is * 1.3 && is <= guess * 1.3, "{guess} for {is}");
}

/// A dataset of the input of a scenario, and the scenario's parameters.
fn scenario(name: &str) -> (Site, PathBuf, Value) {
    let site = Site::new();
    let dataset = site.directory(&format!("data/{name}"));
    let scenario = project::root().join("host-tests/scenarios").join(name);
    for file in scenario.join("input").read_dir().unwrap() {
        let file = file.unwrap().path();
        let batch = text_table::parse(&String::from_utf8(std::fs::read(&file).unwrap()).unwrap());
        let stem = file.file_stem().unwrap().to_str().unwrap();
        fixture::write(&dataset.join(format!("{stem}.parquet")), &batch, 1_000);
    }
    let params = String::from_utf8(std::fs::read(scenario.join("params.toml")).unwrap()).unwrap();
    (site, dataset, toml::from_str(&params).unwrap())
}

#[test]
fn rows_that_would_go_are_shown_as_gone() {
    let (site, dataset, params) = scenario("keep-recent");
    snapshot!("dry-run-keep-recent", dry(&site, "keep-recent", &dataset, &params, &[]).succeeded());
    let shown = dry_json(&site, "keep-recent", &dataset, &params, &[]);
    let fates: Vec<&str> = fates(&shown["sample"]).iter().map(|row| row["fate"].as_str().unwrap()).collect();
    assert_eq!(fates, ["kept", "kept", "filtered", "kept", "filtered", "filtered", "rejected"]);
    let rows = ["rows_written", "rows_filtered", "rows_rejected"].map(|name| shown["estimate"][name].clone());
    assert_eq!(rows, [json!(3), json!(3), json!(1)]);
}

#[test]
fn as_json_a_dry_run_has_all_of_it() {
    let (site, dataset, params) = scenario("keep-recent");
    let shown = dry(&site, "keep-recent", &dataset, &params, &["--limit", "3", "-o", "json"]).succeeded();
    insta::with_settings!({ filters => [
        (r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
        (r"blake3:[0-9a-f]{64}", "blake3:[DIGEST]"),
        (r#""(fuel|cpu|time|free|took)": \d+"#, r#""$1": [MEASURED]"#),
    ], omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("dry-run-json", shown.stdout);
    });
}

#[test]
fn on_a_terminal_there_are_colours_unless_they_are_not_wanted_and_lines_fit() {
    let (site, dataset) = orders(1);
    let command =
        "stty cols 64 rows 40; exec \"$BIN\" run \"$MODULE\" \"$DATASET\" --params \"$PARAMS\" --dry-run";
    let call = |no_color: &str| {
        let call = Call::behind("script", &["-qec", command, "/dev/null"], site.home());
        let call = call.env("BIN", project::skein()).env("MODULE", guests::component("columns"));
        let call = call.env("DATASET", &dataset).env("PARAMS", spec().to_string()).env("TERM", "xterm");
        call.env("NO_COLOR", no_color).finish().succeeded().stdout
    };
    assert!(call("").contains("\u{1b}[1mestimate for the whole\u{1b}[0m"));
    let plain = call("1");
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let (_, sample) = plain.split_once("ROW  ").unwrap();
    let (sample, _) = sample.split_once("\r\n\r\n").unwrap();
    assert!(sample.contains('│') && sample.lines().all(|line| line.chars().count() <= 64), "{sample}");
}

#[test]
fn where_rows_have_no_counterpart_both_sides_are_shown_apart() {
    let (site, dataset, params) = scenario("flatten-nested");
    snapshot!("dry-run-flatten-nested", dry(&site, "flatten-nested", &dataset, &params, &[]).succeeded());
    let shown = dry_json(&site, "flatten-nested", &dataset, &params, &[]);
    let group = &shown["sample"]["groups"][0];
    run(&site, "flatten-nested", &dataset, &params);
    let written = rows(&dataset, &group["columns"]["after"]);
    let outputs: Vec<_> = group["outputs"].as_array().unwrap().iter().map(cells).collect();
    assert_eq!(outputs, written, "all that comes out of so few rows");
}

#[test]
fn a_module_with_state_is_shown_at_the_head_of_the_dataset() {
    let (site, dataset, params) = scenario("dedupe-keys");
    snapshot!("dry-run-dedupe-keys", dry(&site, "dedupe-keys", &dataset, &params, &[]).succeeded());
    let shown = dry_json(&site, "dedupe-keys", &dataset, &params, &[]);
    let report = run(&site, "dedupe-keys", &dataset, &params);
    assert_eq!(shown["sample"]["head"], true);
    assert_eq!(shown["estimate"]["rows_written"], report["rows"]["written"]);

    // More than a dry run takes of it: it begins at the first row and ends early.
    let site = Site::new();
    let dataset = site.directory("data/many");
    let batch = fixture::orders(0, 150_000).project(&[0, 4]).unwrap();
    for file in 0..2 {
        fixture::write(&dataset.join(format!("{file}.parquet")), &batch, 50_000);
    }
    let shown = dry_json(&site, "dedupe-keys", &dataset, &json!({ "keys": ["id"] }), &[]);
    let sampled = shown["estimate"]["rows_sampled"].as_u64().unwrap();
    assert!((100_000..=150_000).contains(&sampled), "{sampled} of 300000");
    let at = |row: &Value| (row["file"].as_str().unwrap().to_owned(), row["row"].as_u64().unwrap());
    let rows: Vec<_> = fates(&shown["sample"]).into_iter().map(at).collect();
    assert_eq!(rows.first(), Some(&("0.parquet".to_owned(), 0)));
    assert!(rows.iter().all(|(file, _)| file == "0.parquet") && rows.is_sorted(), "{rows:?}");
}

#[test]
fn files_that_went_through_already_join_and_a_dataset_that_did_is_done() {
    let (site, dataset) = orders(2);
    run(&site, "columns", &dataset, &spec());
    let again = dry(&site, "columns", &dataset, &spec(), &[]).succeeded();
    assert!(again.stdout.starts_with("already migrated: "), "{again:#?}");
    let again = dry_json(&site, "columns", &dataset, &spec(), &[]);
    assert_eq!((&again["outcome"], &again["version"]), (&json!("already_migrated"), &json!(1)));

    fixture::write(&dataset.join("part-00009.parquet"), &fixture::orders(9_000, 9_500), 400);
    let one_more = dry_json(&site, "columns", &dataset, &spec(), &[]);
    let work = ["files", "joined", "rows", "row_groups"].map(|name| one_more["work"][name].clone());
    assert_eq!((work, &one_more["version"]), ([json!(1), json!(2), json!(500), json!(2)], &json!(1)));
    // The files differ by now: done over, they are planned for again.
    dry(&site, "columns", &dataset, &spec(), &["--again"]).refused(codes::PLAN_REFUSED);

    let other = json!({ "name": "tidy-orders", "steps": [{ "drop": "note" }] });
    dry(&site, "columns", &dataset, &other, &[]).refused(codes::ALREADY_OTHER_DIGEST);
}

#[test]
fn a_dataset_that_may_only_be_read_is_shown_with_what_would_stop_a_run() {
    let (site, dataset) = orders(1);
    let before = traces(&site.path("data"));
    site.open_to_all();
    let (skein, module) = (site.borrow(project::skein()), site.borrow(&guests::component("columns")));
    let home = site.directory("nobody");
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    for path in [&site.path("data"), &dataset] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o555)).unwrap();
    }
    let call = Call::behind(skein.to_str().unwrap(), &["run", "--dry-run", "-o", "json"], &home);
    let outcome = call.arg(&module).arg(&dataset).params(&spec()).as_user(NOBODY).finish().succeeded();
    let shown = outcome.json();
    assert_eq!(shown["warnings"][0]["code"], codes::PERMISSION.id, "{shown:#}");
    assert_eq!(shown["estimate"]["rows"], 1_000);
    let names = |traces: BTreeMap<PathBuf, String>| traces.into_keys().collect::<Vec<_>>();
    assert_eq!(names(traces(&site.path("data"))), names(before));
}

#[test]
fn columns_that_a_file_lacks_stores_narrower_or_has_in_its_path_are_shown_as_such() {
    let site = Site::new();
    let dataset = site.directory("data/hive");
    let write = |file: &str, table: &str| {
        let path = dataset.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        fixture::write(&path, &text_table::parse(table), 100);
    };
    write("year=2023/a.parquet", "id int64 | note string?\n1 | first\n2 | -");
    write("year=2024/b.parquet", "id int32\n3\n4");
    let params = json!({ "name": "hive", "steps": [{ "case": "note", "to": "upper" }] });
    let shown = dry_json(&site, "columns", &dataset, &params, &[]);
    assert_eq!(shown["work"]["partitions"], json!(["year"]));
    let was = |plan: usize, name: &str| {
        let columns = shown["plans"][plan]["columns"].as_array().unwrap();
        columns.iter().find(|column| column["name"] == name).unwrap()["was"].clone()
    };
    assert_eq!((&was(1, "id")["stored"], &was(1, "note")["absent"]), (&json!("Int32"), &json!(true)));
    assert_eq!((&was(0, "id")["stored"], &was(0, "note")["absent"]), (&Value::Null, &Value::Null));
    let rows: Vec<Value> =
        fates(&shown["sample"]).into_iter().map(|row| json!([row["before"], row["after"]])).collect();
    let expected = [
        json!([["1", "first", "2023"], ["1", "FIRST", "2023"]]),
        json!([["2", null, "2023"], ["2", null, "2023"]]),
        json!([["3", null, "2024"], ["3", null, "2024"]]),
        json!([["4", null, "2024"], ["4", null, "2024"]]),
    ];
    assert_eq!(rows, expected);
    let text = dry(&site, "columns", &dataset, &params, &[]).succeeded().stdout;
    for line in ["  partitions year", "  year  Utf8  partition", "  id    Int64 not null  stored as Int32"] {
        assert!(text.lines().any(|found| found == line), "no {line:?} in {text}");
    }
}

#[test]
fn a_dry_run_needs_no_lock() {
    let (site, dataset) = orders(2);
    run(&site, "columns", &dataset, &json!({ "name": "first", "steps": [{ "drop": "year" }] }));
    let state = host_tests::guard::state_directory(&dataset);
    let lock = std::fs::File::open(state.join("run.lock")).unwrap();
    lock.lock().unwrap();
    let locked = site.run(&guests::component("columns"), &dataset).params(&spec()).finish();
    locked.refused(codes::DATASET_LOCKED);
    dry(&site, "columns", &dataset, &spec(), &[]).succeeded();
}

#[test]
fn of_a_wide_table_what_changes_is_shown_and_the_rest_counted() {
    let site = Site::new();
    let dataset = site.directory("data/wide");
    let orders = fixture::orders(0, 100);
    let names = (0..300).map(|n| (format!("column {n}"), orders.column(4).clone(), true));
    let wide = [("order_key".to_owned(), orders.column(0).clone(), false)].into_iter().chain(names);
    let wide = wide.chain([("amount".to_owned(), orders.column(2).clone(), false)]);
    let batch = RecordBatch::try_from_iter_with_nullable(wide).unwrap();
    fixture::write(&dataset.join("a.parquet"), &batch, 100);
    let params = json!({ "name": "wide", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }, { "drop": "column 7" }] });
    let shown = dry(&site, "columns", &dataset, &params, &["--limit", "2"]).succeeded();
    snapshot!("dry-run-wide", shown);
    let too_wide =
        shown.stdout.lines().find(|line| line.chars().count() > 120 && !line.starts_with("dry run"));
    assert_eq!(too_wide, None);
    let shown = dry_json(&site, "columns", &dataset, &params, &["--limit", "2"]);
    let columns = &shown["sample"]["groups"][0]["columns"];
    let count = |side: &str| columns[side].as_array().unwrap().len();
    assert_eq!((count("before"), count("after"), &columns["left_out"]), (128, 128, &json!(302 + 301 - 256)));
}

#[test]
fn nothing_that_a_terminal_obeys_comes_from_data_names_or_words() {
    let site = Site::new();
    let dataset = site.directory("data/loud");
    let loud = "\u{1b}[2J\u{202e}owned\r\n";
    let values: ArrayRef = Arc::new(arrow_array::StringArray::from(vec![loud, "plain"]));
    let batch = RecordBatch::try_from_iter([(loud, values)]).unwrap();
    fixture::write(&dataset.join("a.parquet"), &batch, 100);
    let params = json!({ "name": "loud", "steps": [{ "cast": loud, "to": "int64" }, { "rename": loud, "to": "quiet" }] });
    let outcome = dry(&site, "columns", &dataset, &params, &[]).succeeded();
    assert!(outcome.stdout.contains("\\u{1b}[2J\\u{202e}owned\\r\\n"), "{}", outcome.stdout);
    let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!outcome.stdout.contains(obeyed) && !outcome.stderr.contains(obeyed), "{outcome:#?}");
}

#[test]
fn a_secret_shows_nowhere() {
    let (site, dataset) = orders(1);
    let file = site.file("pepper", "customer 5");
    let params = json!({ "name": "hashed", "steps": [{ "hash": "amount", "key": { "$secret": "pepper" } }] });
    let secret = format!("pepper=@{}", file.display());
    let shown =
        dry(&site, "columns", &dataset, &params, &["--secret", &secret, "--limit", "300", "-o", "json"]);
    assert!(!shown.stdout.contains("customer 5"), "{}", shown.stdout);
    assert!(shown.stdout.contains("\"customer 4\"") && shown.stdout.contains("\"***\""), "{}", shown.stdout);
    let _same = shown.succeeded();
}

#[test]
fn limit_belongs_to_a_dry_run() {
    let (site, dataset) = orders(1);
    let call = || site.run(&guests::component("columns"), &dataset).params(&spec());
    for arguments in [["--limit", "5"].as_slice(), &["--dry-run", "--limit", "0"]] {
        let outcome = arguments.iter().fold(call(), |call, argument| call.arg(argument)).finish();
        assert_eq!(outcome.code(), i32::from(codes::USAGE.exit_code()), "{outcome:#?}");
    }
    assert!(!site.path("data/.skein").exists());
}

#[test]
fn words_in_a_parameter_schema_are_shown_by_check_and_not_obeyed() {
    let schema = r#"{"properties":{"a\u001b[2Jb":{}}}"#;
    let bytes: String = schema.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    // The manifest's parameter schema: pointer and length, then the text itself.
    let fields = format!(
        "(data (i32.const 1068) \"\\00\\09\\00\\00\\{:02x}\\00\\00\\00\") (data (i32.const 2304) \"{bytes}\")",
        schema.len()
    );
    let site = Site::new();
    let module = site.file("loud.wasm", modules::by_hand(&fields));
    let outcome = site.skein("check").arg(module).finish().succeeded();
    assert!(outcome.stdout.contains("params    a\\u{1b}[2Jb\n"), "{}", outcome.stdout);
}

/// What a dry run prints, without what is measured and what names this build.
fn lasting(text: &str) -> Vec<&str> {
    let passing = ["  module ", "  time ", "  fuel ", "  room "];
    text.trim().lines().filter(|line| !passing.iter().any(|start| line.starts_with(start))).collect()
}

/// The transcript of the page, with the spec of the page, over the dataset that the tests have.
#[test]
fn the_page_about_dry_runs_shows_what_is_printed() {
    let page = project::root().join("docs/how-to/see-before-you-believe.md");
    let page = String::from_utf8(std::fs::read(page).unwrap()).unwrap();
    let block = |kind: &str| {
        let (_, rest) = page.split_once(&format!("```{kind}\n")).unwrap();
        rest.split_once("\n```").unwrap().0
    };
    let site = Site::new();
    fixture::orders_directory(&site.path("shop/orders"), 2);
    site.file("orders-v2.toml", block("toml"));
    let call = site.run(&guests::component("columns"), Path::new("shop/orders"));
    let arguments = ["--params", "@orders-v2.toml", "--dry-run", "--limit", "8"];
    let printed =
        arguments.iter().fold(call, |call, argument| call.arg(argument)).finish().succeeded().stdout;
    assert_eq!(lasting(block("text")), lasting(&printed), "the page wants to be:\n{printed}");
}
