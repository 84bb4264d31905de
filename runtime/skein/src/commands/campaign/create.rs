//! `skein campaign create`: over which datasets, with what, and by which rules.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use skein_api::{
    Admission, Budget, CampaignCreate, Labels, List, Policy, Selection, Share as ShareText, Text,
};
use skein_campaign::{Share, Span};
use skein_types::{CampaignId, codes};

use super::policy_file;
use crate::args::ParamArgs;
use crate::failure::Failure;
use crate::home::Home;
use crate::manifest::chosen;
use crate::secrets;
use crate::settings::Settings;

/// Heading of the options that say which datasets.
const SELECTION: &str = "Selection of datasets";
/// Heading of the options that say how.
const RULES: &str = "Rules (each takes the place of what --policy says)";

/// What to make.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What to call it.
    name: String,
    /// A module of the server: NAME@VERSION, or its digest.
    #[arg(long)]
    module: String,
    /// The team that it belongs to [default: the only one that the token is for].
    #[arg(long)]
    team: Option<String>,
    #[command(flatten)]
    with: ParamArgs,
    /// Names of datasets, or globs [default: all].
    #[arg(long, value_name = "NAME|GLOB", help_heading = SELECTION)]
    select: Vec<String>,
    /// Datasets of this team only.
    #[arg(long, help_heading = SELECTION)]
    owner: Option<String>,
    /// Datasets with this label only; all given must be there.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label, help_heading = SELECTION)]
    labels: Vec<(String, String)>,
    /// The datasets that a table names: CSV with the columns `dataset` and, where they are needed, `params`, `owner` and
    /// `defer-until`, or one JSON object with these keys per line.
    #[arg(long, value_name = "FILE", help_heading = SELECTION)]
    manifest: Option<PathBuf>,
    /// The datasets whose runs in another campaign, which has ended, failed, were cancelled, undone or stale, or that it
    /// refused; with its parameters unless others are given.
    #[arg(long = "continue", value_name = "CAMPAIGN", help_heading = SELECTION)]
    continues: Option<CampaignId>,
    /// All rules, as TOML.
    #[arg(long, value_name = "FILE.toml", help_heading = RULES)]
    policy: Option<PathBuf>,
    /// All rules, as the server has them under this name.
    #[arg(long, value_name = "NAME", conflicts_with = "policy", help_heading = RULES)]
    policy_named: Option<String>,
    /// How many runs of each wave after the first may fail: a number, or a share such as 2% [default: 2%, at least 3].
    #[arg(long, value_name = "N|PERCENT%", value_parser = budget, help_heading = RULES)]
    budget: Option<Budget>,
    /// Let no more runs start than may still fail, and one.
    #[arg(long, help_heading = RULES)]
    strict: bool,
    /// Datasets in the first wave, at most [default: 20].
    #[arg(long, value_name = "N", help_heading = RULES)]
    canary: Option<u64>,
    /// Share of all datasets in the next wave, once for each wave between the first and the rest [default: 10%].
    #[arg(long = "wave", value_name = "PERCENT%", value_parser = share, help_heading = RULES)]
    waves: Vec<ShareText>,
    /// Share of a wave that is published or over before the next begins [default: 95%].
    #[arg(long, value_name = "PERCENT%", value_parser = share, help_heading = RULES)]
    gate: Option<ShareText>,
    /// Datasets that are tried while planning, at most [default: 200].
    #[arg(long, value_name = "N", help_heading = RULES)]
    samples: Option<u64>,
    /// How long published runs can be rolled back, such as 36h [default: 7d].
    #[arg(long, value_name = "TIME", help_heading = RULES)]
    window: Option<Span>,
    /// Name of the migration [default: the module's own].
    #[arg(long, help_heading = RULES)]
    migration: Option<String>,
    /// Run although it was applied before.
    #[arg(long, help_heading = RULES)]
    again: bool,
}

fn budget(text: &str) -> Result<Budget, String> {
    let bad = |_| format!("{text:?} is neither a number nor a share such as 2%");
    match text.ends_with('%') {
        true => share(text).map(Budget::Share),
        false => text.parse().map(Budget::Runs).map_err(bad),
    }
}

fn share(text: &str) -> Result<ShareText, String> {
    let share: Share = text.parse().map_err(|error: skein_campaign::ShareParseError| error.to_string())?;
    Ok(Text::escaped(&share.to_string()))
}

pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Labels as a request has them.
pub(crate) fn labels(of: &[(String, String)]) -> Result<Labels, Failure> {
    let told = |what: String| Failure::text(codes::USAGE, format!("--label: {what}"));
    let mut labels = Vec::with_capacity(of.len());
    for (key, value) in of {
        let text = |text: &str| Text::<64, 1>::new(text).map_err(|error| told(error.to_string()));
        labels.push((text(key)?, text(value)?));
    }
    let count = labels.len();
    let labels: std::collections::BTreeMap<_, _> = labels.into_iter().collect();
    if labels.len() < count {
        return Err(told("a key is given twice".to_owned()));
    }
    Labels::try_from(labels).map_err(|error| told(error.to_string()))
}

/// The request.
pub(super) fn asked(settings: &Settings, args: &CreateArgs) -> Result<CampaignCreate, Failure> {
    if !args.with.secrets.is_empty() {
        let message = "the secrets of a campaign are its team's, on the server";
        let hint = "set it with `skein secret set NAME --team TEAM`, and let the parameters name it";
        return Err(Failure::text(codes::USAGE, message).hint(Some(hint)));
    }
    Ok(CampaignCreate {
        name: text("name", &args.name)?,
        owner: args.team.as_deref().map(|team| text("--team", team)).transpose()?,
        module: text("--module", &args.module)?,
        params: params(settings, args)?,
        selection: selection(args)?,
        policy: policy(args)?,
        policy_named: args.policy_named.as_deref().map(|name| text("--policy-named", name)).transpose()?,
    })
}

/// A campaign that goes on with another has its parameters where none are given.
fn params(settings: &Settings, args: &CreateArgs) -> Result<Value, Failure> {
    if args.continues.is_some() && args.with.params.is_none() {
        return Ok(Value::Null);
    }
    // Named secrets stay names: their values are on the server.
    Ok(secrets::given(&args.with, &Home::at(&settings.home))?.value)
}

fn selection(args: &CreateArgs) -> Result<Selection, Failure> {
    let names = args.select.iter().map(|name| text("--select", name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Selection {
        names: List::new(names).map_err(|error| Failure::text(codes::USAGE, format!("--select: {error}")))?,
        labels: labels(&args.labels)?,
        owner: args.owner.as_deref().map(|owner| text("--owner", owner)).transpose()?,
        manifest: args.manifest.as_deref().map(chosen::read).transpose()?.unwrap_or_default(),
        unfinished_of: args.continues,
        ..Selection::default()
    })
}

/// What the file says, with what the command line says in its place.
fn policy(args: &CreateArgs) -> Result<Policy, Failure> {
    let mut policy = args.policy.as_deref().map(policy_file::read).transpose()?.unwrap_or_default();
    policy.again |= args.again;
    if args.strict {
        policy.admission = Admission::Strict;
    }
    if let Some(name) = &args.migration {
        policy.migration = Some(text("--migration", name)?);
    }
    policy.budget = args.budget.clone().or(policy.budget);
    policy.gate = args.gate.clone().or(policy.gate);
    policy.canary.datasets = args.canary.or(policy.canary.datasets);
    policy.dry_run.datasets = args.samples.or(policy.dry_run.datasets);
    policy.window_ms = args.window.map(Span::length).or(policy.window_ms);
    if !args.waves.is_empty() {
        let waves = List::new(args.waves.clone());
        policy.waves = Some(waves.map_err(|error| Failure::text(codes::USAGE, format!("--wave: {error}")))?);
    }
    Ok(policy)
}

fn text<const MAX: usize, const MIN: usize>(what: &str, text: &str) -> Result<Text<MAX, MIN>, Failure> {
    Text::new(text).map_err(|error| Failure::text(codes::USAGE, format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{budget, label, labels, share};
    use skein_api::{Budget, Text};

    #[test]
    fn a_budget_is_a_number_or_a_share() {
        assert_eq!(budget("5"), Ok(Budget::Runs(5)));
        assert_eq!(budget("0.50%"), Ok(Budget::Share(Text::escaped("0.5%"))));
        assert!(budget("many").unwrap_err().contains("neither a number nor a share"));
        assert!(share("95").unwrap_err().contains("is not a share"));
    }

    #[test]
    fn a_label_is_a_key_and_a_value_and_given_once() {
        let given = [label("tier=gold").unwrap(), label("zone=a=b").unwrap()];
        assert_eq!(labels(&given).unwrap().iter().collect::<Vec<_>>(), [("tier", "gold"), ("zone", "a=b")]);
        assert!(label("tier").is_err());
        let twice = [label("a=1").unwrap(), label("a=2").unwrap()];
        assert!(labels(&twice).unwrap_err().message().contains("twice"));
    }
}
