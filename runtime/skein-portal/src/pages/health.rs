//! How the server is: what it takes, what it has done, what waits, and where to watch it from.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use skein_api::{Campaign, Module, ModuleState, Status, WholeServer};
use skein_control::{CampaignOrder, CampaignPart, Care, Control, Desk, LastBackup, OpenAlarm, ServiceError};
use skein_types::{CampaignState, grouped};

use super::some;
use crate::ROWS;
use crate::duration::lasting;
use crate::frame::{self, command, counted, encoded, live_of_all, state};
use crate::viewer::{Failed, Page, Viewer};

const AT: &str = "/health";
/// Modules that are looked through for those that are being compiled or that somebody has to look at.
const MODULES: usize = 250;

/// Campaigns that stopped, of each kind.
const STOPPED: usize = 10;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route(AT, get(page)).route("/live/health", get(part))
}

struct Shown {
    care: Care,
    /// Campaigns that stopped and wait for somebody.
    stopped: Vec<Campaign>,
    status: Status,
    compiling: Vec<Module>,
    suspended: Vec<Module>,
    /// There are modules that were not looked at.
    more: bool,
}

fn gather(desk: &Desk<'_>) -> Result<Shown, ServiceError> {
    let page = desk.modules(&some(MODULES))?;
    let (modules, more) = (page.items.into_vec(), page.next.is_some());
    let (compiling, rest): (Vec<Module>, Vec<Module>) =
        modules.into_iter().partition(|module| module.state == ModuleState::Compiling);
    let suspended = rest.into_iter().filter(|module| module.state == ModuleState::Suspended).collect();
    Ok(Shown {
        care: desk.care()?,
        stopped: stopped(desk)?,
        status: desk.status()?,
        compiling,
        suspended,
        more,
    })
}

fn stopped(desk: &Desk<'_>) -> Result<Vec<Campaign>, ServiceError> {
    let mut all = Vec::new();
    for state in [CampaignState::Halted, CampaignState::RollbackIncomplete] {
        let (state, order, limit) = (Some(state), CampaignOrder::Newest, Some(STOPPED));
        let part = CampaignPart { state, order, limit, ..CampaignPart::default() };
        all.extend(desk.campaigns(&part)?.items.into_vec());
    }
    Ok(all)
}

async fn page(viewer: Viewer) -> Result<Page, Failed> {
    viewer
        .page(move |desk, viewer| {
            let content = html! {
                (live_of_all("/live/health", "kind=node.,module.,fleet.,campaign.,run.alarmed,run.reverted,dataset.damaged,backup.", view(&gather(desk)?)))
                (elsewhere())
            };
            Ok(frame::page(viewer, ("Health", Some("/settings")), content))
        })
        .await
}

async fn part(viewer: Viewer) -> Result<Page, Failed> {
    viewer.page(|desk, _| Ok(view(&gather(desk)?))).await
}

fn view(shown: &Shown) -> Markup {
    let Shown { care, stopped, status, compiling, suspended, more } = shown;
    html! {
        section aria-labelledby="alarms" {
            h2 #alarms { "What wants a person" }
            (alarms(status, suspended, (stopped, &care.alarms)))
            @if *more { p.note { "Of modules, the first " (MODULES) " by name were looked at: " a href="/modules" { "all of them" } } }
            @if care.more { p.note { "There may be more: " a href="/audit?kind=run.alarmed,dataset.damaged" { "all that was ever found" } } }
        }
        section aria-labelledby="care" {
            h2 #care { "Read again and copied" }
            (kept(care))
        }
        section aria-labelledby="server" {
            h2 #server { "Server" }
            (server(status))
        }
        section aria-labelledby="compiling" {
            h2 #compiling { "Modules that are being compiled" }
            @if compiling.is_empty() { p.empty { "None." } } @else { (modules(compiling)) }
        }
    }
}

/// Each with its sign: what is told by its colour alone is not told to everybody.
fn alarms(status: &Status, suspended: &[Module], (stopped, found): (&[Campaign], &[OpenAlarm])) -> Markup {
    let away: Vec<_> = status.nodes.iter().filter(|node| node.seat.is_none()).collect();
    let here = status.nodes.len() - away.len();
    html! {
        ul.alarms {
            @if let Some(waits) = &status.waits { li { strong.bad { "✗ Nothing begins: " (waits.message) } } }
            @if here == 0 { li { strong.bad { "✗ No node is here." } " Nothing that begins goes on before one comes: " a href="/fleet" { "the fleet" } } }
            @if !away.is_empty() { li { strong.waits { "‖ " (counted(away.len() as u64, "node is", "nodes are")) " away" } ": " a href="/fleet" { "which, and since when" } } }
            @for module in suspended.iter().take(ROWS) {
                li { strong.waits { "‖ suspended: " } a href={ "/modules/" (encoded(&module.name)) "/" (encoded(&module.version)) } { (module.name) "@" (module.version) } " ended nodes; nothing of it starts until somebody says so" }
            }
            @for campaign in stopped {
                li { strong.bad { "✗ " (campaign.state.to_string().replace('_', " ")) ": " } a href={ "/campaigns/" (campaign.campaign) } { (campaign.name) } " waits for somebody" }
            }
            @for alarm in found { (open(alarm)) }
            @if status.waits.is_none() && here > 0 && away.is_empty() && suspended.is_empty() && stopped.is_empty() && found.is_empty() { li { (state("ready")) ": nothing" } }
        }
    }
}

/// Something that was found at data, and where to look.
fn open(alarm: &OpenAlarm) -> Markup {
    html! {
        li {
            strong.bad { "✗ " @if let Some(code) = &alarm.code { (code) " " } (alarm.message) } ": "
            @match alarm.run {
                Some((campaign, seq)) => a href={ "/campaigns/" (campaign) "/runs/" (seq) } { "what a run published to " (alarm.dataset) },
                None => a href={ "/datasets/" (encoded(&alarm.dataset)) } { "what is kept of " (alarm.dataset) },
            }
            ", found " (frame::time(alarm.at))
        }
    }
}

/// What keeps data safe, and when it last did.
fn kept(care: &Care) -> Markup {
    html! {
        dl {
            dt { "Read in full last" }
            dd {
                @match &care.scrubbed {
                    Some((at, of)) => {
                        (frame::time(*at))
                        @if let Some(name) = of { ", " a href={ "/datasets/" (encoded(name)) } { (name) } }
                    },
                    None => span.plain { "nothing yet" },
                }
                @if !care.scrubs { "; nothing is read by itself: " (command("skein serve --scrub RATE")) }
            }
            dt { "Copied last" }
            dd {
                @match &care.backup {
                    Ok(Some(LastBackup { at, with_keys })) => { (frame::time(*at)) @if *with_keys { ", with the keys" } @else { ", without the keys" } },
                    Ok(None) => { strong.waits { "‖ never" } " " (command("skein backup DIRECTORY")) },
                    Err(refused) => span.plain { "for those who may see all teams: " (refused.message) },
                }
            }
        }
    }
}

fn server(status: &Status) -> Markup {
    let Status { under_way, .. } = status;
    html! {
        dl {
            dt { "Version" } dd { (status.version) }
            dt { "Started" } dd { (frame::time(status.started)) ", " (lasting(status.up_ms)) " ago" }
            dt { "Under way" }
            dd {
                (counted(under_way.campaigns, "campaign", "campaigns")) ", " (counted(under_way.runs, "run", "runs")) " of them, "
                (counted(under_way.attempts, "attempt", "attempts")) " at work"
                @if status.whole.is_none() { ", of your teams" }
            }
            @if let Some(whole) = &status.whole { (did(whole)) }
            dt { "Nodes" } dd { (grouped(status.nodes.len() as u64)) ", " a href="/fleet" { "the fleet" } }
        }
        @if status.whole.is_none() { p.note { "What the server takes and did is a sum over all teams: for those who may see all of them." } }
    }
}

fn did(WholeServer { used, ledger, work }: &WholeServer) -> Markup {
    html! {
        dt { "Memory" } dd { (used.memory) ", at most " (used.memory_peak) }
        dt { "CPU time" } dd { (lasting(used.cpu_ms)) }
        dt { "Ledger" } dd { (ledger.size) ", " (grouped(ledger.position)) " decisions; since the start " (grouped(ledger.transactions)) " transactions, " (grouped(ledger.syncs)) " waits for the disk" }
        dt { "Work" } dd { (grouped(work.ended)) " runs ended, of which " (grouped(work.published)) " were published; " (grouped(work.reverted)) " rolled back; " (grouped(work.exchanges)) " exchanges with nodes" }
    }
}

fn modules(modules: &[Module]) -> Markup {
    html! {
        table {
            thead { tr { th { "Module" } th { "Team" } th { "Size" } th { "Submitted" } } }
            tbody {
                @for module in modules.iter().take(ROWS) {
                    tr {
                        td { (module.name) "@" (module.version) }
                        td { @if let Some(owner) = &module.owner { (owner) } }
                        td.number { (module.bytes) }
                        td { (frame::time(module.submitted)) }
                    }
                }
            }
        }
        @if modules.len() > ROWS { p.note { (grouped(modules.len() as u64)) " altogether." } }
    }
}

fn elsewhere() -> Markup {
    html! {
        section aria-labelledby="watching" {
            h2 #watching { "Watch it from elsewhere" }
            dl {
                dt { code { "/v1/health" } } dd { "answers while the process lives; nobody needs a token" }
                dt { code { "/v1/ready" } } dd { "answers while it takes work" }
                dt { code { "/metrics" } } dd { "numbers for Prometheus, for whoever may look at all teams; or on an address of their own with " code { "skein serve --metrics ADDRESS" } }
            }
            p { (command("skein fleet status")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skein_api::{Campaign, Module, ProcessUse, Status, Text, Time, UnderWay, WholeServer, WorkDone};
    use skein_control::ServiceError;
    use skein_types::{Bytes, Millis, Timestamp, codes};

    use super::{Care, LastBackup, OpenAlarm, alarms, kept, open, server};

    /// Of a server with these nodes, which are here or away.
    fn status(nodes: &[bool]) -> Status {
        let seat = json!({
            "holds": 0, "started": 0, "finished": 0, "silent_ms": 0, "slots": 1, "most": 1, "used": ProcessUse::default(), "version": "1",
            "has": {},
        });
        let node = |here: &bool| {
            json!({
                "node": "nod_00000000000000000000000000000001", "name": "n", "incarnation": 1, "since": "2026-11-27T10:00:00.000Z",
                "mark": "none", "mark_reason": null, "seat": here.then(|| seat.clone()),
            })
        };
        let nodes: Vec<_> = nodes.iter().map(node).collect();
        Status {
            version: Text::escaped("1.2.3"),
            started: Time(Timestamp(0)),
            up_ms: Millis(0),
            under_way: UnderWay { campaigns: 1, runs: 30, attempts: 2 },
            whole: None,
            nodes: serde_json::from_value(json!(nodes)).unwrap(),
            waits: None,
        }
    }

    #[test]
    fn whatever_wants_a_person_is_said_and_nothing_only_where_nothing_does() {
        let well = alarms(&status(&[true]), &[], (&[], &[])).into_string();
        assert!(well.contains(": nothing</li>"), "{well}");
        let away = alarms(&status(&[true, false]), &[], (&[], &[])).into_string();
        assert!(away.contains("1 node is") && away.contains("which, and since when"), "{away}");
        let module: Module = serde_json::from_value(json!({
            "name": "columns", "version": "1", "owner": null, "bytes": 5, "state": "suspended", "why": null,
            "digest": format!("sha256:{}", "0".repeat(64)), "submitted": "2026-11-27T10:00:00.000Z",
        }))
        .unwrap();
        let suspended = alarms(&status(&[true]), &[module], (&[], &[])).into_string();
        assert!(
            suspended.contains("/modules/columns/1\"") && suspended.contains("ended nodes"),
            "{suspended}"
        );
        let campaign: Campaign = serde_json::from_value(json!({
            "campaign": "cmp_00000000000000000000000000000001", "name": "<i>c", "owner": "shop", "state": "rollback_incomplete", "epoch": 1,
            "why": null, "since": "2026-11-27T10:00:00.000Z", "module": format!("sha256:{}", "0".repeat(64)),
            "params": format!("blake3:{}", "0".repeat(64)), "policy": skein_api::Policy::default(), "datasets": 1,
            "runs": skein_api::RunCounts::default(), "plan": null, "waves": [],
        }))
        .unwrap();
        let stopped = alarms(&status(&[true]), &[], (&[campaign], &[])).into_string();
        assert!(
            stopped.contains("✗ rollback incomplete: ") && stopped.contains("&lt;i&gt;c</a> waits"),
            "{stopped}"
        );
        for page in [away, suspended, stopped] {
            assert!(!page.contains(": nothing</li>"), "{page}");
        }
    }

    #[test]
    fn when_data_was_read_again_and_copied_last_is_said_and_that_it_never_was() {
        let at = Time(Timestamp(0));
        let care =
            |scrubbed, backup| Care { alarms: Vec::new(), more: false, scrubbed, scrubs: true, backup };
        let copied = |with_keys| Ok(Some(LastBackup { at, with_keys }));
        let said = kept(&care(Some((at, Some(Text::escaped("a<b")))), copied(true))).into_string();
        assert!(said.contains("<time ") && said.contains("/datasets/a%3Cb\">a&lt;b</a>"), "{said}");
        assert!(said.contains("UTC</time>, with the keys") && !said.contains("by itself"), "{said}");
        assert!(kept(&care(None, copied(false))).into_string().contains("</time>, without the keys"));
        // Which one it was is not for everybody.
        assert!(!kept(&care(Some((at, None)), copied(true))).into_string().contains("/datasets/"));
        let never = kept(&Care { scrubs: false, ..care(None, Ok(None)) }).into_string();
        for said in ["nothing yet", "nothing is read by itself", "‖ never", "skein backup DIRECTORY"] {
            assert!(never.contains(said), "{said}: {never}");
        }
        let refused = ServiceError::new(codes::ROLE_MISSING, "vic may not");
        assert!(kept(&care(None, Err(refused))).into_string().contains("all teams: vic may not"));
    }

    #[test]
    fn whoever_does_not_see_all_teams_is_shown_their_own_work_and_no_sum() {
        let of_some = server(&status(&[])).into_string();
        for said in [
            "1.2.3",
            "1 campaign, 30 runs of them, 2 attempts at work, of your teams",
            "for those who may see all",
        ] {
            assert!(of_some.contains(said), "{said}: {of_some}");
        }
        let used = ProcessUse { memory: Bytes::mib(77), ..ProcessUse::default() };
        let work = WorkDone { exchanges: 4_321, ..WorkDone::default() };
        let whole = Some(WholeServer { used, work, ..WholeServer::default() });
        let of_all = server(&Status { whole, ..status(&[]) }).into_string();
        for sum in ["77MiB", "4,321 exchanges", "decisions"] {
            assert!(of_all.contains(sum) && !of_some.contains(sum), "{sum}: {of_all}");
        }
        assert!(
            !of_all.contains("of your teams") && !of_all.contains("for those who may see all"),
            "{of_all}"
        );
    }

    #[test]
    fn a_server_without_a_node_is_not_said_to_be_well() {
        let status = status(&[]);
        let page = alarms(&status, &[], (&[], &[])).into_string();
        assert!(page.contains("No node is here") && !page.contains("nothing</li>"), "{page}");
        let alarm = OpenAlarm {
            position: 7,
            at: Time(Timestamp(0)),
            run: Some(("cmp_00000000000000000000000000000001".parse().unwrap(), 4)),
            dataset: Text::escaped("a<b"),
            code: Some(Text::escaped("SK0560")),
            message: Text::escaped("is gone"),
        };
        let page = alarms(&status, &[], (&[], std::slice::from_ref(&alarm))).into_string();
        assert!(
            page.contains("SK0560 is gone") && page.contains("/runs/4\">what a run published to a&lt;b"),
            "{page}"
        );
        let page = open(&OpenAlarm { run: None, code: None, ..alarm }).into_string();
        assert!(page.contains("✗ is gone") && page.contains("/datasets/a%3Cb\""), "{page}");
    }
}
