//! `skein rule test`: do rules hold of what is there now?

use std::path::Path;
use std::sync::Arc;

use skein_node::{Judging, RuleAsked, RulesAsked, jail, judge_as_it_is};
use skein_types::{Clock, RuleResult, RulesLead, SystemClock, codes};

use super::file;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::settings::Settings;
use crate::view::{Row, View};

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
    match RulesLead::of(&results) {
        RulesLead::On => Ok(()),
        RulesLead::Hold => Err(Failure::text(codes::RULES_HOLD, "not every rule holds").on_stderr()),
        RulesLead::Fail => Err(Failure::text(codes::RULE_BROKEN, "not every rule holds").on_stderr()),
    }
}
