//! `skein dataset`: datasets that a server manages.

mod import;
mod said;
mod scan;
mod scrub;
mod versions;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use skein_api::{
    DRIVER_FILES, Dataset, DatasetAdd, DatasetAdded, DatasetsAdd, DatasetsAdded, Labels, List, Scan, Text,
};
use skein_types::codes;

use crate::args::{ListArgs, ServerArgs};
use crate::commands::campaign::{label, labels};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Most that go in one request.
const CHUNK: usize = 500;
/// Bytes that a label's value holds.
const LABEL_BYTES: usize = 64;

/// Add, list and remove datasets of a server, and undo what was done to one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein dataset add /data/users /data/orders --owner shop
  skein dataset scan /data                                  what is there
  skein dataset scan /data --owner shop --register
  skein dataset scan /lake --layout '{owner}/{label:region}/**'
  skein dataset import datasets.csv --dry-run               a whole file, or nothing of it
  skein dataset list --owner shop
  skein dataset label users sensitive=email,phone tier=gold
  skein dataset owner users crm                             hand it over to another team
  skein dataset history users
  skein dataset rollback users
  skein dataset scrub users                                 every byte of every version
  skein dataset export users --for duckdb
  skein dataset remove users")]
pub(crate) struct DatasetArgs {
    #[command(subcommand)]
    pub(crate) verb: DatasetVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetVerb {
    /// Register datasets under the names of their files or directories. From then on `skein run` leaves them to the server.
    Add {
        /// Directories of Parquet files, or Parquet files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// The team that they belong to.
        #[arg(long, default_value = "local")]
        owner: String,
        /// Put before each name.
        #[arg(long, default_value = "")]
        prefix: String,
        /// A label for each. May be given more than once.
        #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
        labels: Vec<(String, String)>,
        /// Columns whose values are shown to nobody: not in samples, rejects or logs. What is made of them is not shown either.
        #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
        sensitive: Vec<String>,
    },
    /// Register all datasets of a file, or none: what is wrong is named by line.
    Import(import::ImportArgs),
    /// Look for datasets below a directory of the server's machine, and register them if asked to.
    Scan(scan::ScanArgs),
    /// List scans, or show one.
    Scans {
        /// Which.
        scan: Option<String>,
        /// End it; what it has registered stays so.
        #[arg(long, requires = "scan")]
        cancel: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// List datasets.
    List {
        /// Of this team.
        #[arg(long)]
        owner: Option<String>,
        /// Whose names begin so.
        #[arg(long)]
        prefix: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one.
    Show {
        /// Its name or id.
        dataset: String,
    },
    /// Set labels of one, and take some away.
    Label(said::LabelArgs),
    /// Hand one over to another team.
    Owner(said::OwnerArgs),
    /// List the versions that one has had.
    History(versions::HistoryArgs),
    /// Undo the current version of one, which a campaign had published.
    Rollback(versions::RollbackArgs),
    /// Read every version of one in full, and compare it with its log.
    Scrub {
        /// Its name or id.
        dataset: String,
    },
    /// Print the paths of a version's files, or a statement that reads exactly these.
    Export(versions::ExportArgs),
    /// Give one back: the server forgets it; its files and its history stay.
    Remove {
        /// Its name or id.
        dataset: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn dataset(settings: &Settings, args: &DatasetArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    match &args.verb {
        DatasetVerb::Add { paths, owner, prefix, labels: of, sensitive } => {
            let of = &[of.as_slice(), &hiding(sensitive)].concat();
            let asked = paths
                .iter()
                .map(|path| one(there(&server, path)?, (owner, prefix), of))
                .collect::<Result<Vec<_>, _>>()?;
            add(&server, (paths, asked), view)
        }
        DatasetVerb::Import(asked) => import::import(&server, asked, view),
        DatasetVerb::Label(asked) => said::relabel(&server, asked, view),
        DatasetVerb::Owner(asked) => said::hand_over(settings, &server, asked, view),
        DatasetVerb::History(asked) => versions::history(&server, asked, view),
        DatasetVerb::Rollback(asked) => versions::rollback(settings, &server, asked, view),
        DatasetVerb::Export(asked) => versions::export(&server, asked, view),
        DatasetVerb::Scrub { dataset } => scrub::scrub(&server, dataset, view),
        DatasetVerb::Scan(asked) => scan::scan(settings, &server, asked, view),
        DatasetVerb::Scans { scan: Some(scan), cancel, .. } => scan::named(&server, (scan, *cancel), view),
        DatasetVerb::Scans { scan: None, list, .. } => view.list::<Scan>(&server, ("scans", ""), list),
        DatasetVerb::List { owner, prefix, list } => {
            let part = |key: &str, value: &Option<String>| {
                value.as_ref().map(|value| format!("&{key}={}", encoded(value))).unwrap_or_default()
            };
            let query = format!("{}{}", part("owner", owner), part("prefix", prefix));
            view.list::<Dataset>(&server, ("datasets", &query), list)
        }
        DatasetVerb::Show { dataset } => {
            let there: Dataset = server.get(&format!("datasets/{}", encoded(dataset)))?;
            view.one(&there);
            if let (true, Some(kept)) = (view.is_table(), there.kept) {
                let versions = render::counted(kept.versions, "version");
                render::line(&format!("{versions} kept to go back to: {}", kept.bytes));
            }
            Ok(())
        }
        DatasetVerb::Remove { dataset, yes } => {
            let path = format!("datasets/{}", encoded(dataset));
            let there: Dataset = server.get(&path)?;
            let question = format!("have the server forget {} ({})?", there.name, there.location);
            confirmed(settings, *yes, &question)?;
            view.one(&server.delete::<Dataset>(&path)?);
            Ok(())
        }
    }
}

fn add(server: &Server, (paths, asked): (&[PathBuf], Vec<DatasetAdd>), view: View) -> CommandResult {
    let (mut added, mut known, mut refused) = (0_u64, 0_u64, Vec::new());
    for (some, asked) in paths.chunks(CHUNK).zip(asked.chunks(CHUNK)) {
        let asked = DatasetsAdd { datasets: List::first(asked.to_vec()).0 };
        let answers: DatasetsAdded = server.post("datasets", &asked)?;
        for (path, answer) in some.iter().zip(answers.datasets.iter()) {
            match answer {
                DatasetAdded::Added(_) => added += 1,
                DatasetAdded::Known(_) => known += 1,
                DatasetAdded::Refused(why) => refused.push((path, why.clone())),
            }
        }
    }
    let said = serde_json::json!({
        "added": added,
        "known": known,
        "refused": refused.iter().map(|(path, why)| serde_json::json!({"path": path, "why": why})).collect::<Vec<_>>(),
    });
    view.told(&said, || {
        let count = |number: u64| render::counted(number, "dataset");
        render::line(&format!("{} added, {known} known before, {} refused", count(added), refused.len()));
        for (path, why) in &refused {
            render::line(&format!("  {}: {} {}", path.display(), why.code, why.message));
        }
    });
    match refused.first() {
        None => Ok(()),
        Some((_, why)) => {
            let code = codes::ALL.iter().find(|code| code.id == why.code.as_str()).copied();
            Err(Failure::told(code.unwrap_or(codes::BUG)))
        }
    }
}

/// A path as the server is to read it. On this machine it is looked at; elsewhere it may be what is only there.
fn there(server: &Server, path: &Path) -> Result<PathBuf, Failure> {
    let read = if server.is_near() { path.canonicalize() } else { std::path::absolute(path) };
    read.map_err(|error| Failure::text(codes::DATASET_NOT_FOUND, format!("{}: {error}", path.display())))
}

fn one(real: PathBuf, (owner, prefix): (&str, &str), of: &[(String, String)]) -> Result<DatasetAdd, Failure> {
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = |what: &str, text: String| {
        Text::new(text).map_err(|error| Failure::text(codes::USAGE, format!("{what}: {error}")))
    };
    Ok(DatasetAdd {
        name: text("name", format!("{prefix}{name}"))?,
        driver: Text::escaped(DRIVER_FILES),
        location: Text::new(real.to_string_lossy())
            .map_err(|error| Failure::text(codes::USAGE, format!("{}: {error}", real.display())))?,
        state: None,
        owner: text("owner", owner.to_owned())?,
        labels: labels(of)?,
    })
}

/// The labels that name sensitive columns: as many in each as it holds.
fn hiding(columns: &[String]) -> Vec<(String, String)> {
    let mut values: Vec<String> = Vec::new();
    for column in columns {
        match values.last_mut().filter(|value| value.len() + 1 + column.len() <= LABEL_BYTES) {
            Some(value) => value.extend([",", column.as_str()]),
            None => values.push(column.clone()),
        }
    }
    let key = |number: usize| match number {
        1 => "sensitive".to_owned(),
        number => format!("sensitive.{number}"),
    };
    (1..).zip(values).map(|(number, value)| (key(number), value)).collect()
}

/// Labels in a cell of a table.
fn words(labels: &Labels) -> String {
    let words: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    words.join(" ")
}

impl Row for Dataset {
    const HEADS: &'static [&'static str] = &["name", "team", "location", "labels", "id"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.owner.to_string(),
            self.location.to_string(),
            words(&self.labels),
            self.dataset.to_string(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::there;
    use crate::contexts::Target;
    use crate::server::Server;
    use skein_types::codes;

    #[test]
    fn a_path_is_looked_at_where_the_server_is_on_this_machine_alone() {
        crate::choose_tls();
        let at = |server: &str| Server::at(Target { server: server.to_owned(), token: None }).unwrap();
        let nowhere = Path::new("/nowhere/orders");
        assert_eq!(there(&at("https://skein.example"), nowhere).unwrap(), nowhere);
        let here = there(&at("http://127.0.0.1:7447"), nowhere).unwrap_err();
        assert_eq!(here.code(), codes::DATASET_NOT_FOUND);
    }
}
