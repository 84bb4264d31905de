//! A module: what it is, where it came from, what it says of itself, who uses it; and banning it, behind a page that says what that
//! leads to.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Campaign, Module, ModuleBan, ModuleRestore, ModuleState};
use skein_control::{Control, Desk, ModuleSaid, ServiceError};

use super::modules::{at, shown, table};
use super::new_campaign::params;
use super::{campaigns, some, text};
use crate::ROWS;
use crate::form::Form;
use crate::frame::{self, command, quoted, secret};
use crate::viewer::{Failed, Page, Seen, Viewer};

/// The menu's entry.
const MENU: Option<&str> = Some("/modules");
/// Campaigns that are shown.
const CAMPAIGNS: usize = 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/modules/{name}", get(versions))
        .route("/modules/{name}/{version}", get(page))
        .route("/modules/{name}/{version}/ban", get(asking).post(ban))
        .route("/modules/{name}/{version}/restore", axum::routing::post(restore))
}

/// The versions of a name.
async fn versions(viewer: Viewer, Path(of): Path<String>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let page = desk.module_versions(&of, &some(ROWS))?;
            if page.items.is_empty() {
                return Err(super::absent(&format!("module {of:?}")));
            }
            Ok(frame::page(viewer, (&of, MENU), table(&page.items)))
        })
        .await
}

struct Shown {
    module: Module,
    said: Option<ModuleSaid>,
    campaigns: Vec<Campaign>,
    more: bool,
    versions: Vec<Module>,
    may_judge: Result<(), ServiceError>,
}

fn gather(desk: &Desk<'_>, (of, version): (&str, &str)) -> Result<Shown, ServiceError> {
    let module = desk.module(of, version)?;
    let campaigns = desk.campaigns_of_module((of, version), CAMPAIGNS)?;
    Ok(Shown {
        module,
        said: desk.module_said(of, version)?,
        more: campaigns.next.is_some(),
        campaigns: campaigns.items.into_vec(),
        versions: desk.module_versions(of, &some(ROWS))?.items.into_vec(),
        may_judge: desk.may_judge_modules(),
    })
}

async fn page(viewer: Viewer, Path((of, version)): Path<(String, String)>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let shown = gather(desk, (&of, &version))?;
            Ok(frame::page(viewer, (&format!("{of}@{version}"), MENU), view(&shown, viewer)))
        })
        .await
}

fn view(all: &Shown, viewer: &Viewer) -> Markup {
    let module = &all.module;
    let called = called(module);
    html! {
        dl {
            dt { "State" } dd { (shown(module)) }
            dt { "Digest" } dd { code { (module.digest) } }
            dt { "Size" } dd { (module.bytes) }
            dt { "Team" } dd { @match &module.owner { Some(team) => (team), None => "everybody's" } }
            dt { "Submitted" } dd { (frame::time(module.submitted)) }
            dt { "Source" } dd {
                @match &module.source { Some(source) => code { (source) }, None => span.plain { "not said" } }
                @if let Some(commit) = &module.commit { ", commit " code { (commit) } }
            }
            @if let Some(said) = &all.said {
                dt { "Migration" } dd { (said.name) ", version " (said.version) ", made with " (said.sdk) }
                dt { "World" } dd { code { "skein:migration" } ", batches as " (said.encoding) ", state " (said.state) }
                dt { "Imports" } dd { (imports(&said.imports)) }
            }
        }
        p {
            @if module.state == ModuleState::Ready {
                a.button href={ "/campaigns/new?module=" (frame::encoded(&called)) } { "Migrate with it" } " "
            }
            (command(&format!("skein module show {}", quoted(&called))))
        }
        @if module.state != ModuleState::Refused {
            p {
                a href=(download(module)) download={ (module.name) ".wasm" } { "Download" } " "
                (command(&fetching(module)))
            }
        }
        section aria-labelledby="params" {
            h2 #params { "Parameters" }
            (parameters(all.said.as_ref(), module.state))
        }
        section aria-labelledby="used" {
            h2 #used { "Used by" }
            @if all.campaigns.is_empty() { p.empty { "No campaign that you see." } } @else { (campaigns::table(&all.campaigns)) }
            @if all.more { p { a href={ "/campaigns?module=" (frame::encoded(&module.digest.to_string())) } { "All of them" } } }
        }
        section aria-labelledby="others" {
            h2 #others { "Versions" }
            (table(&all.versions))
            @if all.versions.len() == ROWS { p { (command("skein module list")) } }
        }
        section aria-labelledby="judgement" {
            h2 #judgement { "Whether it may run" }
            @match &all.may_judge { Err(refused) => (frame::refused(refused)), Ok(()) => (judgement(module, viewer)) }
        }
    }
}

/// Where its bytes are.
fn download(module: &Module) -> String {
    format!("/v1/modules/{}/versions/{}/bytes", frame::encoded(&module.name), frame::encoded(&module.version))
}

fn fetching(module: &Module) -> String {
    let file = quoted(&format!("{}.wasm", module.name));
    format!("curl -H \"Authorization: Bearer $SKEIN_TOKEN\" \"$SKEIN_SERVER{}\" -o {file}", download(module))
}

fn called(module: &Module) -> String {
    format!("{}@{}", module.name, module.version)
}

/// Of WASI a module gets nothing but what links: how many interfaces is enough to know.
fn imports(all: &[String]) -> Markup {
    let (wasi, ours): (Vec<_>, Vec<_>) = all.iter().partition(|import| import.starts_with("wasi:"));
    html! {
        @if all.is_empty() { "nothing" }
        @for (at, import) in ours.iter().enumerate() { @if at > 0 { ", " } code { (import) } }
        @if !wasi.is_empty() { @if !ours.is_empty() { ", " } (wasi.len()) " of WASI, which are empty stubs" }
    }
}

/// What it takes, as it says itself.
fn parameters(said: Option<&ModuleSaid>, state: ModuleState) -> Markup {
    let Some(said) = said else {
        return match state {
            ModuleState::Compiling => html! { p.busy { "It is being compiled." } },
            ModuleState::Refused => html! { p.empty { "It was refused, and was not asked." } },
            ModuleState::Ready | ModuleState::Suspended | ModuleState::Banned => html! {
                p.empty { "Not known: it did not say, or was submitted before it was asked for." }
            },
        };
    };
    let Some(schema) = &said.params_schema else {
        return html! { p.empty { "It takes none." } };
    };
    html! {
        @if let Some(fields) = params::fields(schema) {
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "Kind" } th scope="col" { "What" } } }
                tbody {
                    @for field in &fields {
                        tr {
                            th scope="row" { code { (field.name) } @if field.required { ", required" } }
                            td { (field.kind.word()) @if let Some(default) = &field.default { ", else " code { (default) } } }
                            td { @if let Some(about) = &field.about { (about) } }
                        }
                    }
                }
            }
        }
        details { summary { "JSON Schema" } (params::whole(schema)) }
    }
}

fn judgement(module: &Module, viewer: &Viewer) -> Markup {
    let path = at(&module.name, &module.version);
    let word = quoted(&called(module));
    html! {
        @if matches!(module.state, ModuleState::Banned | ModuleState::Suspended) {
            form method="post" action={ (path) "/restore" } {
                (secret(viewer))
                p {
                    label for="reason" { "Why it was not the module's fault" } " "
                    input #reason name="reason" required maxlength="2000" size="50"; " "
                    button { "Let it run again" } " " (command(&format!("skein module restore {word} --reason REASON")))
                }
                p.note { "Its campaigns stay halted until they are resumed." }
            }
        } @else {
            p {
                a.button href={ (path) "/ban" } { "Ban it" } " "
                (command(&format!("skein module ban {word} --reason REASON")))
            }
        }
    }
}

async fn asking(viewer: Viewer, Path((of, version)): Path<(String, String)>) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            desk.may_judge_modules()?;
            let module = desk.module(&of, &version)?;
            let campaigns = desk.campaigns_of_module((&of, &version), CAMPAIGNS)?;
            let content = html! {
                (leads(&module, &campaigns.items, campaigns.next.is_some()))
                form method="post" action={ (at(&of, &version)) "/ban" } {
                    (secret(viewer))
                    p {
                        label for="reason" { "Why, for the record and for those whose campaigns end with it" } br;
                        textarea #reason name="reason" rows="2" cols="60" maxlength="2000" required {}
                    }
                    button.danger { "Ban it" } " " a href=(at(&of, &version)) { "Leave it" }
                }
                p { (command(&format!("skein module ban {} --reason REASON", quoted(&called(&module))))) }
            };
            Ok(frame::page(viewer, (&format!("Ban: {of}@{version}"), MENU), content))
        })
        .await
}

/// What a ban leads to.
fn leads(module: &Module, campaigns: &[Campaign], more: bool) -> Markup {
    let at_work: Vec<_> = campaigns.iter().filter(|campaign| !campaign.state.is_terminal()).collect();
    html! {
        p {
            "Nothing of " code { (module.digest) } " runs any more, under whatever name it was submitted, until an admin takes that back. "
            "What it published stays. Tasks of it that are at work are ended."
        }
        @if module.state == ModuleState::Banned { p.waits { strong { "It is banned already." } } }
        @if at_work.is_empty() {
            p { "No campaign of it is going on" @if more { " among the newest " (campaigns.len()) } "." }
        } @else {
            p { strong { "These campaigns halt:" } }
            ul {
                @for campaign in &at_work {
                    li { a href={ "/campaigns/" (campaign.campaign) } { (campaign.name) } " of " (campaign.owner) ", " (campaign.state) }
                }
                @if more { li { "and those that are older than the newest " (campaigns.len()) } }
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

async fn ban(
    Path((of, version)): Path<(String, String)>,
    Form(viewer, why): Form<Why>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.ban_module(&of, &version, &ModuleBan { reason: text("reason", &why.reason)? })?;
            Ok(at(&of, &version))
        })
        .await
}

async fn restore(
    Path((of, version)): Path<(String, String)>,
    Form(viewer, why): Form<Why>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            desk.restore_module(&of, &version, &ModuleRestore { reason: text("reason", &why.reason)? })?;
            Ok(at(&of, &version))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::{leads, parameters};
    use serde_json::json;
    use skein_api::{Campaign, Module, ModuleState};
    use skein_types::CampaignState;

    fn module(state: &str) -> Module {
        serde_json::from_value(json!({
            "name": "columns", "version": "1", "owner": null, "bytes": 5, "state": state, "why": null,
            "digest": format!("sha256:{}", "0".repeat(64)), "submitted": "2026-11-27T10:00:00.000Z",
        }))
        .unwrap()
    }

    #[test]
    fn a_ban_says_whom_it_halts() {
        let of = |name: &str, state: CampaignState| {
            let policy = skein_api::Policy::default();
            let campaign = json!({
                "campaign": "cmp_00000000000000000000000000000001", "name": name, "owner": "shop", "state": state, "epoch": 1, "why": null,
                "since": "2026-11-27T10:00:00.000Z", "module": format!("sha256:{}", "0".repeat(64)),
                "params": format!("blake3:{}", "0".repeat(64)), "policy": policy, "datasets": 1,
                "runs": skein_api::RunCounts::default(), "plan": null, "waves": [],
            });
            serde_json::from_value::<Campaign>(campaign).unwrap()
        };
        let there = [of("<i>now", CampaignState::Running), of("before", CampaignState::RolledBack)];
        let some = leads(&module("ready"), &there, true).into_string();
        assert!(
            some.contains("These campaigns halt:") && some.contains("&lt;i&gt;now</a> of shop"),
            "{some}"
        );
        assert!(!some.contains("before<") && some.contains("older than the newest 2"), "{some}");
        let none = leads(&module("ready"), &[], false).into_string();
        assert!(none.contains("No campaign of it is going on.") && !none.contains("already"), "{none}");
        assert!(leads(&module("banned"), &[], true).into_string().contains("banned already"));
    }

    #[test]
    fn why_nothing_is_known_of_parameters_is_said() {
        assert!(parameters(None, ModuleState::Compiling).into_string().contains("being compiled"));
        assert!(parameters(None, ModuleState::Ready).into_string().contains("Not known"));
        let said = serde_json::from_value(json!({
            "name": "m", "version": "1", "sdk": "s", "encoding": "arrow", "state": "none", "imports": [],
            "params_schema": { "type": "object", "properties": { "zone": { "type": "string", "default": "<u>" } } },
        }))
        .unwrap();
        let shown = parameters(Some(&said), ModuleState::Ready).into_string();
        assert!(shown.contains("else <code>&quot;&lt;u&gt;&quot;</code>"), "{shown}");
    }
}
