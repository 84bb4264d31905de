//! The versions of a dataset, what made each, what proves it, and how others read it.

use maud::{Markup, html};
use skein_api::DatasetVersion;
use skein_control::ServiceError;
use skein_types::grouped;

use super::at;
use crate::frame::{self, command, quoted};

pub(super) fn view(
    name: &str,
    versions: &[DatasetVersion],
    next: Option<&str>,
    refused: Option<&ServiceError>,
) -> Markup {
    let word = quoted(name);
    html! {
        section aria-labelledby="versions" {
            h2 #versions { "Versions" }
            @if versions.is_empty() {
                p.empty { "None: nothing was published to it, and it was not looked at since it was registered." }
            } @else {
                (table(name, versions))
            }
            (frame::more(&at(name), &[], next))
            @if let Some(version) = versions.iter().find(|version| version.current && undone_here(version)) {
                @match refused {
                    None => p {
                        a.button href={ (at(name)) "/rollback?version=" (version.version) } { "Roll back version " (version.version) } " "
                        (command(&format!("skein dataset rollback {word}")))
                    },
                    Some(refused) => (frame::refused(refused)),
                }
            }
            p { (command(&format!("skein dataset history {word}"))) }
            p { "Files of the current version, as DuckDB, Spark, Polars and pyarrow read exactly these: "
                a href={ "/v1/datasets/" (frame::encoded(name)) "/export" } { "JSON" } " "
                (command(&format!("skein dataset export {word} --for duckdb"))) }
            p { "Signed statement of what was published last: "
                a href={ "/v1/statements/" (frame::encoded(name)) } { "JSON" } " "
                (command(&format!("skein audit attest {word} --save statement.json"))) }
        }
    }
}

/// What a campaign of this server published is undone here.
fn undone_here(version: &DatasetVersion) -> bool {
    version.campaign.is_some() && version.to.is_none()
}

fn table(name: &str, versions: &[DatasetVersion]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Version" } th scope="col" { "Since" } th scope="col" { "What" } th scope="col" { "Made by" }
                    th scope="col" { "Files" } th scope="col" { "Size" } th scope="col" { "Rows" } th scope="col" { "Kept" }
                }
            }
            tbody { @for version in versions { (row(name, version)) } }
        }
    }
}

fn row(name: &str, version: &DatasetVersion) -> Markup {
    html! {
        tr {
            th scope="row" { (version.version) @if version.current { ", current" } }
            td { (frame::time(version.since)) }
            td { (version.what) }
            td { (made_by(name, version)) }
            td.number { (grouped(version.files)) }
            td.number { (version.bytes) }
            td.number {
                @match version.rows { Some(rows) => (grouped(rows.0)), None => span.plain { "not counted" } }
                @if let Some(rejected) = version.rejected.filter(|rows| rows.0 > 0) { ", " (grouped(rejected.0)) " rejected" }
            }
            td {
                @if !version.available { strong.waits { "files are gone" } }
                @else if let Some(kept) = version.kept { (kept) }
            }
        }
    }
}

/// The lineage of a version: the campaign and its run, the module, and the statement of it.
fn made_by(name: &str, version: &DatasetVersion) -> Markup {
    html! {
        @match (&version.campaign, version.seq) {
            (Some(campaign), Some(seq)) => {
                a href={ "/campaigns/" (campaign) } { "campaign" } ", "
                a href={ "/campaigns/" (campaign) "/runs/" (seq) } { "run " (seq) } ", "
                a href={ "/campaigns/" (campaign) "/plan#schemas" } { "what became of columns" }
            },
            _ => @if let Some(to) = version.to { "a rollback to version " (to) }
                @else if version.run.is_some() { "a run of another server or of a command" } @else { span.plain { "others" } },
        }
        @if let Some(module) = &version.module { ", module " code { (module.to_string().chars().take(19).collect::<String>()) "…" } }
        @if version.campaign.is_some() && version.to.is_none() {
            ", " a href={ "/v1/statements/" (frame::encoded(name)) "?version=" (version.version) } { "statement" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::view;
    use skein_api::{DatasetVersion, Text, Time};
    use skein_control::ServiceError;
    use skein_types::{Bytes, Timestamp, codes};

    fn version(number: u64, of_campaign: bool) -> DatasetVersion {
        DatasetVersion {
            version: number,
            current: true,
            since: Time(Timestamp(0)),
            kind: Text::escaped("published"),
            what: Text::escaped("<i>drop</i>"),
            to: None,
            run: None,
            campaign: of_campaign.then(|| "cmp_00000000000000000000000000000001".parse().unwrap()),
            seq: of_campaign.then_some(4),
            module: None,
            params: None,
            plan: None,
            files: 1,
            bytes: Bytes(5),
            rows: None,
            rejected: None,
            available: true,
            kept: None,
        }
    }

    #[test]
    fn what_a_campaign_published_last_can_be_undone_by_whoever_may() {
        let refused = ServiceError::new(codes::ROLE_MISSING, "a may not stop or undo");
        let shown =
            |of_campaign, refused| view("a b", &[version(3, of_campaign)], None, refused).into_string();
        assert!(shown(true, None).contains("/datasets/a%20b/rollback?version=3"));
        let columns = "/campaigns/cmp_00000000000000000000000000000001/plan#schemas";
        assert!(shown(true, None).contains(columns) && !shown(false, None).contains("/plan"));
        assert!(!shown(false, None).contains("/rollback?"), "nobody here knows how");
        let note = shown(true, Some(&refused));
        assert!(!note.contains("/rollback?") && note.contains("a may not stop or undo"), "{note}");
        assert!(note.contains("&lt;i&gt;drop") && note.contains("/runs/4\""), "{note}");
    }
}
