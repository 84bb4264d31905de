//! What is said of a dataset, said anew: its labels and its team.

use std::collections::BTreeMap;

use clap::Args;
use skein_api::{DatasetLabels, DatasetLabelsPut, DatasetOwner, DatasetOwnerPut, Text};
use skein_types::codes;

use super::words;
use crate::commands::campaign::{label, labels};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// One label, set or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Set(String, String),
    Remove(String),
}

fn change(text: &str) -> Result<Change, String> {
    if text.contains('=') {
        return label(text).map(|(key, value)| Change::Set(key, value));
    }
    match text.strip_suffix('-') {
        Some(key) if !key.is_empty() => Ok(Change::Remove(key.to_owned())),
        Some(_) | None => {
            Err(format!("{text:?} is neither KEY=VALUE, which sets a label, nor KEY-, which takes it away"))
        }
    }
}

/// Labels of a dataset.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein dataset label users tier=gold region=eu         sets two, and leaves the others as they are
  skein dataset label users sensitive=email,phone      shows the values of these columns to nobody, from now on
  skein dataset label users sensitive- tier=critical   shows them again; more approvals are needed

`sensitive` (and `sensitive.2` and so on, where 64 bytes do not hold all names) masks columns in samples, rejects and logs that are made
from now on; what was shown before stays where it is. `tier=gold` and `tier=critical` make a plan risky. Where one of these changes, a
plan over the dataset that nobody has started is stale, its approvals with it. Other labels are for selecting: plans are compared with
what they select when they start.")]
pub(crate) struct LabelArgs {
    /// Its name or id.
    dataset: String,
    /// KEY=VALUE sets a label, KEY- takes it away.
    #[arg(required = true, value_name = "KEY=VALUE|KEY-", value_parser = change)]
    changes: Vec<Change>,
}

/// The team of a dataset.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein dataset owner users crm

Whoever hands a dataset over is an operator of both teams, or an admin. Its files have to lie where data of the new team may be ([roots]
in the server's settings), unless an admin says so. Its owner's rules and its history go with it; rules of teams that read it stay theirs.
A plan over it that nobody has started is stale; what runs goes on as it was approved.")]
pub(crate) struct OwnerArgs {
    /// Its name or id.
    dataset: String,
    /// The team that it belongs to from now on.
    team: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

impl Row for DatasetLabels {
    const HEADS: &'static [&'static str] = &["name", "labels", "version", "id"];
    fn cells(&self) -> Vec<String> {
        let version = self.version.to_string();
        vec![self.name.to_string(), words(&self.labels), version, self.dataset.to_string()]
    }
}

impl Row for DatasetOwner {
    const HEADS: &'static [&'static str] = &["name", "team", "version", "id"];
    fn cells(&self) -> Vec<String> {
        let version = self.version.to_string();
        vec![self.name.to_string(), self.owner.to_string(), version, self.dataset.to_string()]
    }
}

pub(super) fn relabel(
    server: &Server,
    LabelArgs { dataset, changes }: &LabelArgs,
    view: View,
) -> CommandResult {
    let path = format!("datasets/{}/labels", encoded(dataset));
    let there: DatasetLabels = server.get(&path)?;
    let mut all: BTreeMap<String, String> =
        there.labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    for change in changes {
        match change {
            Change::Set(key, value) => drop(all.insert(key.clone(), value.clone())),
            Change::Remove(key) => {
                if all.remove(key).is_none() {
                    render::to_stderr(&format!("{} has no label {key}", there.name));
                }
            }
        }
    }
    let labels = labels(&all.into_iter().collect::<Vec<_>>())?;
    view.one(&server.set::<DatasetLabels>(&path, &DatasetLabelsPut { labels }, Some(there.version))?);
    Ok(())
}

pub(super) fn hand_over(
    settings: &Settings,
    server: &Server,
    OwnerArgs { dataset, team, yes }: &OwnerArgs,
    view: View,
) -> CommandResult {
    let path = format!("datasets/{}/owner", encoded(dataset));
    let there: DatasetOwner = server.get(&path)?;
    let owner =
        Text::new(team.clone()).map_err(|error| Failure::text(codes::USAGE, format!("team: {error}")))?;
    let question = format!(
        "hand {} over from {} to {team}? Who is in {team} alone decides about it then",
        there.name, there.owner
    );
    confirmed(settings, *yes, &question)?;
    view.one(&server.set::<DatasetOwner>(&path, &DatasetOwnerPut { owner }, Some(there.version))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Change, change};

    #[test]
    fn a_label_is_set_or_taken_away_and_nothing_else() {
        assert_eq!(change("a=b"), Ok(Change::Set("a".to_owned(), "b".to_owned())));
        assert_eq!(change("a=b-"), Ok(Change::Set("a".to_owned(), "b-".to_owned())));
        assert_eq!(change("a-b-"), Ok(Change::Remove("a-b".to_owned())));
        for wrong in ["a", "-", ""] {
            assert!(change(wrong).is_err(), "{wrong}");
        }
    }
}
