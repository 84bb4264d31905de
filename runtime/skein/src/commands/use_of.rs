//! `skein usage`: what work took of a server's fleet.

use clap::{Args, ValueEnum};
use skein_api::{Time, UsageBy, UsageReport, UsageSum};
use skein_types::grouped;

use crate::args::ServerArgs;
use crate::failure::CommandResult;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::View;

/// Show what work took: processor time, slots, bytes, and its cost where the server knows prices.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein usage
  skein usage --by campaign --team shop --from 2026-11-01T00:00:00.000Z
  skein usage --by hour -o json")]
pub(crate) struct UsageArgs {
    /// What it is summed by.
    #[arg(long, value_enum, default_value_t = By::Team)]
    pub(crate) by: By,
    /// Of this team only.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// In this campaign only.
    #[arg(long)]
    pub(crate) campaign: Option<String>,
    /// In hours that begin from then on, such as 2026-11-23T00:00:00.000Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Time>,
    /// In hours that begin before then.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Time>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What use is summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Team,
    Campaign,
    Module,
    Hour,
}

impl By {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Campaign => "campaign",
            Self::Module => "module",
            Self::Hour => "hour",
        }
    }
}

pub(crate) fn usage(settings: &Settings, args: &UsageArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let mut path = format!("usage?by={}", args.by.as_str());
    let (from, to) = (args.from.map(|time| time.to_string()), args.to.map(|time| time.to_string()));
    for (key, value) in [("team", &args.team), ("campaign", &args.campaign), ("from", &from), ("to", &to)] {
        path.extend(value.as_ref().map(|value| format!("&{key}={}", encoded(value))));
    }
    let report: UsageReport = server.get(&path)?;
    view.told(&report, || told(&report));
    Ok(())
}

fn told(report: &UsageReport) {
    let by = match report.by {
        UsageBy::Team => "team",
        UsageBy::Campaign => "campaign",
        UsageBy::Module => "module",
        UsageBy::Hour => "hour",
    };
    let cost = report.currency.as_ref().map(|currency| format!("cost {currency}"));
    let header = [by, "core hours", "slot hours", "read", "written", "fuel", "attempts"];
    let header: Vec<&str> = header.into_iter().chain(cost.as_deref()).collect();
    render::table(&header, report.sums.iter().map(row));
    for sum in report.sums.iter() {
        if let Some(kept) = sum.kept {
            render::line(&format!("{}: {kept} of old versions are kept to go back to", sum.of));
        }
    }
    if !report.whole {
        render::line("there is more than this; ask for less time, or for one team");
    }
}

fn row(sum: &UsageSum) -> Vec<String> {
    let of = if sum.of.is_empty() { "(none)".to_owned() } else { sum.of.to_string() };
    let used = [
        of,
        hours(sum.cpu_ms.0),
        hours(sum.slot_ms.0),
        sum.bytes_read.to_string(),
        sum.bytes_written.to_string(),
        grouped(sum.fuel.0),
        grouped(sum.attempts),
    ];
    used.into_iter().chain(sum.cost.as_ref().map(ToString::to_string)).collect()
}

/// Milliseconds as hours with three decimals.
fn hours(ms: u64) -> String {
    let thousandths = ms / 3_600;
    format!("{}.{:03}", grouped(thousandths / 1_000), thousandths % 1_000)
}

#[cfg(test)]
mod tests {
    use super::hours;

    #[test]
    fn hours_have_three_decimals() {
        assert_eq!([0, 3_600, 5_400_000, 3_600_000_000].map(hours), ["0.000", "0.001", "1.500", "1,000.000"]);
    }
}
