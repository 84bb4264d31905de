//! What must hold of a plan's datasets by rules that stand with them, as far as whoever looks is told. What exactly one says is told
//! where it stands.

use maud::{Markup, html};
use skein_api::{PlanRule, PlanRules};
use skein_types::grouped;

pub(super) fn view(rules: &PlanRules) -> Markup {
    html! {
        @if !rules.items.is_empty() || rules.hidden > 0 {
            section aria-labelledby="rules" {
                h2 #rules { "What must hold" }
                @if !rules.items.is_empty() { (table(&rules.items)) }
                @if rules.more > 0 { p { "And " (grouped(rules.more)) " more." } }
                @if rules.hidden > 0 {
                    p.note { (grouped(rules.hidden)) " rules of datasets that you may not look at are not told." }
                }
            }
        }
    }
}

fn table(rules: &[PlanRule]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Rule" } th scope="col" { "Of" } th scope="col" { "Looks at" } th scope="col" { "If broken" }
                    th.number scope="col" { "Datasets" } th scope="col" { "For instance" }
                }
            }
            tbody {
                @for rule in rules {
                    tr {
                        td { (rule.name) }
                        td {
                            @match &rule.consumer {
                                Some(team) => { (team) ", which reads what " (rule.owner) " has" }
                                None => { (rule.owner) }
                            }
                        }
                        td { (rule.kind) }
                        td {
                            (rule.severity)
                            @if rule.ignored { "; passed over" }
                            @else if rule.unseen { "; " strong.waits { "not run, and holds: its team may look no more" } }
                        }
                        td.number { (grouped(rule.datasets)) }
                        td { (rule.example) }
                    }
                }
            }
        }
    }
}
