//! `skein rule`: what must hold of a dataset before what was made of it is published.

mod file;
mod test;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use skein_api::{Consumer, Consumers, DatasetRule, DatasetRules, RuleIgnore, RulePut, Text};
use skein_types::codes;

use crate::args::ServerArgs;
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

pub(crate) use file::read as rules_in;

/// Set, show, try and remove rules of datasets.
///
/// A rule is looked at on what a run has staged. Broken, it ends the run (error), is recorded (warn), or has the result kept until a
/// person decides (hold); so does one that cannot be evaluated. A team that reads a dataset sets rules there with --consumer TEAM.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein rule test rules.toml /data/orders                          does it hold of what is there?
  skein rule set orders rules.toml                                 all rules of the file
  skein rule set orders reports.toml --consumer bi                 as a team that reads it
  skein rule list orders
  skein rule consumers orders                                      which teams read it, and with which rules
  skein rule ignore orders no-gap --consumer bi --reason 'gaps are meant, see the note'
  skein rule remove orders ids")]
pub(crate) struct RuleArgs {
    #[command(subcommand)]
    pub(crate) verb: RuleVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RuleVerb {
    /// Set all rules of a file.
    Set {
        /// Of which dataset.
        dataset: String,
        /// The rules, as TOML: `[[rules]]` with a name, a severity and one thing that must hold.
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
        /// As this team, which reads the dataset.
        #[arg(long, value_name = "TEAM")]
        consumer: Option<String>,
    },
    /// List the rules of a dataset.
    List {
        /// Of which dataset.
        dataset: String,
    },
    /// List the teams that read a dataset: those of which somebody may look at it, and those that have rules there.
    Consumers {
        /// Which dataset.
        dataset: String,
    },
    /// Show one with all that it says.
    Show {
        /// Of which dataset.
        dataset: String,
        /// Which.
        name: String,
        /// Of this team, which reads the dataset.
        #[arg(long, value_name = "TEAM")]
        consumer: Option<String>,
    },
    /// Remove one.
    Remove {
        /// Of which dataset.
        dataset: String,
        /// Which.
        name: String,
        /// Of this team, which reads the dataset.
        #[arg(long, value_name = "TEAM")]
        consumer: Option<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Pass over a reader's rule, as the dataset's owner; its team reads why.
    Ignore {
        /// Of which dataset.
        dataset: String,
        /// Which.
        name: String,
        /// Whose.
        #[arg(long, value_name = "TEAM")]
        consumer: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Look at it again from now on.
        #[arg(long)]
        no_longer: bool,
    },
    /// Try all rules of a file on a dataset of this machine as it is: `before` and `after` are both that, and nothing is rejected.
    Test {
        /// The rules, as TOML.
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
        /// A directory of Parquet files, or one such file.
        dataset: PathBuf,
    },
}

/// What becomes of a rule of a team of which nobody may look at the dataset any more.
const UNSEEN: &str = "not run, and holds: its team may look at the dataset no more";

impl Row for DatasetRule {
    const HEADS: &'static [&'static str] = &["rule", "severity", "checks", "of", "version", "passed over"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.rule.name.to_string(),
            self.rule.severity.to_string(),
            self.rule.check.kind().to_owned(),
            self.consumer.as_ref().map_or_else(|| "owner".to_owned(), ToString::to_string),
            self.version.to_string(),
            match (&self.ignored, self.unseen) {
                (Some(why), _) => why.to_string(),
                (None, true) => UNSEEN.to_owned(),
                (None, false) => String::new(),
            },
        ]
    }
}

pub(crate) fn rule(settings: &Settings, args: &RuleArgs) -> CommandResult {
    if let RuleVerb::Test { file, dataset } = &args.verb {
        return test::test(settings, (file, dataset), View::of(settings, &args.server));
    }
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        RuleVerb::Set { dataset, file, consumer } => {
            let mut set = Vec::new();
            for rule in file::read(file)? {
                let path = path(dataset, consumer.as_deref(), rule.name.as_str());
                let there = match server.get::<DatasetRule>(&path) {
                    Ok(there) => Some(there.version),
                    Err(failure) if failure.code() == codes::NOT_FOUND => None,
                    Err(failure) => return Err(failure),
                };
                set.push(server.set::<DatasetRule>(&path, &RulePut { rule }, there)?);
            }
            view.all(&set);
        }
        RuleVerb::List { dataset } => {
            let rules: DatasetRules = server.get(&format!("datasets/{}/rules", encoded(dataset)))?;
            view.all(&rules.items);
        }
        RuleVerb::Consumers { dataset } => {
            let known: Consumers = server.get(&format!("datasets/{}/consumers", encoded(dataset)))?;
            view.told(&known, || told(view, &known));
        }
        RuleVerb::Show { dataset, name, consumer } => {
            let rule: DatasetRule = server.get(&path(dataset, consumer.as_deref(), name))?;
            view.told(&rule, || file::show(&rule));
        }
        RuleVerb::Remove { dataset, name, consumer, yes } => {
            let path = path(dataset, consumer.as_deref(), name);
            let there: DatasetRule = server.get(&path)?;
            confirmed(settings, *yes, &format!("remove rule {name} of {dataset}?"))?;
            view.one(&server.remove::<DatasetRule>(&path, there.version)?);
        }
        RuleVerb::Ignore { dataset, name, consumer, reason, no_longer } => {
            let asked = RuleIgnore { ignored: !no_longer, reason: Text::escaped(reason) };
            let path = format!("{}/ignored", path(dataset, Some(consumer), name));
            view.one(&server.set::<DatasetRule>(&path, &asked, None)?);
        }
        RuleVerb::Test { .. } => return Err(Failure::text(codes::BUG, "it was done before")),
    }
    Ok(())
}

impl Row for Consumer {
    const HEADS: &'static [&'static str] = &["team", "may look", "rules"];
    fn cells(&self) -> Vec<String> {
        let reads = if self.reads { "yes" } else { "no more: its rules hold each run" };
        vec![self.team.to_string(), reads.to_owned(), self.rules.to_string()]
    }
}

fn told(view: View, known: &Consumers) {
    view.all(&known.teams);
    if known.more > 0 {
        render::line(&format!("and {} more that may look and have no rule", known.more));
    }
    if known.everybody {
        render::line(
            "nobody has to say who they are on this server, so all may look: only teams with rules are known",
        );
    }
}

fn path(dataset: &str, consumer: Option<&str>, name: &str) -> String {
    let (dataset, name) = (encoded(dataset), encoded(name));
    match consumer {
        Some(team) => format!("datasets/{dataset}/consumers/{}/rules/{name}", encoded(team)),
        None => format!("datasets/{dataset}/rules/{name}"),
    }
}
