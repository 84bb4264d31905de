//! What rules see and tell of sensitive columns: to a reader's rule they are not there, and of any rule that could have looked at
//! one nothing is told but whether it holds. A count can be made to say what a value is, and so can what keeps a rule from being
//! evaluated.

use std::collections::BTreeSet;

use skein_dataset::{Dataset, Snapshot};
use skein_types::{Check, Rule, RuleVerdict, SchemaPlan, Text, sensitive_names};
use skein_verify::Answer;

use crate::error::RunError;
use crate::inputs;
use crate::job::Job;

/// Names of sensitive columns of one dataset, whatever tables they are in.
pub(crate) type Sensitive = BTreeSet<String>;

/// Those of a run: of what is read, as it was marked or named, and of what is made of it.
pub(super) fn of_job(job: &Job) -> Sensitive {
    let mut names: Sensitive = job.request.sensitive.iter().cloned().collect();
    job.plans.groups.iter().for_each(|group| names.extend(of_plan(&group.plan)));
    names
}

fn of_plan(plan: &SchemaPlan) -> impl Iterator<Item = String> + '_ {
    let tree = plan.source_tree();
    let sources = plan.sensitive().iter().filter_map(move |root| tree.get(*root));
    let made = plan.columns().iter().filter(move |column| plan.hides(column));
    sources.map(|node| node.field.name().clone()).chain(made.map(|column| column.field.name().clone()))
}

/// Another dataset as it is, and those of it: marked in one of its files, or named where it is registered.
pub(super) fn look(dataset: &Dataset, named: &[String]) -> Result<(Snapshot, Sensitive), RunError> {
    let snapshot = dataset.look()?;
    let mut names: Sensitive = named.iter().cloned().collect();
    for file in snapshot.data_files() {
        names.extend(sensitive_names(inputs::open(&snapshot, file)?.view()));
    }
    Ok((snapshot, names))
}

/// Whether a rule could have looked at a sensitive column: of the dataset, or of the others that it names.
pub(super) fn could_see(rule: &Rule, own: &Sensitive, others: &[&Sensitive]) -> bool {
    let is = |names: &Sensitive, column: &String| {
        names.iter().any(|name| name.to_lowercase() == column.to_lowercase())
    };
    let mine = |columns: &[String]| columns.iter().any(|column| is(own, column));
    match &rule.check {
        Check::Reconcile | Check::RowCount { .. } => false,
        Check::NotNull(columns) | Check::Unique(columns) => mine(columns),
        Check::Range { column, .. } | Check::AcceptedValues { column, .. } => is(own, column),
        Check::Referential { column, to } => is(own, column) || others.iter().any(|names| is(names, to)),
        // Which columns a query looks at is not known before it is compiled, and then it may be `*`.
        Check::Sql(_) => !own.is_empty() || others.iter().any(|names| !names.is_empty()),
    }
}

/// What is left of an answer where nothing may be told but whether the rule holds.
pub(super) fn hushed(answer: Answer) -> Answer {
    let observed = match answer.verdict {
        RuleVerdict::Inconclusive => "why is not shown: it may be about sensitive columns",
        RuleVerdict::Pass | RuleVerdict::Broken => "",
    };
    Answer { observed: Text::clip(observed), ..answer }
}

#[cfg(test)]
mod tests {
    use skein_types::{Rule, RuleVerdict, Text};
    use skein_verify::Answer;

    use super::{Sensitive, could_see, hushed};

    fn rule(what: &str) -> Rule {
        serde_json::from_str(&format!(r#"{{"name":"r",{what}}}"#)).unwrap()
    }

    fn names(of: &[&str]) -> Sensitive {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_rule_that_could_look_at_a_sensitive_column_tells_no_number() {
        let (mail, none) = (names(&["EMail"]), Sensitive::new());
        let sql = r#""sql":"select ascii(max(x)) * 1000000 from t","with":{"t":"d"}"#;
        for (what, own, others, sees) in [
            (sql, &none, &none, false),
            (sql, &mail, &none, true),
            // What is not the dataset's own counts as much.
            (sql, &none, &mail, true),
            (r#""unique":["id"]"#, &mail, &none, false),
            (r#""unique":["id","email"]"#, &mail, &none, true),
            (r#""not_null":["email"]"#, &mail, &none, true),
            (r#""range":{"column":"email","min":"a"}"#, &mail, &none, true),
            (r#""accepted_values":{"column":"email","values":["a"]}"#, &mail, &none, true),
            (r#""referential":{"column":"id","dataset":"d","to":"email"}"#, &none, &mail, true),
            (r#""referential":{"column":"id","dataset":"d","to":"id"}"#, &none, &mail, false),
            (r#""reconcile":true"#, &mail, &mail, false),
            (r#""row_count":{"min":1}"#, &mail, &mail, false),
        ] {
            assert_eq!(could_see(&rule(what), own, &[others]), sees, "{what}");
        }
    }

    #[test]
    fn what_is_hushed_says_whether_it_holds_and_nothing_else() {
        for (verdict, observed) in [
            (RuleVerdict::Pass, ""),
            (RuleVerdict::Broken, ""),
            (RuleVerdict::Inconclusive, "why is not shown: it may be about sensitive columns"),
        ] {
            let answer = Answer { verdict, observed: Text::clip("97097098 violations"), late: false };
            assert_eq!(hushed(answer).observed.as_str(), observed);
        }
    }
}
