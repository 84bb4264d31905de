//! What must hold of a plan's datasets by rules that stand with them, as far as whoever looks is told. What exactly one says is told
//! where it stands.

use maud::{Markup, html};
use skein_api::{Campaign, PlanRule, PlanRules};
use skein_types::{Rule, grouped};

pub(super) fn view(campaign: &Campaign, rules: &PlanRules) -> Markup {
    let own: Vec<&Rule> = campaign.policy.rules.iter().flat_map(|rules| rules.iter()).collect();
    html! {
        @if !own.is_empty() || !rules.items.is_empty() || rules.hidden > 0 {
            section aria-labelledby="rules" {
                h2 #rules { "What must hold" }
                @if !own.is_empty() {
                    h3 { "By the campaign's policy, of each dataset" }
                    (policy(&own))
                    @if !rules.items.is_empty() { h3 { "By rules that stand with datasets" } }
                }
                @if !rules.items.is_empty() { (table(&rules.items)) }
                @if rules.more > 0 { p { "And " (grouped(rules.more)) " more." } }
                @if rules.hidden > 0 {
                    p.note { (grouped(rules.hidden)) " rules of datasets that you may not look at are not told." }
                }
            }
        }
    }
}

/// The campaign's own, whole: whoever sees it reads its policy.
fn policy(rules: &[&Rule]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Rules of the policy" {
            table {
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Looks at" } th scope="col" { "If broken" } } }
                tbody {
                    @for rule in rules {
                        tr {
                            th scope="row" { (rule.name) }
                            td {
                                details {
                                    summary { (rule.check.kind().replace('_', " ")) }
                                    code { (serde_json::to_string(rule).unwrap_or_default()) }
                                }
                            }
                            td { (rule.severity) }
                        }
                    }
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
