//! What an attempt took, beside what it might.

use maud::{Markup, html};
use skein_api::{Attempt, LimitsAsk};
use skein_types::grouped;

use crate::assets::GAUGE;
use crate::duration::lasting;
use crate::frame::{Gauge, gauge};

/// Something that there is a limit for.
struct Meter {
    name: &'static str,
    used: u64,
    limit: Option<u64>,
    shown: fn(u64) -> String,
}

pub(super) fn view(attempt: &Attempt, limits: &LimitsAsk) -> Markup {
    let took = &attempt.meters;
    let meters = [
        Meter {
            name: "Fuel",
            used: took.fuel.0,
            limit: limits.fuel_per_task.map(|fuel| fuel.0),
            shown: grouped,
        },
        Meter {
            name: "Memory at most",
            used: took.memory_peak.0,
            limit: limits.memory.map(|memory| memory.0),
            shown: bytes,
        },
        Meter {
            name: "Time",
            used: took.wall_ms.0,
            limit: limits.wall_per_task_ms.map(|time| time.0),
            shown: time,
        },
        Meter { name: "Rejected rows", used: attempt.rejected.0, limit: limits.rejects, shown: grouped },
    ];
    html! {
        section aria-labelledby="meters" {
            h2 #meters { "What it took" }
            (GAUGE.module())
            table {
                thead { tr { th scope="col" { "What" } th scope="col" { "Of its limit" } th.number scope="col" { "Used" } th.number scope="col" { "Limit" } } }
                tbody { @for meter in &meters { (row(meter)) } }
            }
            p.note {
                "CPU time " (lasting(took.cpu_ms)) "; " (took.bytes_read) " read, " (took.bytes_written) " written, of which "
                (took.bytes_spliced) " copied as they were."
            }
        }
    }
}

fn row(Meter { name, used, limit, shown }: &Meter) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            td {
                @if let Some(limit) = limit.filter(|limit| *limit > 0) {
                    (gauge(&Gauge { name, used: *used, limit, said: &percent(*used, limit), warns: true }))
                }
            }
            td.number { (shown(*used)) }
            td.number { @match limit { Some(limit) => { (shown(*limit)) }, None => "none" } }
        }
    }
}

fn percent(used: u64, limit: u64) -> String {
    let tenths = u128::from(used) * 1_000 / u128::from(limit.max(1));
    match (used, tenths) {
        (1.., 0) => "less than 0.1 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

fn bytes(bytes: u64) -> String {
    skein_types::Bytes(bytes).to_string()
}

fn time(ms: u64) -> String {
    lasting(skein_types::Millis(ms))
}

#[cfg(test)]
mod tests {
    use super::{Meter, percent, row};
    use skein_types::grouped;

    #[test]
    fn a_meter_says_what_it_draws_and_is_none_without_a_limit() {
        let of = |used, limit| row(&Meter { name: "Fuel", used, limit, shown: grouped }).into_string();
        let shown = of(1_500, Some(6_000));
        assert!(
            shown.contains("max=\"6000\" value=\"1500\"")
                && shown.contains("25.0 %")
                && shown.contains("6,000"),
            "{shown}"
        );
        // More than may be is drawn as all of it, and said as it is.
        assert!(of(7_000, Some(6_000)).contains("value=\"6000\""));
        assert!(!of(7_000, None).contains("<meter") && !of(1, Some(0)).contains("<meter"));
        assert_eq!(
            [percent(1, u64::MAX), percent(0, 5), percent(7, 6)],
            ["less than 0.1 %", "0.0 %", "116.6 %"]
        );
    }
}
