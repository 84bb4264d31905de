//! Every built-in rule, queries that are wrong, and queries that want more than they may.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use skein_types::{Millis, Rule, RuleVerdict};

use super::evaluate;
use crate::asked::{Answer, Asked, Limits, Question, Table, TableFile};

fn file(place: &Path, name: &str, columns: Vec<(&str, ArrayRef)>) -> TableFile {
    let path = place.join(name);
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    TableFile { path, size, partitions: Vec::new() }
}

fn numbers(of: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(of.to_vec()))
}

fn texts(of: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(of.to_vec()))
}

/// Before: 1, 2, 3, 4. After: 1, 2, 2 and a row without an id. Nothing rejected.
fn shop(place: &Path) -> Question {
    let before = file(place, "b", vec![("id", numbers(&[Some(1), Some(2), Some(3), Some(4)]))]);
    let after = file(
        place,
        "a",
        vec![
            ("id", numbers(&[Some(1), Some(2), Some(2), None])),
            ("Land", texts(&[Some("DE"), Some("AT"), Some("it's"), None])),
            ("price", Arc::new(Float64Array::from(vec![Some(1.5), Some(-0.5), Some(f64::NAN), None]))),
        ],
    );
    let table = |name: &str, files| Table { name: Some(name.to_owned()), files, ..Table::default() };
    let added = ["skein_file", "skein_code"].map(str::to_owned).to_vec();
    let rejects = Table { like: Some(0), added, ..table("rejects", Vec::new()) };
    let tables = vec![table("before", vec![before]), table("after", vec![after]), rejects];
    Question { tables, rules: Vec::new(), limits: Limits { wall: Millis(20_000), ..Limits::STANDARD } }
}

fn asked(mut question: Question, rules: &[&str]) -> Vec<Answer> {
    let rule =
        |json: &&str| serde_json::from_str::<Rule>(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    question.rules = rules.iter().map(rule).map(Asked::alone).collect();
    answered(question)
}

fn answered(question: Question) -> Vec<Answer> {
    let mut answers = Vec::new();
    let evaluating = move || {
        evaluate(&question, |answer| answers.push(answer));
        answers
    };
    thread::Builder::new().stack_size(256 << 20).spawn(evaluating).unwrap().join().unwrap()
}

fn sql(query: &str) -> String {
    serde_json::json!({ "name": "r", "sql": query }).to_string()
}

#[test]
fn each_built_in_rule_counts_what_breaks_it() {
    let place = tempfile::tempdir().unwrap();
    let cases = [
        (r#"{"name":"r","reconcile":true}"#, "pass 0 rows are not accounted for"),
        (r#"{"name":"r","not_null":["id"]}"#, "broken 1 rows have no value"),
        (r#"{"name":"r","not_null":["id","Land"]}"#, "broken 1 rows have no value"),
        (r#"{"name":"r","unique":["id"]}"#, "broken 1 rows are there again"),
        (r#"{"name":"r","unique":["id","Land"]}"#, "pass 0 rows are there again"),
        (r#"{"name":"r","range":{"column":"id","min":1,"max":2}}"#, "pass 0 rows are out of range"),
        (r#"{"name":"r","range":{"column":"id","min":2}}"#, "broken 1 rows are out of range"),
        // A value that is no number is above every number.
        (r#"{"name":"r","range":{"column":"price","min":-0.25,"max":9}}"#, "broken 2 rows are out of range"),
        (
            r#"{"name":"r","accepted_values":{"column":"Land","values":["DE","AT","it's"]}}"#,
            "pass 0 rows have another value",
        ),
        (
            r#"{"name":"r","accepted_values":{"column":"Land","values":["DE"]}}"#,
            "broken 2 rows have another value",
        ),
        (
            r#"{"name":"r","row_count":{"min":4,"max":4,"min_percent":100,"max_percent":100}}"#,
            "pass 0 rows too few or too many",
        ),
        (r#"{"name":"r","row_count":{"min":7}}"#, "broken 3 rows too few or too many"),
        (r#"{"name":"r","row_count":{"max":3}}"#, "broken 1 rows too few or too many"),
        (r#"{"name":"r","row_count":{"min_percent":126}}"#, "broken 2 rows too few or too many"),
        (r#"{"name":"r","row_count":{"max_percent":99}}"#, "broken 1 rows too few or too many"),
    ];
    let answers = asked(shop(place.path()), &cases.map(|(rule, _)| rule));
    for (answer, (rule, expected)) in answers.iter().zip(cases) {
        assert_eq!(format!("{} {}", answer.verdict, answer.observed), expected, "{rule}");
    }
}

#[test]
fn a_query_answers_with_a_truth_value_or_a_count_and_all_else_is_not_known() {
    let place = tempfile::tempdir().unwrap();
    let cases = [
        ("select count(*) = 4 from after", "pass "),
        ("select bool_and(id < 2) from after", "broken "),
        ("select count(*) from after where id > 1", "broken 2 violations"),
        ("select count(*) from rejects where id = 1 and skein_code = 'x'", "pass 0 violations"),
        (
            "select count(*) from before b left join after a on a.id = b.id where a.id is null",
            "broken 2 violations",
        ),
        ("select id from after", "inconclusive it answers with more than one row"),
        ("select id from after where id > 9", "inconclusive it answers with no row"),
        ("select 1, 2", "inconclusive it answers with more than one column"),
        ("select null", "inconclusive it answers with null"),
        ("select \"Land\" from after limit 1", "inconclusive it answers with Utf8View"),
        ("select -1", "inconclusive it answers with a count below 0"),
        ("select 1.5", "inconclusive it answers with Float64"),
        ("select max(land) = 'x' from after", "inconclusive No field named land"),
        // What fails at a value does not show it.
        (
            "select cast(\"Land\" as bigint) = 1 from after limit 1",
            "inconclusive a value cannot be computed or converted",
        ),
        (
            "select digest('x', (select max(\"Land\") from after)) is null",
            "inconclusive it fails while it is evaluated",
        ),
    ];
    let rules: Vec<String> = cases.iter().map(|(query, _)| sql(query)).collect();
    let answers = asked(shop(place.path()), &rules.iter().map(String::as_str).collect::<Vec<_>>());
    for (answer, (query, expected)) in answers.iter().zip(cases) {
        let found = format!("{} {}", answer.verdict, answer.observed);
        assert!(
            found == expected || found.starts_with(expected) && !expected.ends_with(' '),
            "{query}: {found}"
        );
    }
}

#[test]
fn whatever_reads_or_writes_or_does_not_end_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let mut question = shop(place.path());
    question.limits.wall = Millis(3_000);
    let secret = file(place.path(), "secret.parquet", vec![("x", numbers(&[Some(1)]))]).path;
    let secret = secret.display();
    let queries = [
        format!("select count(*) from '{secret}'"),
        format!("select count(*) from \"{secret}\""),
        "select count(*) from '0'".to_owned(),
        "select count(*) from \"rules://files/0\"".to_owned(),
        "select count(*) from information_schema.tables".to_owned(),
        "select count(*) from other".to_owned(),
        format!("copy (select 1) to '{secret}'"),
        format!("create external table t stored as parquet location '{secret}'"),
        "create table t as select 1".to_owned(),
        "create view t as select 1".to_owned(),
        "insert into after select * from before".to_owned(),
        "delete from after".to_owned(),
        "drop table after".to_owned(),
        "set datafusion.execution.batch_size = 1".to_owned(),
        "reset datafusion.execution.batch_size".to_owned(),
        "explain select 1".to_owned(),
        "show tables".to_owned(),
        "select 1; select 0".to_owned(),
        "prepare p as select 1".to_owned(),
        format!("select read_parquet('{secret}')"),
        format!("select count(*) from read_csv('{secret}')"),
        format!("select count(*) from parquet_metadata('{secret}')"),
        "select count(*) from generate_series(1, 9)".to_owned(),
        "select version('x')".to_owned(),
        "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r".to_owned(),
        format!("select {}1{}", "(".repeat(8_000), ")".repeat(8_000)),
        "select".to_owned(),
        "\u{0}".to_owned(),
    ];
    let rules: Vec<String> = queries.iter().map(|query| sql(query)).collect();
    let answers = asked(question, &rules.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(answers.len(), queries.len());
    for (answer, query) in answers.iter().zip(&queries) {
        assert_eq!(answer.verdict, RuleVerdict::Inconclusive, "{:.80}: {}", query, answer.observed);
        assert!(answer.observed.as_str().len() <= 900, "{query:.80}");
    }
}

#[test]
fn files_of_several_schemas_and_directories_are_one_table() {
    let place = tempfile::tempdir().unwrap();
    let mut question = shop(place.path());
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![7]));
    let mut one = file(place.path(), "1", vec![("id", narrow)]);
    let mut two =
        file(place.path(), "2", vec![("id", numbers(&[Some(1 << 40)])), ("new", texts(&[Some("x")]))]);
    one.partitions = vec![Some("DE".to_owned())];
    two.partitions = vec![None];
    question.tables[0].files = vec![one, two];
    question.tables[0].partitions = vec!["land".to_owned()];
    let queries = [
        "select sum(id) = 1099511627783 from before",
        "select count(new) = 1 from before",
        "select count(*) = 1 from before where land = 'DE' and id = 7",
        "select count(*) = 1 from before where land is null and new = 'x'",
    ];
    let rules = queries.map(sql);
    for (answer, query) in asked(question, &rules.each_ref().map(String::as_str)).iter().zip(queries) {
        assert_eq!(answer.verdict, RuleVerdict::Pass, "{query}: {}", answer.observed);
    }
}

#[test]
fn a_file_that_is_another_one_now_is_not_read() {
    let place = tempfile::tempdir().unwrap();
    let mut question = shop(place.path());
    question.tables[1].files[0].size += 1;
    let answers =
        asked(question, &[r#"{"name":"r","not_null":["id"]}"#, r#"{"name":"r","sql":"select true"}"#]);
    assert_eq!(answers[0].verdict, RuleVerdict::Inconclusive);
    assert_eq!(answers[0].observed.as_str(), "a file cannot be read");
    assert_eq!(answers[1].verdict, RuleVerdict::Pass);
}

#[test]
fn another_dataset_is_a_table_of_the_rule_that_names_it_alone() {
    let place = tempfile::tempdir().unwrap();
    let mut question = shop(place.path());
    let other = file(place.path(), "o", vec![("key", numbers(&[Some(1), Some(5)]))]);
    question.tables.push(Table { files: vec![other], ..Table::default() });
    let rule = r#"{"name":"r","referential":{"column":"id","dataset":"d","to":"key"}}"#;
    let rule = serde_json::from_str::<Rule>(rule).unwrap();
    let spy = serde_json::from_str::<Rule>(&sql("select count(*) from other")).unwrap();
    question.rules =
        vec![Asked { tables: vec![("other".to_owned(), 3)], ..Asked::alone(rule) }, Asked::alone(spy)];
    let answers = answered(question);
    assert_eq!(answers[0].observed.as_str(), "2 rows name what is not there");
    assert_eq!(answers[1].verdict, RuleVerdict::Inconclusive);
}

#[test]
fn a_column_that_is_not_there_is_named_and_those_that_are_there_are_not() {
    let place = tempfile::tempdir().unwrap();
    let queries = ["select count(*) from after where guess = 1", "select max(a.lan) = 'x' from after a"];
    let answers = asked(shop(place.path()), &queries.map(sql).each_ref().map(String::as_str));
    for answer in answers {
        assert_eq!(answer.verdict, RuleVerdict::Inconclusive);
        let said = answer.observed.as_str();
        assert!(said.starts_with("No field named") || said.starts_with("Schema error"), "{said}");
        assert!(!said.contains("price") && !said.contains("Land") && !said.contains('\n'), "{said}");
    }
}

#[test]
fn a_column_that_is_hidden_is_not_there_and_the_others_are_themselves() {
    let place = tempfile::tempdir().unwrap();
    let mut question = shop(place.path());
    let mut after = question.tables[1].clone();
    (after.name, after.hidden) = (None, vec!["ID".to_owned()]);
    question.tables.push(after);
    question.tables.push(Table { name: None, like: Some(3), ..question.tables[2].clone() });
    let cases = [
        ("select count(*) from after where id = 2", "inconclusive No field named id"),
        ("select count(id) = 4 from before", "pass "),
        ("select count(*) = 4 from after", "pass "),
        ("select count(*) = 2 from after where price < 9", "pass "),
        ("select max(\"Land\") = 'it''s' from after", "pass "),
        ("select count(*) = 1 from (select * from after where \"Land\" = 'DE') where price = 1.5", "pass "),
        ("select count(*) = 0 from rejects where id = 1", "inconclusive No field named id"),
        ("select count(*) = 0 from rejects where price = 1", "pass "),
    ];
    let own = || vec![("after".to_owned(), 3), ("rejects".to_owned(), 4)];
    let rule = |(query, _): &(&str, &str)| serde_json::from_str::<Rule>(&sql(query)).unwrap();
    let rules = cases.iter().map(rule).map(|rule| Asked { tables: own(), ..Asked::alone(rule) });
    question.rules = rules.collect();
    for (answer, (query, expected)) in answered(question).iter().zip(cases) {
        assert_eq!(format!("{} {}", answer.verdict, answer.observed), expected, "{query}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    /// Whatever a column or a value is called, it ends no quotation.
    #[test]
    fn names_and_values_are_never_read_as_sql(name in "[a-z\"';() =-]{1,12}", value in "[a-z\"';() =-]{0,12}") {
        let place = tempfile::tempdir().unwrap();
        let mut question = shop(place.path());
        question.tables[1].files = vec![file(place.path(), "x", vec![(&name, texts(&[Some(&value), None]))])];
        let rules = [
            serde_json::json!({"name": "r", "not_null": [name]}),
            serde_json::json!({"name": "r", "accepted_values": {"column": name, "values": [value]}}),
            serde_json::json!({"name": "r", "unique": [name]}),
        ]
        .map(|rule| rule.to_string());
        let found = asked(question, &rules.each_ref().map(String::as_str));
        let verdicts = found.iter().map(|answer| answer.verdict).collect::<Vec<_>>();
        prop_assert_eq!(verdicts, [RuleVerdict::Broken, RuleVerdict::Pass, RuleVerdict::Pass]);
    }
}
