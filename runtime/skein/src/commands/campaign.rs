//! `skein campaign`: a module over many datasets of a server.

mod create;
mod plan;
mod policy_file;
mod watch;

use clap::{Args, Subcommand};
use skein_api::{Campaign, CampaignAction, CampaignVerb, Event, List, Run, Text};
use skein_types::{CampaignState, RunState, codes};

use crate::args::{Output, ServerArgs};
use crate::commands::module::word;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::Server;
use crate::settings::Settings;
use create::CreateArgs;

pub(crate) use create::{label, labels};

/// Plan, start, watch and undo campaigns.
///
/// A campaign runs one module with one set of parameters over many datasets: first a few, then more, then the rest. It halts
/// when more runs failed than may, and all of it can be rolled back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein campaign create prefs-v2 --module prefs@2 --params @prefs.toml --select 'users-*' --policy careful.toml
  skein campaign act cmp_0198... plan
  skein campaign show cmp_0198...
  skein campaign act cmp_0198... start
  skein campaign watch cmp_0198...
  skein campaign act cmp_0198... roll_back --reason 'wrong zone'
  skein campaign create prefs-fixed --module prefs@3 --continue cmp_0198...")]
pub(crate) struct CampaignArgs {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a campaign, as a draft.
    Create(Box<CreateArgs>),
    /// List campaigns.
    List,
    /// Show one, with its plan, its policy and its waves.
    Show {
        /// Which.
        campaign: String,
    },
    /// Show what was tried while planning: all samples, or what one of them showed.
    Samples {
        /// Which.
        campaign: String,
        /// The sample's number.
        sample: Option<u64>,
    },
    /// List its runs.
    Runs {
        /// Which.
        campaign: String,
        /// In this state only: planned, published, failed and so on.
        #[arg(long = "in", value_name = "STATE")]
        in_state: Option<RunState>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// List what was decided about it.
    Events {
        /// Which.
        campaign: String,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Ask something of it.
    Act {
        /// Which.
        campaign: String,
        /// plan, start, pause, resume, cancel, retry, skip, roll_back or finalize.
        verb: String,
        /// For the record.
        #[arg(long)]
        reason: Option<String>,
        /// Only these runs, by number.
        #[arg(long, value_name = "N")]
        run: Vec<u64>,
        /// Finalize before the rollback window is over; resume although more failed than may.
        #[arg(long)]
        now: bool,
    },
    /// Show how it is getting on, until it is rolled out, halted or over.
    Watch {
        /// Which.
        campaign: String,
    },
}

pub(crate) fn campaign(settings: &Settings, args: &CampaignArgs) -> CommandResult {
    let server = Server::of(settings, args.server.server.as_deref())?;
    let output = args.server.output;
    match &args.verb {
        Verb::Create(create) => shown(output, &server.post("campaigns", &create::asked(settings, create)?)?),
        Verb::List => list(output, &server.list("campaigns", "", usize::MAX)?),
        Verb::Show { campaign } => show(output, &server, campaign)?,
        Verb::Samples { campaign, sample: None } => {
            let path = format!("campaigns/{campaign}/samples");
            plan::samples(output, &server.list(&path, "", usize::MAX)?);
        }
        Verb::Samples { campaign, sample: Some(sample) } => {
            let path = format!("campaigns/{campaign}/samples/{sample}");
            render::json(&server.get::<serde_json::Value>(&path)?);
        }
        Verb::Runs { campaign, in_state, limit } => {
            let query = in_state.map(|state| format!("&state={state}")).unwrap_or_default();
            runs(output, &server.list(&format!("campaigns/{campaign}/runs"), &query, *limit)?);
        }
        Verb::Events { campaign, limit } => {
            events(output, &server.list(&format!("campaigns/{campaign}/events"), "", *limit)?);
        }
        Verb::Act { campaign, verb, reason, run, now } => {
            let verb: CampaignVerb = verb.parse().map_err(|()| unknown(verb))?;
            let there: Campaign = server.get(&format!("campaigns/{campaign}"))?;
            let action = CampaignAction {
                expect: there.state,
                reason: reason.as_deref().map(Text::escaped),
                plan: there.plan.as_ref().map(|plan| plan.digest),
                runs: named(run)?,
                now: *now,
            };
            shown(output, &server.post(&format!("campaigns/{campaign}/actions/{verb}"), &action)?);
        }
        Verb::Watch { campaign } => return watch::watch(settings, &server, campaign, output),
    }
    Ok(())
}

/// Runs that are named, if some are.
fn named(runs: &[u64]) -> Result<Option<List<u64, 10_000>>, Failure> {
    if runs.is_empty() {
        return Ok(None);
    }
    let named =
        List::new(runs.to_vec()).map_err(|error| Failure::text(codes::USAGE, format!("--run: {error}")))?;
    Ok(Some(named))
}

fn unknown(verb: &str) -> Failure {
    let all: Vec<&str> = CampaignVerb::ALL.iter().map(|verb| verb.as_str()).collect();
    let near = skein_types::nearest(verb, all.iter().copied());
    let hint =
        near.map_or_else(|| format!("known: {}", all.join(", ")), |near| format!("did you mean {near}?"));
    Failure::text(codes::USAGE, format!("nobody can {verb:?} a campaign")).hint(Some(hint))
}

/// With its plan, where there is one.
fn show(output: Output, server: &Server, campaign: &str) -> CommandResult {
    let there: Campaign = server.get(&format!("campaigns/{campaign}"))?;
    shown(output, &there);
    if output == Output::Table {
        plan::policy(&there.policy);
        if there.plan.is_some() {
            plan::report(&server.get(&format!("campaigns/{campaign}/plan"))?);
        }
    }
    Ok(())
}

fn list(output: Output, campaigns: &[Campaign]) {
    match output {
        Output::Json => render::json(&campaigns),
        Output::Table => render::table(
            &["id", "name", "state", "datasets", "published", "failed"],
            campaigns.iter().map(|campaign| {
                vec![
                    campaign.campaign.to_string(),
                    campaign.name.to_string(),
                    campaign.state.to_string(),
                    campaign.datasets.to_string(),
                    (campaign.runs.published + campaign.runs.finalized).to_string(),
                    campaign.runs.failed.to_string(),
                ]
            }),
        ),
    }
}

fn shown(output: Output, campaign: &Campaign) {
    if output == Output::Json {
        return render::json(campaign);
    }
    let why = campaign.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    render::line(&format!("{} {}: {}{why}", campaign.campaign, campaign.name, campaign.state));
    if let Some(plan) = &campaign.plan {
        render::line(&format!(
            "plan {}: {} to migrate ({} rows, {}), {} migrated already, {} not applicable, {} refused",
            plan.digest,
            render::grouped(plan.eligible),
            render::grouped(plan.rows.0),
            plan.bytes,
            plan.already_migrated,
            plan.not_applicable,
            plan.refused
        ));
    }
    if !campaign.waves.is_empty() {
        render::table(
            &["wave", "state", "runs", "published", "failed", "may fail", "at the door", "to do"],
            campaign.waves.iter().map(|wave| {
                vec![
                    wave.number.to_string(),
                    wave.state.to_string(),
                    wave.size.to_string(),
                    (wave.runs.published + wave.runs.finalized).to_string(),
                    wave.runs.failed.to_string(),
                    wave.budget.to_string(),
                    wave.runs.intended.to_string(),
                    wave.runs.planned.to_string(),
                ]
            }),
        );
    }
    if let Some(next) = next_step(campaign.state) {
        render::line(&format!("next: skein campaign act {} {next}", campaign.campaign));
    }
}

/// What usually comes next.
fn next_step(state: CampaignState) -> Option<&'static str> {
    match state {
        CampaignState::Draft | CampaignState::Stale => Some("plan"),
        CampaignState::Planned | CampaignState::Approved => Some("start"),
        CampaignState::Paused => Some("resume"),
        CampaignState::Halted => Some("retry, then resume; or roll_back"),
        CampaignState::RollbackIncomplete => Some("roll_back"),
        CampaignState::Soaking => Some("finalize --now, or roll_back"),
        CampaignState::Planning
        | CampaignState::PlanFailed
        | CampaignState::Running
        | CampaignState::Finalizing
        | CampaignState::Succeeded
        | CampaignState::PartiallySucceeded
        | CampaignState::RollingBack
        | CampaignState::RolledBack
        | CampaignState::Cancelling
        | CampaignState::Cancelled => None,
    }
}

fn runs(output: Output, runs: &[Run]) {
    match output {
        Output::Json => render::json(&runs),
        Output::Table => render::table(
            &["run", "dataset", "wave", "state", "verdict", "version", "why"],
            runs.iter().map(|run| {
                vec![
                    run.seq.to_string(),
                    run.name.to_string(),
                    run.wave.map(|wave| wave.to_string()).unwrap_or_default(),
                    run.state.to_string(),
                    run.verdict.as_ref().map(word).unwrap_or_default(),
                    run.version.map(|version| version.to_string()).unwrap_or_default(),
                    run.why.as_ref().map(|why| format!("{} {}", why.code, why.message)).unwrap_or_default(),
                ]
            }),
        ),
    }
}

fn events(output: Output, events: &[Event]) {
    match output {
        Output::Json => render::json(&events),
        Output::Table => render::table(
            &["position", "at", "kind", "actor", "body"],
            events.iter().map(|event| {
                vec![
                    event.position.to_string(),
                    event.at.to_string(),
                    event.kind.to_string(),
                    event.actor.to_string(),
                    event.body.to_string(),
                ]
            }),
        ),
    }
}
