//! `skein history`: which versions a dataset has had.

use std::sync::Arc;

use serde::Serialize;
use skein_dataset::{Dataset, Held, History, Hold, LogError, NO_STATE, Version};
use skein_node::rules_found;
use skein_types::{
    Bytes, ModuleDigest, ParamsDigest, Rows, RuleResult, RuleVerdict, RunId, SystemClock, codes,
};

use crate::args::{HistoryArgs, Output};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::settings::Settings;

#[derive(Serialize)]
struct VersionLine {
    version: u64,
    current: bool,
    time: String,
    kind: &'static str,
    /// What made it: the migration, the version that is back, or what others did.
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<ModuleDigest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<ParamsDigest>,
    /// Data files; the bytes are of all files.
    files: u64,
    bytes: Bytes,
    /// Where the log knows them: nobody counts the rows of files that others wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<Rows>,
    /// How far its run verified it, and what its content added up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<serde_json::Value>,
    /// What its run found of rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleResult>,
    /// Whether it can be rolled back to.
    available: bool,
    /// What `skein finalize` would free of it. Versions of the same content share their files: the one that keeps them
    /// has the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<Bytes>,
}

pub(crate) fn history(settings: &Settings, args: &HistoryArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let history = dataset.history().map_err(|error: LogError| Failure::new(error.code(), &error))?;
    let lines: Vec<VersionLine> = history.versions().iter().map(|v| line(&history, v)).collect();
    if lines.is_empty() {
        return Err(Failure::text(codes::NO_HISTORY, format!("{} has no history", args.dataset.display()))
            .hint(Some(NO_STATE)));
    }
    let held: Vec<HeldLine> = history.held().iter().map(|held| held_line(&dataset, &history, held)).collect();
    match args.output {
        Output::Json => {
            let kept: Bytes = lines.iter().filter_map(|line| line.kept).sum();
            render::json(&serde_json::json!({ "versions": lines, "held": held, "kept": kept }));
        }
        Output::Table => {
            table(&lines);
            broken(&lines);
            held.iter().for_each(told);
        }
    }
    Ok(())
}

/// A finished version that is not current.
#[derive(Serialize)]
struct HeldLine {
    run: RunId,
    time: String,
    /// The version that it may displace.
    base: u64,
    /// Whether it still can.
    publishable: bool,
    what: String,
    files: usize,
    bytes: Bytes,
    path: String,
    /// What its run found of rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleResult>,
}

fn held_line(dataset: &Dataset, history: &History, held: &Held) -> HeldLine {
    let Hold { facts, base, files, source, .. } = &held.hold;
    HeldLine {
        run: facts.run,
        time: held.time.to_string(),
        base: *base,
        publishable: history.moved_on(*base).is_none(),
        what: format!("{} {}", facts.migration, facts.migration_version),
        files: files.len(),
        bytes: files.iter().map(|file| Bytes(file.stat.size)).sum(),
        path: dataset.state_path().join(source).display().to_string(),
        rules: rules_found(&facts.ext),
    }
}

fn told(held: &HeldLine) {
    let HeldLine { run, time, base, what, files, bytes, path, rules, .. } = held;
    let stale = if held.publishable { "" } else { ", which is not current any more" };
    render::line(&format!(
        "held by {run} since {time}: {what}, {}, {bytes}, over version {base}{stale}",
        render::counted(*files as u64, "file")
    ));
    render::line(&format!("  {path}"));
    render::rules::lines(rules).iter().for_each(|text| render::line(&format!("  {text}")));
}

/// What rules found that do not hold, by version; JSON has all.
fn broken(lines: &[VersionLine]) {
    for line in lines {
        let not = line.rules.iter().filter(|rule| rule.verdict != RuleVerdict::Pass).cloned();
        for text in render::rules::lines(&not.collect::<Vec<_>>()) {
            render::line(&format!("version {}: {text}", line.version));
        }
    }
}

fn line(history: &History, version: &Version) -> VersionLine {
    let told = history.told(version);
    let facts = told.facts;
    VersionLine {
        version: version.version,
        current: told.current,
        time: version.time.to_string(),
        kind: told.kind,
        what: told.what,
        run: facts.map(|facts| facts.run),
        module: facts.map(|facts| facts.module),
        params: facts.map(|facts| facts.params),
        files: told.files,
        bytes: told.bytes,
        rows: told.rows,
        rejected: facts.map(|facts| facts.rows.rejected),
        verified: facts.and_then(|facts| facts.ext.get("verified").cloned()),
        fingerprint: facts.and_then(|facts| facts.ext.get("fingerprint").cloned()),
        rules: facts.map(|facts| rules_found(&facts.ext)).unwrap_or_default(),
        available: told.available,
        kept: told.kept,
    }
}

fn table(lines: &[VersionLine]) {
    let rows = lines.iter().map(|line| {
        let mark = if line.current { "*" } else { "" };
        let number = |n: Option<Rows>| n.map_or_else(String::new, |n| render::grouped(n.0));
        vec![
            format!("{}{mark}", line.version),
            line.time.clone(),
            line.kind.to_owned(),
            line.what.clone(),
            line.files.to_string(),
            line.bytes.to_string(),
            number(line.rows),
            number(line.rejected),
            match (line.available, line.kept) {
                (true, _) if line.current => "current".to_owned(),
                (true, Some(kept)) => kept.to_string(),
                (true, None) => "yes".to_owned(),
                (false, _) => "no".to_owned(),
            },
        ]
    });
    render::table(&["version", "time", "kind", "what", "files", "size", "rows", "rejected", "kept"], rows);
    let kept: Vec<Bytes> = lines.iter().filter_map(|line| line.kept).collect();
    if !kept.is_empty() {
        let total: Bytes = kept.iter().copied().sum();
        render::line(&format!(
            "{} kept, {total}; `skein finalize` frees that",
            render::counted(kept.len() as u64, "old version")
        ));
    }
}
