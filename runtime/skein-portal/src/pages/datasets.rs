//! The list of datasets: those of the viewer's teams at first, with how far each is.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_control::{Back, Control, DatasetListed, DatasetPart, Desk, LastRun, Migration, ServiceError};

use super::{said, states};
use crate::ROWS;
use crate::frame::{self, command, line, quoted};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/datasets";
/// What the address says for datasets of all teams that are seen.
const ALL: &str = "all";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page))
}

/// What the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    after: Option<String>,
    whose: Option<String>,
    owner: Option<String>,
    prefix: Option<String>,
    migration: Option<String>,
}

impl Asked {
    fn read(self) -> Self {
        Self {
            after: said(self.after),
            whose: said(self.whose),
            owner: said(self.owner),
            prefix: said(self.prefix),
            migration: said(self.migration),
        }
    }

    /// Whoever names a team means it, whether or not it is theirs.
    fn is_mine(&self) -> bool {
        self.owner.is_none() && self.whose.as_deref() != Some(ALL)
    }

    fn is_filtered(&self) -> bool {
        [&self.owner, &self.prefix, &self.migration].into_iter().any(Option::is_some)
    }

    fn part(&self) -> Result<DatasetPart, ServiceError> {
        Ok(DatasetPart {
            after: self.after.clone(),
            limit: Some(ROWS),
            owner: self.owner.clone(),
            prefix: self.prefix.clone(),
            mine: self.is_mine(),
            migration: self.migration.as_deref().map(str::parse::<Migration>).transpose()?,
        })
    }

    fn query(&self) -> [(&'static str, &str); 4] {
        [
            ("whose", self.whose.as_deref().unwrap_or_default()),
            ("owner", self.owner.as_deref().unwrap_or_default()),
            ("prefix", self.prefix.as_deref().unwrap_or_default()),
            ("migration", self.migration.as_deref().unwrap_or_default()),
        ]
    }
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    let asked = asked.read();
    viewer
        .page(move |desk, viewer| Ok(frame::page(viewer, ("Datasets", Some(AT)), gathered(desk, &asked)?)))
        .await
}

fn gathered(desk: &Desk<'_>, asked: &Asked) -> Result<Markup, ServiceError> {
    let (items, next) = desk.datasets_listed(&asked.part()?)?;
    let has_teams = desk.whoami().grants.iter().any(|grant| grant.team.is_some());
    Ok(html! {
        (filter(asked, has_teams))
        @if items.is_empty() { (nothing(asked, next.is_some())) } @else { (table(&items)) }
        (frame::more(AT, &asked.query(), next.as_deref()))
    })
}

fn filter(asked: &Asked, has_teams: bool) -> Markup {
    html! {
        form.filter method="get" action=(AT) role="search" aria-label="Datasets" {
            @if has_teams {
                label for="whose" { "Whose" } " "
                select #whose name="whose" {
                    option value="" { "my teams'" }
                    option value=(ALL) selected[asked.whose.as_deref() == Some(ALL)] { "all that I see" }
                } " "
            }
            (line(("owner", "owner", "Team"), asked.owner.as_deref(), 200)) " "
            (line(("prefix", "prefix", "Name begins with"), asked.prefix.as_deref(), 200)) " "
            label for="migration" { "Last run" } " "
            select #migration name="migration" {
                option value="" { "any" }
                option value=(Migration::NEVER) selected[asked.migration.as_deref() == Some(Migration::NEVER)] { "never migrated" }
                @for state in states::ORDER {
                    option value=(state) selected[asked.migration.as_deref() == Some(state.as_str())] { (states::word(state)) }
                }
            } " "
            button { "Show" }
            @if asked.is_filtered() { " " a href=(AT) { "All" } }
        }
        p { (command(&listing(asked))) }
    }
}

fn listing(asked: &Asked) -> String {
    let of = |name: &str, said: &Option<String>| {
        said.as_deref().map(|said| format!(" --{name} {}", quoted(said))).unwrap_or_default()
    };
    format!("skein dataset list{}{}", of("owner", &asked.owner), of("prefix", &asked.prefix))
}

/// Where there is nothing to list: why, and what to do about it.
fn nothing(asked: &Asked, more: bool) -> Markup {
    html! {
        @if more {
            p.empty { "None of those that were looked at is so. There are more to look at." }
        } @else if asked.is_filtered() || asked.after.is_some() {
            p.empty { "None is so. " a href=(AT) { "Show all" } "." }
        } @else {
            p.empty {
                "There is none yet"
                @if asked.is_mine() { " of your teams; " a href="/datasets?whose=all" { "all that you see" } }
                ". Register what lies below a directory of the server:"
            }
            p { (command("skein dataset scan /data --owner TEAM --register")) }
        }
    }
}

fn table(items: &[DatasetListed]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Dataset" } th scope="col" { "Team" } th scope="col" { "Format" }
                    th scope="col" { "Last run" } th.number scope="col" { "Version by it" } th scope="col" { "Can be rolled back" }
                }
            }
            tbody {
                @for DatasetListed { dataset, last } in items {
                    tr {
                        td { a href={ "/datasets/" (frame::encoded(&dataset.name)) } { (dataset.name) } }
                        td { (dataset.owner) }
                        td { (dataset.driver) }
                        td { (migration(last.as_ref())) }
                        td.number { (version(last.as_ref())) }
                        td { (back(last.as_ref())) }
                    }
                }
            }
        }
    }
}

/// How far a dataset is, in a line.
pub(super) fn migration(last: Option<&LastRun>) -> Markup {
    html! {
        @match last {
            None => span.plain { "never migrated" },
            Some(run) => {
                a href={ "/campaigns/" (run.campaign) "/runs/" (run.seq) } { (states::shown(run.state)) }
                " by " a href={ "/campaigns/" (run.campaign) } { (run.name) } ", " (frame::time(run.since))
            }
        }
    }
}

/// What the dataset became by that.
fn version(last: Option<&LastRun>) -> Markup {
    html! { @match last.and_then(|run| run.version) { Some(version) => (version), None => span.plain { "none" } } }
}

/// Until when what was done last can be undone.
pub(super) fn back(last: Option<&LastRun>) -> Markup {
    html! {
        @match last.map(|run| run.back) {
            None | Some(Back::No) => span.plain { "no" },
            Some(Back::Open) => "yes, until its campaign is over and a while",
            Some(Back::Until(until)) => { "until " (frame::time(until)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, back, filter, listing, migration, nothing, version};
    use skein_api::{Text, Time};
    use skein_control::{Back, LastRun, Migration};
    use skein_types::{RunState, Timestamp};

    fn asked(whose: &str, owner: &str, migration: &str) -> Asked {
        let some = |text: &str| Some(text.to_owned());
        Asked { whose: some(whose), owner: some(owner), migration: some(migration), ..Asked::default() }
            .read()
    }

    #[test]
    fn a_viewer_sees_their_teams_datasets_unless_they_ask_for_others() {
        assert!(asked("", "", "").part().unwrap().mine);
        assert!(!asked("all", "", "").part().unwrap().mine);
        assert!(!asked("", "shop", "").part().unwrap().mine, "a team that is named is meant");
        assert!(!filter(&asked("", "", ""), false).into_string().contains("whose"), "nothing to choose from");
    }

    #[test]
    fn a_state_is_a_runs_or_that_there_was_none() {
        let of = |word: &str| asked("", "", word).part().map(|part| part.migration);
        assert_eq!(of("never").unwrap(), Some(Migration::Never));
        assert_eq!(of("published").unwrap(), Some(Migration::Run(RunState::Published)));
        assert!(of("done").is_err());
        assert_eq!(listing(&asked("", "a b", "")), "skein dataset list --owner 'a b'");
    }

    #[test]
    fn an_empty_page_says_whether_more_is_to_be_looked_at() {
        assert!(nothing(&asked("", "", "failed"), true).into_string().contains("more to look at"));
        assert!(nothing(&asked("", "", "failed"), false).into_string().contains("Show all"));
        assert!(nothing(&asked("", "", ""), false).into_string().contains("skein dataset scan"));
    }

    #[test]
    fn what_can_be_undone_says_until_when() {
        let campaign = "cmp_00000000000000000000000000000001".parse().unwrap();
        let run = |back| LastRun {
            campaign,
            name: Text::escaped("<b>"),
            seq: 3,
            state: RunState::Published,
            since: Time(Timestamp(0)),
            version: Some(4),
            back,
        };
        let until = run(Back::Until(Time(Timestamp(1_000))));
        assert!(back(Some(&until)).into_string().starts_with("until <time datetime=\"1970-01-01T00:00:01"));
        assert!(back(Some(&run(Back::No))).into_string().contains("no"));
        assert_eq!(version(Some(&until)).into_string(), "4");
        let shown = migration(Some(&until)).into_string();
        assert!(shown.contains("/runs/3\"") && shown.contains("&lt;b&gt;"), "{shown}");
    }
}
