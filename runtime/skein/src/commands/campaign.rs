//! `skein campaign`: a module over many datasets of a server.

mod act;
mod approve;
mod create;
mod held;
pub(crate) mod plan;
pub(crate) mod policy_file;
mod report;
mod samples;
mod shown;
mod wait;
mod why;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use skein_api::{Campaign, Event, PlanReport, PlanSample, Run};
use skein_types::{CampaignState, ModuleDigest, RunState};

use crate::args::{ListArgs, ServerArgs};
use crate::failure::CommandResult;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::View;
use act::{Asked, RunsArgs, SliceArgs, Sure};
use approve::Saying;
use create::CreateArgs;
use wait::{Until, WaitArgs};

pub(crate) use create::{label, labels};

/// Plan, start, watch and undo campaigns.
///
/// A campaign runs one module with one set of parameters over many datasets: first a few, then more, then the rest. It halts
/// when more runs failed than may, and all of it can be rolled back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein campaign create prefs-v2 --module prefs@2 --params @prefs.toml --select 'users-*' --policy careful.toml
  skein campaign plan cmp_0198... --wait
  skein campaign show cmp_0198...
  skein campaign approve cmp_0198... --slice payments --reason 'looked at the samples'
  skein campaign start cmp_0198... --wait --timeout 2h
  skein campaign report cmp_0198...
  skein campaign rollback cmp_0198... --reason 'wrong zone'
  skein campaign create prefs-fixed --module prefs@3 --continue cmp_0198...

With --wait the exit code says how it ended: 0 rolled out (or planned), 1 halted, not to be planned,
refused as a whole or not to be undone, 3 it waits for a person (to start it, to approve it, or to
decide about runs that rules hold), 6 somebody ended it, 75 the server was away for too long,
124 --timeout, 130 Ctrl-C.")]
pub(crate) struct CampaignArgs {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which campaigns.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// In this state only: draft, running, soaking and so on.
    #[arg(long = "in", value_name = "STATE")]
    in_state: Option<CampaignState>,
    /// Of this team.
    #[arg(long, value_name = "TEAM")]
    owner: Option<String>,
    /// Whose names begin so.
    #[arg(long)]
    prefix: Option<String>,
    /// Of this module: its digest, as `skein module list` has it.
    #[arg(long, value_name = "DIGEST")]
    module: Option<ModuleDigest>,
    /// In which order.
    #[arg(long, value_enum, default_value_t = Order::Oldest)]
    order: Order,
}

/// In which order campaigns are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// As they were made.
    Oldest,
    /// What was made last first.
    Newest,
    /// By name.
    Name,
    /// Those with the most failed runs first.
    Failed,
    /// What moved to another state last first.
    Moved,
}

impl Order {
    /// As the server calls it; nothing where it is what the server does unasked.
    const fn said(self) -> Option<&'static str> {
        match self {
            Self::Oldest => None,
            Self::Newest => Some("newest"),
            Self::Name => Some("name"),
            Self::Failed => Some("failed"),
            Self::Moved => Some("moved"),
        }
    }
}

impl Which {
    fn query(&self) -> String {
        let said = [
            ("state", self.in_state.map(|state| state.to_string())),
            ("owner", self.owner.clone()),
            ("prefix", self.prefix.clone()),
            ("module", self.module.map(|module| module.to_string())),
            ("order", self.order.said().map(str::to_owned)),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        said.map(|(name, value)| format!("&{name}={}", encoded(&value))).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a campaign, as a draft.
    Create(Box<CreateArgs>),
    /// List campaigns.
    List {
        #[command(flatten)]
        asked: Which,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one, with its plan, its policy and its waves.
    Show {
        /// Which.
        campaign: String,
    },
    /// Show its plan for whoever decides about it: how much can go wrong and why, for which team; what samples showed; what it
    /// takes.
    Review {
        /// Which.
        campaign: String,
    },
    /// Show what was tried while planning: all samples, or what one of them showed.
    Samples {
        /// Which.
        campaign: String,
        /// The sample's number.
        sample: Option<u64>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// List its runs.
    Runs {
        /// Which.
        campaign: String,
        /// In this state only: planned, published, failed and so on.
        #[arg(long = "in", value_name = "STATE")]
        in_state: Option<RunState>,
        /// Of those, only this team's part of the plan.
        #[arg(long, value_name = "TEAM", requires = "in_state")]
        slice: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one of its runs.
    Run {
        /// Of which campaign.
        campaign: String,
        /// The run's number.
        run: u64,
    },
    /// Say why its runs wait.
    Why {
        /// Which.
        campaign: String,
        /// Of this dataset only; else of the first runs that are not done.
        dataset: Option<String>,
    },
    /// List what was decided about it.
    Events {
        /// Which.
        campaign: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Say what it came to: what was migrated, by wave and state; what failed and what to do about it; rows, bytes, time; by which
    /// rules and digests.
    Report {
        /// Which.
        campaign: String,
        /// As Markdown, to be kept or mailed.
        #[arg(long)]
        markdown: bool,
        /// With a line per dataset, into this file: .html, a page that carries its signature; .csv, a table; .json, a document.
        #[arg(long, value_name = "FILE", conflicts_with = "markdown")]
        save: Option<PathBuf>,
    },
    /// Look at all datasets, and try some. Nothing is written.
    Plan {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Carry the plan out. With --wait, one that was started before is waited for: to be asked twice does no harm.
    Start {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Start nothing more until it is resumed; what has begun ends or stops at a checkpoint.
    Pause {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        slice: SliceArgs,
    },
    /// Go on after a pause or a halt.
    Resume {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        slice: SliceArgs,
        /// Although more failed than may: what failed until now is forgiven.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// End it. What is published stays.
    Cancel {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        sure: Sure,
    },
    /// Try failed, skipped and stale runs again.
    Retry {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        runs: RunsArgs,
    },
    /// Leave out runs that have not begun.
    Skip {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        runs: RunsArgs,
        #[command(flatten)]
        sure: Sure,
    },
    /// Make the old versions of what it published current again.
    #[command(alias = "roll-back", alias = "roll_back")]
    Rollback {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        slice: SliceArgs,
        #[command(flatten)]
        runs: RunsArgs,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Give the old versions up, and free what they take. Nothing of it can be rolled back then.
    Finalize {
        #[command(flatten)]
        asked: Asked,
        /// Before the rollback window is over.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(flatten)]
    Saying(Saying),
    /// Publish the result of a run that a rule keeps back, as it is staged.
    Release(held::HeldArgs),
    /// Make the result of a run that a rule keeps back again, and look again.
    Recheck(held::HeldArgs),
    /// Give up the result of a run that a rule keeps back; the run has failed.
    Discard(held::HeldArgs),
    /// Ask by the API's word for it: plan, start, pause, resume, cancel, retry, skip, roll_back or finalize. Nothing is asked back.
    #[command(hide = true)]
    Act {
        /// Which.
        campaign: String,
        /// What.
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
    /// Show how it is getting on, until nothing of it is under way.
    Watch {
        /// Which.
        campaign: String,
    },
    /// Wait until it is rolled out, halted or ended, whoever started it; the exit code says which.
    Wait {
        /// Which.
        campaign: String,
        #[command(flatten)]
        until: Until,
    },
}

pub(crate) fn campaign(settings: &Settings, args: &CampaignArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let path = |campaign: &str, what: &str| format!("campaigns/{}/{what}", encoded(campaign));
    match &args.verb {
        Verb::Create(create) => {
            let made: Campaign = server.post("campaigns", &create::asked(settings, create)?)?;
            shown::campaign(view, &made);
            Ok(())
        }
        Verb::List { asked, list } => view.list::<Campaign>(&server, ("campaigns", &asked.query()), list),
        Verb::Show { campaign } => shown::whole(view, &server, campaign),
        Verb::Review { campaign } => {
            let report: PlanReport = server.get(&path(campaign, "plan"))?;
            view.told(&report, || plan::report(view, &report));
            if view.is_table() {
                let there: Campaign = server.get(&format!("campaigns/{}", encoded(campaign)))?;
                plan::policy(&there.policy);
            }
            Ok(())
        }
        Verb::Samples { campaign, sample: None, list } => {
            view.list::<PlanSample>(&server, (&path(campaign, "samples"), ""), list)
        }
        Verb::Samples { campaign, sample: Some(sample), .. } => {
            samples::one((&server, view), (campaign, *sample), settings.page)
        }
        Verb::Runs { campaign, in_state, slice, list } => {
            let state = in_state.map(|state| format!("&state={state}")).unwrap_or_default();
            let slice = slice.as_ref().map(|team| format!("&slice={}", encoded(team))).unwrap_or_default();
            let query = format!("{state}{slice}");
            view.list::<Run>(&server, (&path(campaign, "runs"), &query), list)
        }
        Verb::Run { campaign, run } => {
            shown::run(view, campaign, &server.get(&path(campaign, &format!("runs/{run}")))?);
            Ok(())
        }
        Verb::Why { campaign, dataset } => why::why(view, &server, (campaign, dataset.as_deref())),
        Verb::Events { campaign, list } => view.list::<Event>(&server, (&path(campaign, "events"), ""), list),
        Verb::Report { campaign, save: Some(file), .. } => report::saved(&server, campaign, file),
        Verb::Report { campaign, markdown, save: None } => {
            report::one_form(view, *markdown)?;
            report::shown(view, &server.get(&path(campaign, "report"))?, *markdown);
            Ok(())
        }
        Verb::Release(held) => held::decide(view, &server, "release", held),
        Verb::Recheck(held) => held::decide(view, &server, "recheck", held),
        Verb::Discard(held) => held::decide(view, &server, "discard", held),
        Verb::Watch { campaign } => wait::watch(settings, (&server, view), campaign),
        Verb::Wait { campaign, until } => wait::wait(settings, (&server, view), (campaign, until)),
        Verb::Plan { .. }
        | Verb::Start { .. }
        | Verb::Pause { .. }
        | Verb::Resume { .. }
        | Verb::Cancel { .. }
        | Verb::Retry { .. }
        | Verb::Skip { .. }
        | Verb::Rollback { .. }
        | Verb::Finalize { .. }
        | Verb::Act { .. } => act::act(settings, (&server, view), &args.verb),
        Verb::Saying(saying) => approve::say(settings, (&server, view), saying),
    }
}
