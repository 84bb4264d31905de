//! `skein.toml`: what holds for this machine, whoever calls.
//!
//! ```toml
//! state = "/data/.skein-states"     # all datasets; or, by where they are, the longest `below` wins:
//!
//! [[state]]
//! below = "/data"
//! at = "/data/.skein-states"
//!
//! names = "keep"                    # how files are called that runs write; likewise, with `below` and `as`
//!
//! [roots]                           # of a server: where operators of a team may register datasets
//! payments = ["/data/payments"]
//!
//! [otlp]                            # of a server and its nodes: where spans are sent
//! endpoint = "http://127.0.0.1:4318"
//!
//! [webhooks]                        # of a server: private networks that may be sent to, and others that may not
//! allow = ["10.0.0.0/8"]
//!
//! [mail]                            # of a server: by whom mail is sent
//! host = "mail.example.com"
//! from = "skein@example.com"
//! ```
//! and for a server `[prices]` and `[nodes]` (see [`server`]) and `[oidc]` (see [`oidc`]).
//! Read once, from `--config`, else `$SKEIN_HOME/skein.toml` if it is there. An unknown key is an error: a setting that
//! is misspelt and silently not followed would be found out too late.

mod notices;
mod oidc;
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Error, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use skein_control::Prices;
use skein_types::{codes, nearest};
use toml::{Table, Value};

use crate::args::Names;
use crate::failure::Failure;
use crate::oidc::OidcSettings;
use crate::toml_text;
pub(crate) use server::Bandwidth;

use notices::NoticeSettings;

const FILE: &str = "skein.toml";
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Settings of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The file that they are from, if there is one.
    file: Option<PathBuf>,
    /// Where states lie.
    states: Vec<Rule<PathBuf>>,
    /// How files are called.
    names: Vec<Rule<Names>>,
    /// Where the data of each team of a server may be.
    roots: BTreeMap<String, Vec<PathBuf>>,
    /// Where spans are sent.
    otlp: Option<String>,
    /// How a server tells receivers what happens.
    notices: NoticeSettings,
    /// What use of a server costs.
    prices: Option<Prices>,
    /// How fast the nodes of a server may be.
    bandwidth: Bandwidth,
    /// Who says who somebody is.
    oidc: Option<OidcSettings>,
}

/// What holds for the datasets below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule<T> {
    below: PathBuf,
    holds: T,
}

/// Of the rules for a dataset at this real path, the one whose directory is nearest.
fn nearest_rule<'r, T>(rules: &'r [Rule<T>], dataset: &Path) -> Option<&'r T> {
    let fitting = rules.iter().filter(|rule| dataset.starts_with(&rule.below));
    fitting.max_by_key(|rule| rule.below.components().count()).map(|rule| &rule.holds)
}

impl Machine {
    /// Reads the file that was named, or the one in Skein's home if there is one.
    pub(crate) fn read(named: Option<&Path>, home: &Path) -> Result<Self, Failure> {
        let usual = home.join(FILE);
        let path = named.unwrap_or(&usual);
        let text = match text(path) {
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            other => other.map_err(|error| invalid(path, &error.to_string()))?,
        };
        let machine = Self::parse(&text).map_err(|problem| invalid(path, &problem))?;
        Ok(Self { file: Some(path.to_owned()), ..machine })
    }

    /// The directory of states that a dataset at this real path is told to use.
    pub(crate) fn states_for(&self, dataset: &Path) -> Option<&Path> {
        nearest_rule(&self.states, dataset).map(PathBuf::as_path)
    }

    /// How runs name the files of a dataset at this real path.
    pub(crate) fn names_for(&self, dataset: &Path) -> Option<Names> {
        nearest_rule(&self.names, dataset).copied()
    }

    /// Where the data of each team of a server may be.
    pub(crate) const fn roots(&self) -> &BTreeMap<String, Vec<PathBuf>> {
        &self.roots
    }

    /// Where spans are sent.
    pub(crate) fn otlp(&self) -> Option<&str> {
        self.otlp.as_deref()
    }

    /// How a server that listens there tells receivers what happens.
    pub(crate) fn notices(&self, own: SocketAddr) -> Result<skein_control::Notices, Failure> {
        let problem = |problem: String| match &self.file {
            Some(file) => invalid(file, &problem),
            None => Failure::text(codes::SETTINGS_INVALID, problem),
        };
        self.notices.ready(own).map_err(problem)
    }

    /// Who says who somebody is, with the client's secret, if there are such.
    pub(crate) fn oidc(&self) -> Result<Option<(OidcSettings, Option<String>)>, Failure> {
        let Some(settings) = &self.oidc else { return Ok(None) };
        let secret = settings.secret_file.as_deref().map(oidc::secret).transpose();
        let secret = secret.map_err(|problem| Failure::text(codes::SETTINGS_INVALID, problem))?;
        Ok(Some((settings.clone(), secret)))
    }

    /// What use of a server costs.
    pub(crate) const fn prices(&self) -> Option<&Prices> {
        self.prices.as_ref()
    }

    /// How fast the nodes of a server may be.
    pub(crate) const fn bandwidth(&self) -> Bandwidth {
        self.bandwidth
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut table: Table = toml_text::parse(text)?;
        let states = rules(&mut table, ("state", "a path", "at"), absolute)?;
        let names = rules(&mut table, ("names", "hash or keep", "as"), names)?;
        let roots = table.remove("roots").map_or_else(|| Ok(BTreeMap::new()), roots)?;
        let otlp = table.remove("otlp").map(otlp).transpose()?;
        let notices = NoticeSettings::take(&mut table)?;
        let prices = table.remove("prices").map(server::prices).transpose()?;
        let bandwidth = table.remove("nodes").map(server::nodes).transpose()?.unwrap_or_default();
        let oidc = table.remove("oidc").map(oidc::oidc).transpose()?;
        known(&table, &["state", "names", "roots", "otlp", "webhooks", "mail", "prices", "nodes", "oidc"])?;
        Ok(Self { file: None, states, names, roots, otlp, notices, prices, bandwidth, oidc })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => {
                let (states, names) = (self.states.len(), self.names.len());
                write!(f, "{}, {states} rules for states, {names} for names", file.display())
            }
            None => f.write_str("no skein.toml, everything as usual"),
        }
    }
}

fn roots(value: Value) -> Result<BTreeMap<String, Vec<PathBuf>>, String> {
    let Value::Table(teams) = value else {
        return Err("`roots` is a table of teams, each with a list of directories".to_owned());
    };
    let of_team = |(team, value): (String, Value)| {
        let Value::Array(paths) = value else { return Err(format!("`{team}` of `roots` is no list")) };
        let path = |path: Value| absolute(&team, path.as_str().unwrap_or_default());
        let paths = paths.into_iter().map(path).collect::<Result<Vec<PathBuf>, String>>()?;
        Ok((team, paths))
    };
    teams.into_iter().map(of_team).collect()
}

fn otlp(value: Value) -> Result<String, String> {
    let Value::Table(mut keys) = value else { return Err("`otlp` is a table with `endpoint`".to_owned()) };
    let endpoint = keys.remove("endpoint");
    // A misspelt key explains a missing one.
    known(&keys, &["endpoint"])?;
    match endpoint {
        Some(Value::String(endpoint)) => Ok(endpoint),
        Some(_) | None => Err("`endpoint` of `otlp` is a URL".to_owned()),
    }
}

/// A setting that is one text for all datasets, or a list of tables with `below` and `inner`.
fn rules<T>(
    table: &mut Table,
    (key, what, inner): (&'static str, &str, &'static str),
    parse: impl Fn(&str, &str) -> Result<T, String>,
) -> Result<Vec<Rule<T>>, String> {
    match table.remove(key) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Rule { below: PathBuf::from("/"), holds: parse(key, &text)? }]),
        Some(Value::Array(rules)) => {
            rules.into_iter().map(|value| rule(value, (key, inner), &parse)).collect()
        }
        Some(_) => Err(format!("`{key}` is {what} or a list of tables with `below` and `{inner}`")),
    }
}

fn rule<T>(
    value: Value,
    (key, inner): (&'static str, &'static str),
    parse: impl Fn(&str, &str) -> Result<T, String>,
) -> Result<Rule<T>, String> {
    let Value::Table(mut keys) = value else {
        return Err(format!("each `{key}` is a table with `below` and `{inner}`"));
    };
    let mut text = |of: &str| match keys.remove(of) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("`{of}` of a `{key}` is no text")),
        None => Err(format!("a `{key}` needs `{of}`")),
    };
    let (below, holds) = (text("below"), text(inner));
    // A misspelt key explains a missing one.
    known(&keys, &["below", inner])?;
    Ok(Rule { below: absolute("below", &below?)?, holds: parse(inner, &holds?)? })
}

fn names(key: &str, text: &str) -> Result<Names, String> {
    match text {
        "hash" => Ok(Names::Hash),
        "keep" => Ok(Names::Keep),
        _ => Err(format!("`{key}` is {text:?}, and not hash or keep")),
    }
}

fn absolute(key: &str, text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err(format!("`{key}` is {text:?}, which is no absolute path")) }
}

/// Refuses what is left of a table.
fn known(rest: &Table, allowed: &[&str]) -> Result<(), String> {
    let Some(unknown) = rest.keys().next() else { return Ok(()) };
    let hint = match nearest(unknown, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", allowed.join(", ")),
    };
    Err(format!("unknown key `{unknown}`, {hint}"))
}

fn text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    // What is cut off might be the very rule that matters.
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::new(ErrorKind::FileTooLarge, "more than 1 MiB"));
    }
    Ok(text)
}

fn invalid(path: &Path, problem: &str) -> Failure {
    Failure::text(codes::SETTINGS_INVALID, format!("{}: {problem}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Machine, Names};

    fn refused(text: &str) -> String {
        Machine::parse(text).unwrap_err()
    }

    #[test]
    fn the_longest_directory_above_a_dataset_decides() {
        let text = "[[state]]\nbelow = \"/data\"\nat = \"/data/.states\"\n\
                    [[state]]\nbelow = \"/data/hot\"\nat = \"/data/hot/.states\"\n";
        let machine = Machine::parse(text).unwrap();
        for (dataset, at) in [
            ("/data/orders", Some("/data/.states")),
            ("/data/hot/orders", Some("/data/hot/.states")),
            ("/data-of-others/orders", None),
        ] {
            assert_eq!(machine.states_for(Path::new(dataset)), at.map(Path::new), "{dataset}");
        }
        let all = Machine::parse("state = \"/s\"").unwrap();
        assert_eq!(all.states_for(Path::new("/any/where")), Some(Path::new("/s")));
    }

    #[test]
    fn names_are_a_setting_for_all_or_below_a_directory() {
        let all = Machine::parse("names = \"keep\"").unwrap();
        assert_eq!(all.names_for(Path::new("/any")), Some(Names::Keep));
        let text = "[[names]]\nbelow = \"/lake\"\nas = \"keep\"\n\
                    [[names]]\nbelow = \"/lake/hot\"\nas = \"hash\"\n";
        let some = Machine::parse(text).unwrap();
        let named = ["/lake/a", "/lake/hot/a", "/a"].map(|path| some.names_for(Path::new(path)));
        assert_eq!(named, [Some(Names::Keep), Some(Names::Hash), None]);
    }

    #[test]
    fn a_team_has_its_directories_and_a_relative_one_is_refused() {
        let machine = Machine::parse("[roots]\npay = [\"/data/pay\", \"/lake/pay\"]").unwrap();
        assert_eq!(machine.roots()["pay"], [Path::new("/data/pay"), Path::new("/lake/pay")]);
        assert_eq!(refused("[roots]\npay = [\"pay\"]"), "`pay` is \"pay\", which is no absolute path");
        assert_eq!(refused("[roots]\npay = \"/pay\""), "`pay` of `roots` is no list");
    }

    #[test]
    fn settings_are_read_in_full_or_not_at_all() {
        use std::io::Write as _;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("skein.toml");
        let rule = "state = \"/s\"\n";
        let filled = |bytes: usize| {
            let text = format!("{}{rule}", "\n".repeat(bytes - rule.len()));
            std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
            Machine::read(Some(&path), place.path())
        };
        assert_eq!(filled(1 << 20).unwrap().states_for(Path::new("/d")), Some(Path::new("/s")));
        let refused = filled((1 << 20) + 1).unwrap_err();
        assert!(refused.message().contains("more than 1 MiB"), "{refused:?}");
    }

    #[test]
    fn what_is_no_setting_is_told_with_the_nearest() {
        assert_eq!(refused("stat = \"/s\""), "unknown key `stat`, did you mean `state`?");
        assert_eq!(
            refused("colour = 1"),
            "unknown key `colour`, known: state, names, roots, otlp, webhooks, mail, prices, nodes, oidc"
        );
        assert_eq!(refused("[otlp]\nendpont = \"x\""), "unknown key `endpont`, did you mean `endpoint`?");
        assert_eq!(refused("[otlp]\nendpoint = 1"), "`endpoint` of `otlp` is a URL");
        let machine = Machine::parse("[otlp]\nendpoint = \"http://c:4318\"").unwrap();
        assert_eq!(machine.otlp(), Some("http://c:4318"));
        assert_eq!(refused("names = \"kep\""), "`names` is \"kep\", and not hash or keep");
        assert_eq!(refused("[[names]]\nbelow = \"/data\""), "a `names` needs `as`");
        assert_eq!(
            refused("[[state]]\nbelov = \"/data\"\nat = \"/s\""),
            "unknown key `belov`, did you mean `below`?"
        );
        assert_eq!(refused("[[state]]\nbelow = \"/data\""), "a `state` needs `at`");
        assert_eq!(refused("state = \"relative\""), "`state` is \"relative\", which is no absolute path");
        assert_eq!(refused("state = 5"), "`state` is a path or a list of tables with `below` and `at`");
    }
}
