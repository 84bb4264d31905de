//! Rules as they are written, and what their results lead to.

use super::{Check, Literal, Rule, RuleResult, RuleVerdict, RulesLead, Severity};
use crate::text::{Name, Text};

fn read(json: &str) -> Result<Rule, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn a_rule_says_one_thing_and_is_written_as_it_was_read() {
    for json in [
        r#"{"name":"a","not_null":["x"],"severity":"error"}"#,
        r#"{"name":"a","range":{"column":"x","max":1.5,"min":0},"severity":"warn"}"#,
        r#"{"accepted_values":{"column":"x","values":["it's",true,3]},"name":"a","severity":"hold"}"#,
        r#"{"name":"a","referential":{"column":"x","dataset":"shop/customers","to":"id"},"severity":"error"}"#,
        r#"{"name":"a","severity":"error","sql":"select true","with":{"t":"shop/other"}}"#,
        r#"{"name":"a","row_count":{"min_percent":90},"severity":"error"}"#,
        r#"{"name":"a","range":{"column":"x","max":"a","min":"b"},"severity":"error"}"#,
        r#"{"name":"a","range":{"column":"x","max":7,"min":7},"severity":"error"}"#,
        r#"{"name":"a","reconcile":true,"severity":"error"}"#,
    ] {
        let rule = read(json).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), json, "{rule:?}");
    }
    let rule = read(r#"{"name":"a","unique":["x","y"]}"#).unwrap();
    assert_eq!((rule.severity, rule.check.kind()), (Severity::Error, "unique"));
}

#[test]
fn what_is_no_rule_is_refused_with_what_is_wrong() {
    for (json, says) in [
        (r#"{"name":"a"}"#, "says 0 things"),
        (r#"{"name":"a","unique":["x"],"reconcile":true}"#, "says 2 things"),
        (r#"{"name":"a","reconcile":false}"#, "says 0 things"),
        (r#"{"name":"a b","reconcile":true}"#, "a name has"),
        (r#"{"name":"a","unique":[]}"#, "lists from 1"),
        (r#"{"name":"a","range":{"column":"x"}}"#, "min, max or both"),
        (r#"{"name":"a","range":{"column":"x","min":100,"max":10}}"#, "min is above max"),
        (r#"{"name":"a","range":{"column":"x","min":0.5,"max":-1}}"#, "min is above max"),
        (r#"{"name":"a","row_count":{"min":2,"max":1}}"#, "min is above max"),
        (r#"{"name":"a","row_count":{"min_percent":100,"max_percent":90}}"#, "min is above max"),
        (r#"{"name":"a","row_count":{}}"#, "has a bound"),
        (r#"{"name":"a","sql":" "}"#, "its SQL has"),
        (r#"{"name":"a","sql":"select 1","with":{"after":"d"}}"#, "no name for a table"),
        (r#"{"name":"a","unique":["x"],"with":{"t":"d"}}"#, "only SQL"),
        (r#"{"name":"a","unique":["x"],"colour":1}"#, "unknown field"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn a_rule_is_of_the_result_alone_if_it_needs_nothing_that_was_before() {
    for (what, alone) in [
        (r#""not_null":["x"]"#, true),
        (r#""unique":["x"]"#, true),
        (r#""range":{"column":"x","max":1}"#, true),
        (r#""accepted_values":{"column":"x","values":[1]}"#, true),
        (r#""referential":{"column":"x","dataset":"d","to":"id"}"#, true),
        (r#""row_count":{"min":1,"max":9}"#, true),
        (r#""row_count":{"min":1,"max_percent":100}"#, false),
        (r#""row_count":{"min_percent":90}"#, false),
        (r#""reconcile":true"#, false),
        (r#""sql":"select true from after""#, false),
    ] {
        let rule = read(&format!(r#"{{"name":"a",{what}}}"#)).unwrap();
        assert_eq!(rule.check.is_of_result_alone(), alone, "{what}");
    }
}

#[test]
fn no_text_ends_the_literal_that_it_is_in() {
    assert_eq!(Literal::Text("x' or '1'='1".to_owned()).sql(), "'x'' or ''1''=''1'");
    assert!(matches!(read(r#"{"name":"a","range":{"column":"x","max":1e3}}"#).unwrap().check,
        Check::Range { max: Some(Literal::Number(number)), .. } if number == "1000.0"));
}

#[test]
fn the_worst_result_leads_and_what_is_not_known_never_passes() {
    let result = |severity, verdict| RuleResult {
        rule: Name::new("a").unwrap(),
        consumer: None,
        severity,
        verdict,
        observed: Text::clip(""),
    };
    for severity in Severity::ALL {
        assert_eq!(result(*severity, RuleVerdict::Pass).leads(), RulesLead::On);
        assert_eq!(result(*severity, RuleVerdict::Inconclusive).leads(), RulesLead::Hold, "{severity}");
    }
    let broken = [Severity::Warn, Severity::Hold, Severity::Error].map(|s| result(s, RuleVerdict::Broken));
    assert_eq!(RulesLead::of(&broken[..1]), RulesLead::On);
    assert_eq!(RulesLead::of(&broken[..2]), RulesLead::Hold);
    assert_eq!(RulesLead::of(&broken), RulesLead::Fail);
    assert_eq!(RulesLead::of([]), RulesLead::On);
}

#[test]
fn what_a_reader_wants_keeps_a_result_back_and_ends_no_run() {
    for (severity, leads) in [
        (Severity::Warn, RulesLead::On),
        (Severity::Hold, RulesLead::Hold),
        (Severity::Error, RulesLead::Hold),
    ] {
        let (rule, consumer) = (Name::new("a").unwrap(), Some(Name::new("bi").unwrap()));
        let observed = Text::clip("");
        let broken = RuleResult { rule, consumer, severity, verdict: RuleVerdict::Broken, observed };
        assert_eq!(broken.leads(), leads, "{severity}");
    }
}
