//! `skein fleet`: a server and its nodes.

use clap::{Args, Subcommand};
use skein_api::{
    FleetAction, FleetState, NodeDoes, NodeStatus, ProcessUse, Seated, Status, Text, WholeServer,
};
use skein_types::{NodeMark, codes};

use crate::args::{ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render::{self, grouped};
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Show how a server and its nodes are; freeze the fleet, cordon and drain nodes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein fleet status
  skein fleet status -o json | jq .whole.work
  skein fleet drain local-1 --reason 'new kernel'      it gives back what it has and goes
  skein fleet freeze --reason 'the storage is being moved'
  skein fleet unfreeze --reason 'it is moved'")]
pub(crate) struct FleetArgs {
    #[command(subcommand)]
    pub(crate) verb: FleetVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FleetVerb {
    /// Show the server, what is under way, and each node with what it holds. Who may see all teams is told what the server takes and did since
    /// its process started, too.
    Status,
    /// List nodes, those that are gone too.
    Nodes {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one.
    Node {
        /// Its name or id.
        node: String,
    },
    /// Give a node nothing new; what it has it finishes.
    Cordon(NodeArgs),
    /// Give it work again; one that was drained and went is started again.
    Uncordon(NodeArgs),
    /// Have a node give back what it has, at its next checkpoints, and go. It stays away until it is uncordoned.
    Drain {
        #[command(flatten)]
        node: NodeArgs,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Begin nothing anywhere; what has begun goes on.
    Freeze {
        /// Why, for the record and for those whose work waits.
        #[arg(long)]
        reason: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Begin again.
    #[command(visible_alias = "thaw")]
    Unfreeze {
        /// Why, for the record.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Its name or id.
    node: String,
    /// Why, for the record and for those whose work waits.
    #[arg(long)]
    reason: String,
}

pub(crate) fn fleet(settings: &Settings, args: &FleetArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let mark = |node: &NodeArgs, verb: &str| -> CommandResult {
        let path = format!("nodes/{}/actions/{verb}", encoded(&node.node));
        view.one(&server.post::<NodeStatus>(&path, &action(&node.reason)?)?);
        Ok(())
    };
    match &args.verb {
        FleetVerb::Status => {
            let (status, fleet): (Status, FleetState) = (server.get("status")?, server.get("fleet")?);
            view.told(&status, || told(&status, &fleet, view));
        }
        FleetVerb::Nodes { list } => view.list::<NodeStatus>(&server, ("nodes", ""), list)?,
        FleetVerb::Node { node } => {
            view.one(&server.get::<NodeStatus>(&format!("nodes/{}", encoded(node)))?);
        }
        FleetVerb::Cordon(node) => mark(node, "cordon")?,
        FleetVerb::Uncordon(node) => mark(node, "uncordon")?,
        FleetVerb::Drain { node, yes } => {
            let question =
                format!("have {} give back what it has, and go until it is uncordoned?", node.node);
            confirmed(settings, *yes, &question)?;
            mark(node, "drain")?;
        }
        FleetVerb::Freeze { reason, yes } => {
            confirmed(
                settings,
                *yes,
                "let nothing begin on any node, of any team, until somebody unfreezes it?",
            )?;
            state(view, &server.post("fleet/actions/freeze", &action(reason)?)?);
        }
        FleetVerb::Unfreeze { reason } => {
            state(view, &server.post("fleet/actions/thaw", &action(reason)?)?);
        }
    }
    Ok(())
}

fn action(reason: &str) -> Result<FleetAction, Failure> {
    let reason =
        Text::new(reason).map_err(|error| Failure::text(codes::USAGE, format!("--reason: {error}")))?;
    Ok(FleetAction { reason })
}

fn state(view: View, fleet: &FleetState) {
    view.told(fleet, || render::line(&frozen(fleet)));
}

fn frozen(fleet: &FleetState) -> String {
    let since = fleet.since.map(|since| format!(" since {since}")).unwrap_or_default();
    let why = fleet.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    match fleet.frozen {
        true => format!("the fleet is frozen{since}{why}"),
        false => "the fleet works".to_owned(),
    }
}

fn told(status: &Status, fleet: &FleetState, view: View) {
    let Status { version, up_ms, under_way, whole, nodes, .. } = status;
    let takes = whole.map(|whole| format!(": {}", process(&whole.used))).unwrap_or_default();
    render::line(&format!("skein {version}, up for {}{takes}", render::duration(up_ms.0)));
    if fleet.frozen {
        render::line(&frozen(fleet));
    }
    let [campaigns, runs, attempts] = [under_way.campaigns, under_way.runs, under_way.attempts].map(grouped);
    render::line(&format!(
        "under way: campaigns {campaigns}, runs of them {runs}, attempts at work {attempts}"
    ));
    if let Some(whole) = whole {
        did(whole);
    }
    if !nodes.is_empty() {
        render::line("");
        view.all::<NodeStatus>(nodes);
    }
}

fn did(WholeServer { used, ledger, work }: &WholeServer) {
    let [position, transactions, syncs, events] =
        [ledger.position, ledger.transactions, ledger.syncs, ledger.events].map(grouped);
    render::line(&format!(
        "ledger: {} at position {position}; {transactions} transactions, {syncs} syncs, {events} events of {}",
        ledger.size, ledger.bytes
    ));
    let [exchanges, ended, lots, published, reverted, waits] = [
        work.exchanges,
        work.ended,
        work.lots,
        work.published,
        work.reverted,
        used.disk_waits + work.node_disk_waits,
    ]
    .map(grouped);
    render::line(&format!(
        "work: {exchanges} exchanges; {ended} runs through the door in {lots} lots, {published} published, \
         {reverted} rolled back; {waits} waits for the disk"
    ));
}

fn process(used: &ProcessUse) -> String {
    let cpu = render::duration(used.cpu_ms.0);
    format!("{} of memory, {} at most, {cpu} of CPU time", used.memory, used.memory_peak)
}

impl Row for NodeStatus {
    const HEADS: &'static [&'static str] =
        &["node", "state", "holds", "started", "finished", "memory", "peak", "cpu", "heard", "id", "why"];
    fn cells(&self) -> Vec<String> {
        let name = format!("{}#{}", self.name, self.incarnation);
        let state = match (&self.seat, self.mark) {
            (None, NodeMark::Draining) => format!("drained, gone since {}", self.since),
            (None, _) => format!("gone since {}", self.since),
            (Some(_), NodeMark::None) => "joined".to_owned(),
            (Some(_), NodeMark::Cordoned | NodeMark::Draining) => self.mark.to_string(),
        };
        let of_seat = match &self.seat {
            None => vec![String::new(); 7],
            Some(Seated { holds, started, silent_ms, whole, .. }) => {
                let does = |said: fn(&NodeDoes) -> String| whole.as_ref().map(said).unwrap_or_default();
                vec![
                    grouped(*holds),
                    grouped(*started),
                    does(|does| grouped(does.finished)),
                    does(|does| does.used.memory.to_string()),
                    does(|does| does.used.memory_peak.to_string()),
                    does(|does| render::duration(does.used.cpu_ms.0)),
                    format!("{} ago", render::duration(silent_ms.0)),
                ]
            }
        };
        let why = self.mark_reason.as_ref().map(ToString::to_string).unwrap_or_default();
        [name, state].into_iter().chain(of_seat).chain([self.node.to_string(), why]).collect()
    }
}
