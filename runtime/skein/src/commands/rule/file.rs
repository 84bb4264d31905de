//! Files of rules, and rules as people read them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use skein_api::DatasetRule;
use skein_types::{RULES_MAX, Rule, codes};

use crate::failure::Failure;
use crate::render;
use crate::toml_text;

const FILE_BYTES_MAX: u64 = 1 << 20;
const HINT: &str =
    "each rule is a `[[rules]]` with a name and one thing that must hold, such as `unique = [\"id\"]`";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<Rule>,
}

/// The rules that a file lists.
pub(crate) fn read(path: &Path) -> Result<Vec<Rule>, Failure> {
    let refused = |message: String| Failure::text(codes::RULE_INVALID, message).about(path);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) => return Err(Failure::unread(path, codes::RULE_INVALID, &error)),
        Ok(_) if text.len() as u64 > FILE_BYTES_MAX => {
            return Err(refused("it is larger than 1 MiB".to_owned()));
        }
        Ok(_) => {}
    }
    let rules: Rules = toml_text::parse(&text).map_err(|problem| refused(problem).hint(Some(HINT)))?;
    let rules = rules.rules;
    let twice = |at: usize| rules[..at].iter().any(|before| before.name == rules[at].name);
    if let Some(at) = (0..rules.len()).find(|at| twice(*at)) {
        return Err(refused(format!("two rules have the name {}", rules[at].name)));
    }
    match rules.len() {
        0 => Err(refused("it lists no rule".to_owned())),
        more if more > RULES_MAX => Err(refused(format!("it lists more than {RULES_MAX} rules"))),
        _ => Ok(rules),
    }
}

/// One rule with all that it says.
pub(super) fn show(of: &DatasetRule) {
    let whose =
        of.consumer.as_ref().map_or_else(|| "its owner".to_owned(), |team| format!("{team}, who read it"));
    render::line(&format!("rule {} of {}, by {whose}, at version {}", of.rule.name, of.dataset, of.version));
    render::line(&format!("broken: {}", of.rule.severity));
    if let Some(why) = &of.ignored {
        render::line(&format!("passed over: {why}"));
    } else if of.unseen {
        render::line(super::UNSEEN);
    }
    render::json(&of.rule);
}
