//! `skein rule test`: do rules hold of what is there now?

use std::path::Path;
use std::sync::Arc;

use skein_node::{Judging, RuleAsked, RulesAsked, jail, judge_as_it_is};
use skein_types::{Clock, RuleResult, RuleVerdict, RulesLead, SystemClock, codes};

use super::file;
use crate::authoring::schemas;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::settings::Settings;
use crate::view::{Row, View};

/// Columns that are named.
const COLUMNS_SHOWN: usize = 40;

impl Row for RuleResult {
    const HEADS: &'static [&'static str] = &["rule", "severity", "verdict", "observed"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.rule.to_string(),
            self.severity.to_string(),
            self.verdict.to_string(),
            self.observed.to_string(),
        ]
    }
}

pub(super) fn test(settings: &Settings, (rules, path): (&Path, &Path), view: View) -> CommandResult {
    let rules = file::read(rules)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, path, Arc::clone(&clock), 1)?;
    let rules = rules.into_iter().map(RuleAsked::here).collect();
    let asked = RulesAsked { rules, ..RulesAsked::default() };
    let results = judge_as_it_is(&dataset, &asked, &Judging::here(&jail(1), &*clock))
        .map_err(|error| Failure::new(error.code(), &error))?;
    view.all(&results);
    let code = match RulesLead::of(&results) {
        RulesLead::On => return Ok(()),
        RulesLead::Hold => codes::RULES_HOLD,
        RulesLead::Fail => codes::RULE_BROKEN,
    };
    let unsure = results.iter().any(|result| result.verdict == RuleVerdict::Inconclusive);
    // Often a column is called otherwise, and whoever is here may read them all.
    let columns = if unsure { schemas::columns(settings, path).ok() } else { None };
    let hint = columns.map(|names| format!("the columns are {}", render::first_of(&names, COLUMNS_SHOWN)));
    Err(Failure::text(code, "not every rule holds").hint(hint).on_stderr())
}
