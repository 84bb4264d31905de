//! Teams that read a dataset, as far as the server knows, and how one becomes known.

use maud::{Markup, html};
use skein_api::{Consumer, Consumers};
use skein_types::grouped;

use crate::frame::{command, counted, quoted, state_said};

/// What is nobody's has this owner: a role of all teams looks at it.
const NOBODYS: &str = "local";

pub(super) fn view((name, owner): (&str, &str), known: &Consumers) -> Markup {
    let Consumers { teams, more, everybody } = known;
    html! {
        section aria-labelledby="consumers" {
            h2 #consumers { "Consumers" }
            @if *everybody {
                p.note { "On this server nobody says of which team they are, so all may look: only teams with rules are known here." }
            }
            @if teams.is_empty() { p.empty { "No other team is known to read it." } } @else { (table(teams)) }
            @if *more > 0 { p.note { "And " (counted(*more, "more team", "more teams")) " that may look and have no rule." } }
            p { (command(&format!("skein rule consumers {}", quoted(name)))) }
            (becoming((name, owner), *everybody))
        }
    }
}

fn table(teams: &[Consumer]) -> Markup {
    html! {
        table.tight {
            thead { tr { th scope="col" { "Team" } th scope="col" { "May look at it" } th.number scope="col" { "Rules" } } }
            tbody {
                @for Consumer { team, rules, reads } in teams {
                    tr {
                        th scope="row" { (team) }
                        td { @if *reads { (state_said("active", "yes")) } @else { (state_said("lost", "no more: its rules hold each run")) } }
                        td.number { @if *rules > 0 { a href="#rules" { (grouped(*rules)) } } @else { "none" } }
                    }
                }
            }
        }
    }
}

/// How a team comes to stand here.
fn becoming((name, owner): (&str, &str), everybody: bool) -> Markup {
    let looks = if owner == NOBODYS { "viewer".to_owned() } else { quoted(&format!("viewer@{owner}")) };
    html! {
        @if !everybody {
            p.note {
                "A team reads it while somebody holds a token with a role of that team and one that may look at "
                @if owner == NOBODYS { "what is of no team" } @else { "datasets of " (owner) } ": "
                (command(&format!("skein token create NAME --kind person --grant viewer@TEAM --grant {looks}")))
            }
        }
        p.note {
            "What it relies on it says as rules, which are looked at before anything is published: "
            (command(&format!("skein rule set {} rules.toml --consumer TEAM", quoted(name))))
        }
    }
}

#[cfg(test)]
mod tests {
    use skein_api::{Consumer, Consumers, List, Text};

    use super::{becoming, view};

    fn of(teams: &[(&str, u64, bool)]) -> Consumers {
        let said = |(team, rules, reads): &(&str, u64, bool)| Consumer {
            team: Text::escaped(team),
            rules: *rules,
            reads: *reads,
        };
        Consumers { teams: List::new(teams.iter().map(said).collect()).unwrap(), more: 0, everybody: false }
    }

    #[test]
    fn teams_with_and_without_rules_are_shown_and_those_that_may_look_no_more() {
        let shown = view(("orders", "shop"), &of(&[("<b>", 0, true), ("risk", 2, false)])).into_string();
        assert!(shown.contains("&lt;b&gt;") && shown.contains("none") && shown.contains("✓ "), "{shown}");
        assert!(
            shown.contains("href=\"#rules\">2</a>") && shown.contains("no more: its rules hold"),
            "{shown}"
        );
        assert!(!shown.contains("No other team") && !shown.contains("more team"), "{shown}");
        let many = Consumers { more: 1, ..of(&[("bi", 0, true)]) };
        assert!(view(("orders", "shop"), &many).into_string().contains("1 more team "));
    }

    #[test]
    fn where_nobody_is_known_it_says_how_a_team_becomes_one() {
        let shown = view(("orders", "shop"), &of(&[])).into_string();
        assert!(shown.contains("No other team is known") && !shown.contains("<table"), "{shown}");
        assert!(shown.contains("--grant viewer@TEAM --grant viewer@shop<"), "{shown}");
        assert!(
            becoming(("orders", "local"), false)
                .into_string()
                .contains("--grant viewer@TEAM --grant viewer<")
        );
        let all =
            view(("orders", "shop"), &Consumers { everybody: true, ..Consumers::default() }).into_string();
        assert!(
            all.contains("all may look") && !all.contains("token create") && all.contains("--consumer TEAM")
        );
    }
}
