//! A new campaign: a module, what it is over, its parameters and its policy; made and planned in one step. Nothing runs before its plan was
//! approved and it was started.
//!
//! The page is the same with and without JavaScript: the module is chosen first, because its parameters are asked for by what it says of
//! them. With JavaScript what a selection comes to is counted while it is typed; without, a button counts it.

mod draft;
pub(super) mod params;
mod selection;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{CampaignAction, Module, ModuleState};
use skein_control::{Control, Desk, ModuleSaid, Selected, ServiceError};
use skein_types::CampaignState;

use super::{said, some};
use crate::again::wrong;
use crate::form::Making;
use crate::frame::{self, command, line, making, select};
use crate::viewer::{Failed, Made, Page, Viewer, status};
use draft::Draft;

const AT: &str = "/campaigns/new";
/// The menu's entry.
const MENU: Option<&str> = Some("/campaigns");
/// Modules, teams and policies to choose from. Whatever else there is can be named.
const CHOICES: usize = 200;
const STANDARD: &str = "the standard: a canary, a tenth, the rest";
/// What the button is called that only counts.
const COUNT: &str = "count";

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page).post(make)).merge(selection::routes())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    module: Option<String>,
}

/// What the page is made of.
struct Shown {
    draft: Draft,
    modules: Vec<Module>,
    /// There are modules that are not among them.
    more_modules: bool,
    teams: Vec<String>,
    /// Whether it may belong to no team.
    nobodys: bool,
    policies: Vec<String>,
    /// What the chosen module says.
    chosen: Option<(Module, Option<ModuleSaid>)>,
    counted: Option<Selected>,
}

impl Shown {
    fn schema(&self) -> Option<&serde_json::Value> {
        self.chosen.as_ref()?.1.as_ref()?.params_schema.as_ref()
    }
}

fn gather(desk: &Desk<'_>, draft: Draft) -> Result<Shown, ServiceError> {
    desk.may_make_campaigns()?;
    let chosen = draft.module().and_then(|named| named.split_once('@'));
    let chosen = chosen
        .map(|(of, version)| {
            Ok::<_, ServiceError>((desk.module(of, version)?, desk.module_said(of, version)?))
        })
        .transpose()?;
    let ready = |module: &Module| module.state == ModuleState::Ready;
    let modules = desk.modules(&some(CHOICES))?;
    Ok(Shown {
        more_modules: modules.next.is_some(),
        modules: modules.items.into_vec().into_iter().filter(ready).collect(),
        teams: desk.teams(&some(CHOICES))?.items.iter().map(|team| team.team.to_string()).collect(),
        policies: desk.policies(&some(CHOICES))?.items.iter().map(|policy| policy.name.to_string()).collect(),
        nobodys: desk.whoami().grants.iter().any(|grant| grant.team.is_none()),
        chosen,
        counted: None,
        draft,
    })
}

async fn page(viewer: Viewer, Query(asked): Query<Asked>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let module = said(asked.module).map(|module| ("module".to_owned(), module));
            let shown = gather(desk, Draft::of(module.into_iter().collect()))?;
            Ok(whole(&shown, None, viewer))
        })
        .await
}

async fn make(Making(viewer, once, typed): Making<BTreeMap<String, String>>) -> Result<Response, Failed> {
    let made = viewer.make_once(once, move |desk, viewer| {
        let mut shown = gather(desk, Draft::of(typed))?;
        let outcome = match shown.draft.wants(COUNT) {
            true => counted(desk, &mut shown).map(|()| None),
            false => create(desk, &shown).map(Some),
        };
        Ok(match outcome {
            Ok(Some(at)) => Made::At(at),
            // The page again, with what was typed: it was counted, or something is wrong with it.
            Ok(None) => Made::Not(StatusCode::OK, whole(&shown, None, viewer)),
            Err(error) => Made::Not(status(&error), whole(&shown, Some(&error), viewer)),
        })
    });
    made.await
}

fn counted(desk: &Desk<'_>, shown: &mut Shown) -> Result<(), ServiceError> {
    shown.counted = Some(desk.selected(shown.draft.selection()?)?);
    Ok(())
}

/// Makes it and has it planned. One that cannot be planned is there all the same, as a draft, and says so on its page.
fn create(desk: &Desk<'_>, shown: &Shown) -> Result<String, ServiceError> {
    let made = desk.create_campaign(shown.draft.asked(shown.schema())?)?;
    let id = made.campaign;
    match desk.act(&id.to_string(), "plan", &CampaignAction::seen(CampaignState::Draft)) {
        Ok(_) => Ok(format!("/campaigns/{id}/plan")),
        Err(error) => {
            tracing::info!(campaign = %id, %error, "a campaign was made and cannot be planned yet");
            Ok(format!("/campaigns/{id}"))
        }
    }
}

fn whole(shown: &Shown, error: Option<&ServiceError>, viewer: &Viewer) -> Markup {
    let content = html! {
        @if let Some(error) = error { (wrong(error)) }
        @match &shown.chosen {
            None => (choose(shown)),
            Some((module, _)) => (rest(shown, module, viewer)),
        }
    };
    frame::page(viewer, ("New campaign", MENU), content)
}

/// The module first: what else is asked depends on it.
fn choose(shown: &Shown) -> Markup {
    let named: Vec<String> =
        shown.modules.iter().map(|module| format!("{}@{}", module.name, module.version)).collect();
    html! {
        p { "A campaign runs one module over many datasets: first a few, then more, then the rest; all of it can be rolled back." }
        @if named.is_empty() && !shown.more_modules {
            p.empty { "There is no module yet that is ready and that you may use. Submit one:" }
            p { (command("skein module submit columns@1 columns")) }
        } @else {
            form method="get" action=(AT) {
                (select(("module", "module", "Module"), "choose", named.iter().map(String::as_str), None)) " "
                button { "Go on" }
            }
            @if shown.more_modules { p.note { "More are in the list of " a href="/modules" { "modules" } "." } }
        }
    }
}

fn rest(shown: &Shown, module: &Module, viewer: &Viewer) -> Markup {
    let draft = &shown.draft;
    let nobody = if shown.nobodys { "none" } else { "the only one that I may make campaigns for" };
    html! {
        p {
            "With " a href={ "/modules/" (frame::encoded(&module.name)) "/" (frame::encoded(&module.version)) } { (module.name) "@" (module.version) }
            @if let Some((_, Some(said))) = &shown.chosen { ", migration " (said.name) }
            ". " a href=(AT) { "Choose another module" } "."
        }
        form.new-campaign method="post" action=(AT) {
            (making(viewer))
            input type="hidden" name="module" value=(draft.module().unwrap_or_default());
            fieldset {
                legend { "What it is called" }
                p { label for="name" { "Name" } " " input #name name="name" required maxlength="200" size="40" value=[draft.get("name")]; }
                p { (select(("team", "team", "Team"), nobody, words(&shown.teams), draft.get("team"))) }
            }
            (selection::view(shown))
            fieldset {
                legend { "Parameters" }
                (params::view(shown.schema(), draft.all()))
            }
            fieldset {
                legend { "Policy: how carefully" }
                p { (select(("policy", "policy", "Policy"), STANDARD, words(&shown.policies), draft.get("policy"))) }
                p {
                    label for="rules" { "Or in TOML, of which what is left out is the standard" } br;
                    textarea #rules name="rules" rows="5" cols="70" placeholder="budget = \"2%\"" { (draft.get("rules").unwrap_or_default()) }
                }
            }
            p {
                button name="do" value="make" { "Make and plan it" } " "
                button name="do" value=(COUNT) formnovalidate { "Count" }
                span.note { " Nothing is migrated before its plan was looked at and it was started." }
            }
            p { (command(&draft.line())) }
        }
    }
}

fn words(of: &[String]) -> impl Iterator<Item = &str> {
    of.iter().map(String::as_str)
}

/// One line of text of the draft.
fn typed_line((id, label): (&str, &str), draft: &Draft) -> Markup {
    line((id, id, label), draft.get(id), 200)
}
