//! What was used of the fleet: by team, campaign, module, or hour after hour.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Time, UsageBy, UsageReport, UsageSum};
use skein_control::{Control, ServiceError, UsagePart};
use skein_types::{Millis, grouped};

use super::offered::bad;
use crate::ROWS;
use crate::duration::lasting;
use crate::form;
use crate::frame::{self, command, encoded, quoted};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/usage";
/// Hours that are drawn, the last ones: a week.
const HOURS: usize = 168;
/// How large the drawing is, in its own units.
const HEIGHT: u64 = 120;
const STEP: usize = 5;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    by: String,
    team: String,
    from: String,
    to: String,
}

const BY: [(&str, UsageBy); 4] = [
    ("team", UsageBy::Team),
    ("campaign", UsageBy::Campaign),
    ("module", UsageBy::Module),
    ("hour", UsageBy::Hour),
];

fn part(asked: &Asked) -> Result<UsagePart, ServiceError> {
    let by = match asked.by.as_str() {
        "" => UsageBy::Team,
        word => BY.iter().find(|(name, _)| *name == word).ok_or_else(|| bad("by", "there is no such sum"))?.1,
    };
    Ok(UsagePart {
        by,
        from: moment("from", &asked.from)?,
        to: moment("to", &asked.to)?,
        team: Some(asked.team.trim().to_owned()).filter(|team| !team.is_empty()),
        campaign: None,
    })
}

/// A moment as a form says it: as it is shown elsewhere, or as browsers give days and minutes.
pub(super) fn moment(what: &str, text: &str) -> Result<Option<Time>, ServiceError> {
    let text = text.trim();
    let whole = match text.len() {
        0 => return Ok(None),
        10 => format!("{text}T00:00"),
        _ => text.replacen(' ', "T", 1),
    };
    let read = form::moment(&whole);
    read.map(Some).ok_or_else(|| bad(what, "it is no time such as 2026-11-23 12:30, in UTC"))
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let report = desk.usage(&part(&asked)?)?;
            let word = BY.iter().find(|(_, by)| *by == report.by).map_or("team", |(word, _)| word);
            let content = html! {
                (filter(&asked, word))
                @if report.sums.is_empty() { p.empty { "Nothing was used in that time." } } @else {
                    @if report.by == UsageBy::Hour { (drawn(&report.sums)) }
                    (table(&report, word))
                }
                @if !report.whole { p.note { "That is not all: say less time, or a team." } }
                p { (command(&line(&asked, word))) }
            };
            Ok(frame::page(viewer, ("What was used", Some("/quotas")), content))
        })
        .await
}

/// The same, typed. Times are as they were read: the command takes them in full.
fn line(asked: &Asked, word: &str) -> String {
    let mut line = format!("skein usage --by {word}");
    let time = |text: &str| moment("", text).ok().flatten().map(|time| time.to_string());
    let team = Some(asked.team.trim().to_owned()).filter(|team| !team.is_empty());
    for (name, value) in [("team", team), ("from", time(&asked.from)), ("to", time(&asked.to))] {
        if let Some(value) = value {
            line.push_str(&format!(" --{name} {}", quoted(&value)));
        }
    }
    line
}

fn filter(asked: &Asked, word: &str) -> Markup {
    html! {
        form.filter method="get" action=(AT) {
            span { label for="by" { "By" } " " select #by name="by" { @for (name, _) in BY { option value=(name) selected[name == word] { (name) } } } }
            span { label for="team" { "Team" } " " input #team name="team" value=(asked.team) maxlength="100"; }
            span { label for="from" { "From (UTC)" } " " input #from name="from" value=(asked.from) placeholder="2026-11-23" maxlength="30"; }
            span { label for="to" { "Before (UTC)" } " " input #to name="to" value=(asked.to) placeholder="2026-11-24 12:00" maxlength="30"; }
            button { "Show" }
        }
    }
}

/// Processor time, an hour a bar. What it shows the table says too.
fn drawn(sums: &[UsageSum]) -> Markup {
    let last = &sums[sums.len().saturating_sub(HOURS)..];
    let most = last.iter().map(|sum| sum.cpu_ms.0).max().unwrap_or(0).max(1);
    let width = last.len() * STEP;
    html! {
        svg.chart viewBox={ "0 0 " (width) " " (HEIGHT) } width=(width) height=(HEIGHT) preserveAspectRatio="none" role="img" aria-label={
            "Processor time in each of the last " (last.len()) " hours in which there was work, at most " (lasting(Millis(most))) " of one core" } {
            @for (place, sum) in last.iter().enumerate() {
                @let height = (sum.cpu_ms.0.saturating_mul(HEIGHT) / most).max(1);
                rect x=(place * STEP) y=(HEIGHT - height) width=(STEP - 1) height=(height) {
                    title { (sum.of) ": " (lasting(sum.cpu_ms)) }
                }
            }
        }
    }
}

fn table(report: &UsageReport, word: &str) -> Markup {
    let hour = report.by == UsageBy::Hour;
    // Of hours the newest are those that somebody looks for.
    let shown: Vec<&UsageSum> = match hour {
        true => report.sums.iter().rev().take(ROWS).collect(),
        false => report.sums.iter().take(ROWS).collect(),
    };
    let most = report.sums.iter().map(|sum| sum.cpu_ms.0).max().unwrap_or(0).max(1);
    html! {
        table {
            thead {
                tr {
                    th { (word) } th { "CPU time" } th { "Slot time" } th { "Fuel" } th { "Read" } th { "Written" } th { "Attempts" }
                    th { "Kept" } @if let Some(currency) = &report.currency { th { "Cost, " (currency) } }
                }
            }
            tbody {
                @for sum in &shown {
                    tr {
                        td { (named(sum, report.by)) }
                        td { meter min="0" max=(most) value=(sum.cpu_ms.0) aria-label="CPU time" {} " " (lasting(sum.cpu_ms)) }
                        td.number { (lasting(sum.slot_ms)) }
                        td.number { (grouped(sum.fuel.0)) }
                        td.number { (sum.bytes_read) }
                        td.number { (sum.bytes_written) }
                        td.number { (grouped(sum.attempts)) }
                        td.number { @if let Some(kept) = sum.kept { (kept) } }
                        @if report.currency.is_some() { td.number { @if let Some(cost) = &sum.cost { (cost) } } }
                    }
                }
            }
        }
        @if report.sums.len() > ROWS { p.note { (ROWS) " of " (grouped(report.sums.len() as u64)) " are shown: " @if hour { "the last ones." } @else { "the largest." } } }
    }
}

fn named(sum: &UsageSum, by: UsageBy) -> Markup {
    let of = sum.of.as_str();
    html! {
        @match (by, of) {
            (UsageBy::Hour, _) => (of),
            (_, "" | "…") => "none",
            (UsageBy::Team, _) => a href={ (AT) "?by=hour&team=" (encoded(of)) } { (of) },
            (UsageBy::Campaign, _) => a href={ "/campaigns/" (encoded(of)) } { (of) },
            (UsageBy::Module, _) => code { (of) },
        }
    }
}

#[cfg(test)]
mod tests {
    use skein_api::{Text, UsageSum};
    use skein_types::{Bytes, Fuel, Millis};

    use super::{Asked, drawn, line, moment};

    #[test]
    fn moments_are_read_as_browsers_and_people_write_them() {
        let read = |text| moment("from", text).unwrap().map(|time| time.to_string());
        assert_eq!(read("2026-11-23").as_deref(), Some("2026-11-23T00:00:00.000Z"));
        assert_eq!(read("2026-11-23T12:30").as_deref(), Some("2026-11-23T12:30:00.000Z"));
        assert_eq!(read("2026-11-23 12:30:01").as_deref(), Some("2026-11-23T12:30:01.000Z"));
        assert_eq!(read(" "), None);
        assert!(moment("from", "yesterday").is_err());
    }

    #[test]
    fn the_command_asks_for_what_the_page_does() {
        let asked = Asked { team: " a b".to_owned(), from: "2026-11-23".to_owned(), ..Asked::default() };
        assert_eq!(
            line(&asked, "hour"),
            "skein usage --by hour --team 'a b' --from 2026-11-23T00:00:00.000Z"
        );
        assert_eq!(line(&Asked::default(), "team"), "skein usage --by team");
    }

    #[test]
    fn however_many_hours_there_are_a_week_is_drawn() {
        let sum = |cpu| UsageSum {
            of: Text::escaped("2026-11-23T00:00:00.000Z"),
            cpu_ms: Millis(cpu),
            slot_ms: Millis(0),
            fuel: Fuel(0),
            bytes_read: Bytes(0),
            bytes_written: Bytes(0),
            attempts: 0,
            kept: None,
            cost: None,
        };
        let page = drawn(&(0..1_000).map(sum).collect::<Vec<_>>()).into_string();
        assert_eq!(page.matches("<rect").count(), super::HOURS);
        assert!(page.contains("height=\"120\"") && drawn(&[sum(0)]).into_string().contains("height=\"1\""));
    }
}
