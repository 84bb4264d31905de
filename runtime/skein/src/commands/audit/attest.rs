//! `skein audit attest`: the signed statement of a published dataset, and verifying one, or a signed report, without asking anybody.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use skein_api::SignedStatement;
use skein_attest::{
    AttestError, Envelope, PROVENANCE_TYPE, Provenance, PublicKey, Ring, Statement, Trust, hex, sealed,
};
use skein_dataset::{Place, tree_of};
use skein_types::codes;

use super::trust::{Keys, failed, read};
use crate::aside;
use crate::failure::{CommandResult, Failure};
use crate::render::{self, grouped};
use crate::server::{Server, encoded};
use crate::view::View;

/// Of a statement, or of a report of a hundred thousand datasets.
const FILE_BYTES_MAX: u64 = 1 << 30;

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct AttestArgs {
    /// Whose statement: a dataset by name or id, or a run by its id.
    #[arg(value_name = "DATASET|RUN", required_unless_present = "verify")]
    named: Option<String>,
    /// Of a dataset: of the run that made this version [default: of the last one].
    #[arg(long, requires = "named")]
    version: Option<u64>,
    /// Save the statement as it is signed.
    #[arg(long, value_name = "FILE", requires = "named")]
    save: Option<PathBuf>,
    /// Verify this statement, or this signed report. No server is asked.
    #[arg(long, value_name = "FILE", conflicts_with = "named", requires = "key")]
    verify: Option<PathBuf>,
    /// Whose signature is believed: PEM, or what `skein audit keys export` writes. May be given more than once: a PEM file says whom you
    /// trust, the list leads from there to keys before and after.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Compare the files that are there now with those that the statement names, byte by byte.
    #[arg(long, value_name = "PATH", requires = "verify")]
    dataset: Option<PathBuf>,
}

/// What was verified.
#[derive(Serialize)]
struct Verified<T> {
    /// Who signed it.
    key: String,
    /// Files that were read and are those that were published; none if none were looked at.
    files: Option<u64>,
    /// What was said.
    statement: T,
}

pub(super) fn attest(
    view: View,
    server: impl FnOnce() -> Result<Server, Failure>,
    args: &AttestArgs,
) -> CommandResult {
    match (&args.verify, &args.named) {
        (Some(file), _) => verified(view, file, args),
        (None, Some(named)) => fetched(view, &server()?, (named, args)),
        (None, None) => Ok(()),
    }
}

fn fetched(view: View, server: &Server, (named, args): (&str, &AttestArgs)) -> CommandResult {
    let version = args.version.map(|version| format!("?version={version}")).unwrap_or_default();
    let signed: SignedStatement = server.get(&format!("statements/{}{version}", encoded(named)))?;
    if let Some(path) = &args.save {
        let bytes = serde_json::to_vec(&signed).map_err(|error| Failure::new(codes::BUG, &error))?;
        let saved = aside::replace(path, |file| file.write_all(&bytes));
        saved.map_err(|error| Failure::new(codes::IO, &error).about(path))?;
    }
    let envelope =
        Envelope::parse(&serde_json::to_vec(&signed).unwrap_or_default()).map_err(|error| failed(&error))?;
    let payload = envelope.unverified().map_err(|error| failed(&error))?;
    let said: Statement<Provenance> =
        serde_json::from_slice(&payload).map_err(|error| Failure::new(codes::ATTEST_FORM, &error))?;
    view.told(&signed, || {
        facts(&said);
        let by: Vec<&str> = signed.signatures.iter().map(|by| by.keyid.as_str()).collect();
        render::line(&format!(
            "{:<12} {}, not verified here: --save it, then --verify",
            "signed by",
            by.join(", ")
        ));
    });
    Ok(())
}

fn verified(view: View, file: &Path, args: &AttestArgs) -> CommandResult {
    let bytes = read(file, FILE_BYTES_MAX)?;
    let about = |error: AttestError| failed(&error).about(file);
    let trust = Keys::read(&args.key)?.trust(&Ring::default()).map_err(|error| failed(&error))?;
    if sealed::is_sealed(&bytes) {
        let (said, key) = sealed::open(&bytes, &trust).map_err(about)?;
        if args.dataset.is_some() {
            return Err(Failure::text(
                codes::USAGE,
                "a report names no files: --dataset goes with a statement",
            ));
        }
        let shown = Verified { key: key.id(), files: None, statement: &said };
        view.told(&shown, || {
            render::line(&format!("{} is as it was signed by {}", file.display(), key.id()));
            render::line(&format!(
                "{:<12} of {} by {}, {} datasets, made {}, record {}",
                "report",
                said.campaign,
                said.server,
                grouped(said.datasets),
                said.at,
                said.head
            ));
        });
        return Ok(());
    }
    let (said, key) = opened(&bytes, &trust).map_err(|error| {
        if matches!(error, AttestError::Form { what: Envelope::WHAT, .. }) {
            unsigned(file)
        } else {
            about(error)
        }
    })?;
    let files = args.dataset.as_deref().map(|path| compared(&said, path)).transpose()?;
    let shown = Verified { key: key.id(), files, statement: &said };
    view.told(&shown, || {
        render::line(&format!("{} is as it was signed by {}", file.display(), key.id()));
        facts(&said);
        if let (Some(files), Some(path)) = (files, &args.dataset) {
            render::line(&format!(
                "{:<12} {} files in {} are those that were published",
                "files",
                grouped(files),
                path.display()
            ));
        }
    });
    Ok(())
}

/// What has no signature at all. How it fails to be JSON is no help to whoever gives a table.
fn unsigned(file: &Path) -> Failure {
    Failure::text(codes::ATTEST_FORM, "it is not signed: no statement, and no report with its signature")
        .about(file)
        .hint(Some("`audit attest --save` writes a statement; of a report the .html is signed, .csv and .json are not"))
}

fn opened(bytes: &[u8], trust: &Trust) -> Result<(Statement<Provenance>, PublicKey), AttestError> {
    let envelope = Envelope::parse(bytes)?;
    Statement::open(&envelope, PROVENANCE_TYPE, (trust, |said: &Provenance| said.at))
}

/// Reads the dataset and compares it with what was published. How many files there are.
fn compared(said: &Statement<Provenance>, path: &Path) -> Result<u64, Failure> {
    let place =
        Place::resolve(path).map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    let (tree, files) =
        tree_of(&place).map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    if tree.digest == said.predicate.output.tree {
        return Ok(tree.files);
    }
    let content = |problem: String| {
        let error = AttestError::Content { what: path.display().to_string(), problem };
        failed(&error)
            .hint(Some("a later run, a rollback or somebody else may have changed it: `skein history` says"))
    };
    let published: Vec<(&str, &str)> =
        said.subject.iter().filter_map(|one| Some((one.name.as_str(), one.digest("blake3")?))).collect();
    for (file, _, digest) in &files {
        match published.iter().find(|(name, _)| name == file) {
            None if published.is_empty() => break,
            None => return Err(content(format!("{file} was not published with it"))),
            Some((_, signed)) if *signed != hex(&digest.0) => {
                return Err(content(format!("{file} has other bytes")));
            }
            Some(_) => {}
        }
    }
    let there = |name: &str| files.iter().any(|(file, ..)| file == name);
    match published.iter().find(|(name, _)| !there(name)) {
        Some((missing, _)) => Err(content(format!("{missing} is missing"))),
        None => Err(content(format!(
            "its files are others: {} and not {}",
            tree.digest, said.predicate.output.tree
        ))),
    }
}

fn facts(statement: &Statement<Provenance>) {
    let said = &statement.predicate;
    let source = said.module.source.as_ref().map(|source| {
        let commit = source.commit.as_ref().map(|commit| format!(" at {commit}")).unwrap_or_default();
        format!(", made of {}{commit}", source.url)
    });
    let label = said.module.label.as_ref().map(|label| format!("{label}, ")).unwrap_or_default();
    let approvals: Vec<String> = said
        .approvals
        .iter()
        .map(|one| {
            let team = one.team.as_ref().map(|team| format!(" for {team}")).unwrap_or_default();
            let wave = one.wave.map(|wave| format!(" for wave {wave}")).unwrap_or_default();
            let glass = if one.broken_glass { ", by breaking the glass" } else { "" };
            format!("{}{team}{wave}{glass}", one.person)
        })
        .collect();
    let rules: Vec<String> =
        said.checks.rules.iter().map(|rule| format!("{} {}", rule.name, rule.verdict)).collect();
    let files = |version: &skein_attest::Version| {
        format!(
            "version {}, {} files, {} bytes, {}",
            version.version,
            grouped(version.files),
            grouped(version.bytes),
            version.tree
        )
    };
    let mut facts = vec![
        ("dataset", format!("{} ({}) of team {}", said.dataset.name, said.dataset.id, said.dataset.owner)),
        (
            "run",
            format!(
                "{}, number {} of {} ({})",
                said.run.id, said.run.seq, said.run.campaign_name, said.run.campaign
            ),
        ),
        ("module", format!("{label}{}{}", said.module.digest, source.unwrap_or_default())),
        ("migration", format!("{} {}", said.module.migration, said.module.version)),
        ("parameters", said.params.clone()),
        ("plan", said.plan.clone().unwrap_or_default()),
        (
            "approved by",
            if approvals.is_empty() { "nobody: none was asked".to_owned() } else { approvals.join(", ") },
        ),
        ("read", files(&said.input)),
        ("made", files(&said.output)),
        (
            "rows",
            format!(
                "{} read, {} written, {} rejected, {} left out",
                grouped(said.rows.read),
                grouped(said.rows.written),
                grouped(said.rows.rejected),
                grouped(said.rows.filtered)
            ),
        ),
    ];
    facts.extend(said.checks.verified.clone().map(|level| ("verified", level)));
    facts.extend((!rules.is_empty()).then(|| ("rules", rules.join(", "))));
    let over =
        said.checks.passed_over.iter().map(|one| format!("{} of {}: {}", one.name, one.consumer, one.why));
    facts.extend(over.map(|over| ("passed over", over)));
    let released = said.checks.released.as_ref();
    facts.extend(released.map(|one| ("released by", format!("{}, {}: {}", one.by, one.at, one.why))));
    facts.extend(said.run.node.clone().map(|node| ("node", node)));
    facts.push(("said", format!("{} by {}, {}", said.at, said.server, said.tool)));
    facts.push(("record", format!("{}:{}", said.ledger.position, said.ledger.hash)));
    for (what, text) in facts {
        render::line(&format!("{what:<12} {text}"));
    }
}
