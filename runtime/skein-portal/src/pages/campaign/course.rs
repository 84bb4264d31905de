//! How runs came to rest over time, as a picture and in words.

use maud::{Markup, html};
use skein_api::Time;
use skein_control::CoursePoint;
use skein_types::grouped;

use crate::frame;

/// The picture, in its own units.
const WIDE: u64 = 1_000;
const HIGH: u64 = 160;
/// Moments that are told in words.
const TOLD: usize = 12;

pub(super) fn view(points: &[CoursePoint]) -> Markup {
    html! {
        section aria-labelledby="course" {
            h2 #course { "Over time" }
            @match points {
                [first, .., last] => { (drawn(points, (first, last))) }
                [] | [_] => p.empty { "There is nothing to draw: no run of it has come to rest yet." },
            }
        }
    }
}

fn drawn(points: &[CoursePoint], (first, last): (&CoursePoint, &CoursePoint)) -> Markup {
    let most = points.iter().map(|point| point.left.max(point.failed)).max().unwrap_or(0);
    let line = |of: fn(&CoursePoint) -> u64| {
        let at = points.iter().map(|point| {
            let x = share(point.at.0.saturating_sub(first.at.0), last.at.0.saturating_sub(first.at.0), WIDE);
            format!("{x},{}", HIGH - share(of(point), most, HIGH))
        });
        at.collect::<Vec<_>>().join(" ")
    };
    let said = format!(
        "Runs that are left: {} at {}, {} at {}. Failed by then: {}.",
        grouped(first.left),
        Time(first.at),
        grouped(last.left),
        Time(last.at),
        grouped(last.failed)
    );
    html! {
        figure.course {
            svg viewBox={ "0 0 " (WIDE) " " (HIGH) } preserveAspectRatio="none" role="img" aria-label=(said) {
                polyline.left points=(line(|point| point.left)) {}
                @if last.failed > 0 { polyline.failed points=(line(|point| point.failed)) {} }
            }
            figcaption {
                "Runs that are left"
                @if last.failed > 0 { "; dashed: failed" }
                ". The top is " (grouped(most)) ". From " (frame::time(Time(first.at))) " to " (frame::time(Time(last.at)))
            }
        }
        details {
            summary { "The same in numbers" }
            table {
                thead { tr { th scope="col" { "When" } th.number scope="col" { "Left" } th.number scope="col" { "Failed" } } }
                tbody {
                    @for point in told(points) {
                        tr {
                            td { (frame::time(Time(point.at))) }
                            td.number { (grouped(point.left)) }
                            td.number { (grouped(point.failed)) }
                        }
                    }
                }
            }
        }
    }
}

/// Some, as far apart as they can be, with the last.
fn told(points: &[CoursePoint]) -> impl Iterator<Item = &CoursePoint> {
    let apart = points.len().div_ceil(TOLD).max(1);
    let end = points.len().saturating_sub(1);
    points.iter().enumerate().filter(move |(at, _)| (end - at).is_multiple_of(apart)).map(|(_, point)| point)
}

/// How much of `all` a part is, of so much.
fn share(part: u64, all: u64, of: u64) -> u64 {
    u64::try_from(u128::from(part) * u128::from(of) / u128::from(all.max(1))).unwrap_or(of).min(of)
}

#[cfg(test)]
mod tests {
    use skein_control::CoursePoint;
    use skein_types::Timestamp;

    use super::{TOLD, told, view};

    fn point(at: u64, left: u64, failed: u64) -> CoursePoint {
        CoursePoint { at: Timestamp(at), left, failed }
    }

    #[test]
    fn what_is_drawn_is_said() {
        let shown = view(&[point(0, 40, 0), point(1_000, 10, 2), point(2_000, 0, 2)]).into_string();
        assert!(shown.contains("points=\"0,0 500,120 1000,160\""), "{shown}");
        assert!(shown.contains("points=\"0,160 500,152 1000,152\""), "{shown}");
        assert!(shown.contains("Runs that are left: 40 at 1970-01-01T00:00:00.000Z, 0 at"), "{shown}");
        assert!(!view(&[point(0, 40, 0), point(1, 0, 0)]).into_string().contains("failed\" points"));
        assert!(view(&[point(0, 40, 0)]).into_string().contains("nothing to draw"));
    }

    #[test]
    fn few_are_told_of_many_and_the_last_is_one_of_them() {
        for many in [2, 11, 12, 13, 240] {
            let points: Vec<_> = (0..many).map(|at| point(at, many - at, 0)).collect();
            let told: Vec<_> = told(&points).collect();
            assert!(told.len() <= TOLD && told.last().unwrap().at.0 == many - 1, "{many}: {}", told.len());
        }
    }
}
