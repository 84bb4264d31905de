//! What a campaign came to, on one page: as a table for a terminal, as Markdown for a ticket or a mail.
//!
//! Both are made of the same lines; names and messages are strangers' words, so in Markdown what could be taken for its signs is
//! escaped.

use std::path::Path;

use skein_api::{CampaignReport, FailureKind, Guessed, HumanAction, PlanReason, RunCounts};
use skein_campaign::Span;
use skein_types::{codes, grouped};

use super::approve::BROKEN_GLASS;
use super::plan;
use crate::aside;
use crate::commands::module::word;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::{Server, encoded};
use crate::view::{Row, View};

/// Refuses two forms at once.
pub(super) fn one_form(view: View, markdown: bool) -> CommandResult {
    if markdown && !view.is_table() {
        let failure = Failure::text(codes::USAGE, "--markdown is a form of its own, and -o asks for another");
        return Err(failure.hint(Some("leave one of them out")));
    }
    Ok(())
}

/// Saves the whole report, with a line per dataset.
pub(super) fn saved(server: &Server, campaign: &str, file: &Path) -> CommandResult {
    let format = match file.extension().and_then(|end| end.to_str()) {
        Some(format @ ("html" | "csv" | "json")) => format,
        Some(_) | None => {
            let failure =
                Failure::text(codes::USAGE, format!("{} is none of .html, .csv and .json", file.display()));
            return Err(failure.hint(Some("the end of the file's name says which form it is to have")));
        }
    };
    let mut outcome = Ok(());
    let path = format!("campaigns/{}/report/file?format={format}", encoded(campaign));
    let written = aside::replace(file, |into| {
        outcome = server.pour(&path, into);
        match outcome {
            Ok(()) => Ok(()),
            Err(_) => Err(std::io::Error::other("not all of it came")),
        }
    });
    outcome?;
    written.map_err(|error| Failure::new(codes::IO, &error).about(file))?;
    render::line(&format!("saved as {}", file.display()));
    if format == "html" {
        render::to_stderr(&format!("next: skein audit attest --verify {} --key KEYS", file.display()));
    }
    Ok(())
}

pub(super) fn shown(view: View, report: &CampaignReport, markdown: bool) {
    if markdown {
        for line in as_markdown(report) {
            render::line(&line);
        }
        return;
    }
    view.told(report, || {
        render::line(&title(report));
        broken_glass(report).iter().for_each(|line| render::line(&format!("** {line} **")));
        for (what, said) in facts(report) {
            render::line(&format!("{what:<12} {said}"));
        }
        plan::policy(&report.policy);
        if !report.guessed.is_empty() {
            render::line("");
            view.all(&report.guessed);
        }
        if !report.waves.is_empty() {
            render::line("");
            view.all(&report.waves);
        }
        if !report.failures.is_empty() {
            render::line("");
            view.all(&report.failures);
            more(report).iter().for_each(|more| render::line(more));
        }
        if !report.left_out.is_empty() {
            render::line("");
            view.all(&report.left_out);
        }
        if !report.actions.is_empty() {
            render::line("");
            view.all(&report.actions);
        }
    });
}

fn title(report: &CampaignReport) -> String {
    format!("{}: {}", report.name, report.state)
}

/// What nobody is to overlook. Who it was and why is among what people did.
fn broken_glass(report: &CampaignReport) -> Option<&'static str> {
    report.broken_glass.then_some(BROKEN_GLASS)
}

/// What there is to say in a line each.
fn facts(report: &CampaignReport) -> Vec<(&'static str, String)> {
    let (runs, rows, took) = (&report.runs, &report.rows, &report.meters);
    let module = report.module_name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
    let mut facts = vec![
        ("campaign", format!("{} of team {}", report.campaign, report.owner)),
        ("datasets", datasets(report.datasets, runs)),
        ("success", success(report)),
        (
            "rows",
            format!(
                "{} read, {} written, {} rejected, {} left out",
                grouped(rows.read.0),
                grouped(rows.written.0),
                grouped(rows.rejected.0),
                grouped(rows.filtered.0)
            ),
        ),
        ("bytes", format!("{} read, {} written", took.bytes_read, took.bytes_written)),
        ("time", time(report)),
        ("module", format!("{module}{}", report.module)),
        ("parameters", report.params.to_string()),
    ];
    facts.extend(report.source.as_ref().map(|source| ("source", source.to_string())));
    facts.extend(after(report));
    facts.extend(report.why.as_ref().map(|why| ("why", why.to_string())));
    facts.extend(report.plan.map(|plan| ("plan", plan.to_string())));
    facts.push(("record", report.head.to_string()));
    facts
}

/// How many of those that were to be migrated are, how fast, and how often people did something.
fn success(report: &CampaignReport) -> String {
    let rate = report.per_hour.map(|rate| format!(", {} an hour", grouped(rate))).unwrap_or_default();
    let actions = render::counted(report.human_actions, "human action");
    format!("{}.{:03} %{rate}; {actions}", report.success / 1_000, report.success % 1_000)
}

/// What was found out after results were staged.
fn after(report: &CampaignReport) -> Vec<(&'static str, String)> {
    let (soak, gone) = (&report.soak, &report.gone);
    let mut facts = Vec::new();
    if report.round_trips > 0 {
        let trips = grouped(report.round_trips);
        facts.push((
            "round trips",
            format!("{trips} canary results went back and forth, every byte the same"),
        ));
    }
    if report.rolled_out.is_some() || soak.alarms > 0 {
        let alarms = render::counted(soak.alarms, "alarm");
        facts.push(("checks", format!("{} of {} had by all runs, {alarms}", soak.checked, soak.checks)));
    }
    if soak.kept.0 > 0 {
        facts.push(("kept", format!("{} of old versions, to go back to", soak.kept)));
    }
    if let Some(last) = gone.last {
        let (versions, files) = (render::counted(gone.versions, "old version"), grouped(gone.files));
        facts.push(("gone", format!("{versions}, {files} files, {}; the last at {last}", gone.bytes)));
    }
    facts
}

/// Those of each state that has some.
fn datasets(all: u64, runs: &RunCounts) -> String {
    let states = [
        (runs.published, "published"),
        (runs.finalized, "finalized"),
        (runs.failed, "failed"),
        (runs.skipped, "skipped"),
        (runs.stale, "stale"),
        (runs.cancelled, "cancelled"),
        (runs.held, "held"),
        (runs.planned + runs.intended, "to do"),
        (runs.reverting, "being rolled back"),
        (runs.reverted, "rolled back"),
        (runs.revert_failed, "not to be rolled back"),
        (runs.ineligible, "left out"),
    ];
    let some = states.iter().filter(|(count, _)| *count > 0);
    let some: Vec<String> = some.map(|(count, state)| format!("{} {state}", grouped(*count))).collect();
    format!("{}: {}", grouped(all), some.join(", "))
}

fn time(report: &CampaignReport) -> String {
    let cpu = render::duration(report.meters.cpu_ms.0);
    match (report.started, report.rolled_out, report.took_ms) {
        (Some(started), Some(rolled_out), Some(took)) => {
            let window =
                report.policy.window_ms.map(Span::of).map(|window| format!("; rollback for {window}"));
            format!(
                "{} from {started} to {rolled_out}; {cpu} of CPU time{}",
                render::duration(took.0),
                window.unwrap_or_default()
            )
        }
        (Some(started), None, Some(took)) => {
            format!("{} since {started}, not rolled out yet; {cpu} of CPU time", render::duration(took.0))
        }
        (None, ..) | (_, _, None) => format!("made {}, not started", report.made),
    }
}

fn more(report: &CampaignReport) -> Option<String> {
    (report.more_failures > 0).then(|| format!("and {} failed in other ways", grouped(report.more_failures)))
}

impl Row for Guessed {
    const HEADS: &'static [&'static str] = &["quantity", "planned", "was", "planned too high by"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.quantity.to_string(),
            grouped(self.estimated),
            grouped(self.actual),
            self.error_percent.map(|percent| format!("{percent} %")).unwrap_or_default(),
        ]
    }
}

impl Row for FailureKind {
    const HEADS: &'static [&'static str] = &["failed", "code", "means", "such as", "what happened", "next"];
    fn cells(&self) -> Vec<String> {
        vec![
            grouped(self.runs),
            self.code.to_string(),
            self.title.to_string(),
            format!("{} (run {})", self.example, self.seq),
            self.message.to_string(),
            self.next.replace('`', ""),
        ]
    }
}

impl Row for HumanAction {
    const HEADS: &'static [&'static str] = &["when", "who", "what", "decisions", "why"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.at.to_string(),
            self.actor.to_string(),
            self.what.to_string(),
            self.decisions.to_string(),
            self.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]
    }
}

impl Row for PlanReason {
    const HEADS: &'static [&'static str] = &["left out", "verdict", "code", "such as", "why"];
    fn cells(&self) -> Vec<String> {
        vec![
            grouped(self.datasets),
            word(&self.verdict),
            self.code.to_string(),
            self.example.to_string(),
            self.message.to_string(),
        ]
    }
}

fn as_markdown(report: &CampaignReport) -> Vec<String> {
    let mut lines = vec![format!("# {}", plain(&title(report))), String::new()];
    lines.extend(
        broken_glass(report).map(|line| [format!("**{line}**"), String::new()]).into_iter().flatten(),
    );
    lines.extend(facts(report).into_iter().map(|(what, said)| format!("- **{what}**: {}", plain(&said))));
    lines.extend(table("Waves", &report.waves));
    lines.extend(table("Failures", &report.failures));
    lines.extend(more(report));
    lines.extend(table("Left out of the plan", &report.left_out));
    lines.extend(table("What people did", &report.actions));
    lines
}

fn table<T: Row>(title: &str, items: &[T]) -> Vec<String> {
    if items.is_empty() {
        return Vec::new();
    }
    let row = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let heads: Vec<String> = T::HEADS.iter().map(|head| (*head).to_owned()).collect();
    let mut lines = vec![String::new(), format!("## {title}"), String::new(), row(&heads)];
    lines.push(row(&vec!["---".to_owned(); heads.len()]));
    let plain = |item: &T| row(&item.cells().iter().map(|cell| plain(cell)).collect::<Vec<_>>());
    lines.extend(items.iter().map(plain));
    lines
}

/// Without anything that Markdown or the HTML in it would take for its own.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '&' => plain.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '!' | '~' => plain.extend(['\\', c]),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{datasets, plain};
    use skein_api::RunCounts;

    #[test]
    fn words_of_strangers_are_no_signs_of_markdown() {
        assert_eq!(plain("a|b *x* <img> [l](u) `c`"), "a\\|b \\*x\\* &lt;img> \\[l\\](u) \\`c\\`");
    }

    #[test]
    fn only_states_that_have_some_are_counted() {
        let runs = RunCounts { published: 1_200, failed: 3, ineligible: 4, ..RunCounts::default() };
        assert_eq!(datasets(1_207, &runs), "1,207: 1,200 published, 3 failed, 4 left out");
    }
}
