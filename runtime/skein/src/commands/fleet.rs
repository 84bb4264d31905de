//! `skein fleet`: a server and its nodes.

use clap::{Args, Subcommand};
use skein_api::{NodeStatus, ProcessUse, Seated, Status};

use crate::args::{Output, ServerArgs};
use crate::failure::CommandResult;
use crate::render::{self, grouped};
use crate::server::Server;
use crate::settings::Settings;

/// Show how a server and its nodes are, and what they have done.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein fleet status
  skein fleet status -o json | jq .work")]
pub(crate) struct FleetArgs {
    #[command(subcommand)]
    pub(crate) verb: FleetVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FleetVerb {
    /// Show the server, its ledger, and each node with what it holds. Counters are since the server's process started.
    Status,
}

pub(crate) fn fleet(settings: &Settings, args: &FleetArgs) -> CommandResult {
    let server = Server::of(settings, args.server.server.as_deref())?;
    let FleetVerb::Status = args.verb;
    shown(args.server.output, &server.get("status")?);
    Ok(())
}

fn shown(output: Output, status: &Status) {
    match output {
        Output::Json => render::json(status),
        Output::Table => told(status),
    }
}

fn told(status: &Status) {
    let Status { version, up_ms, used, ledger, work, nodes, .. } = status;
    let (up, process) = (render::duration(up_ms.0), process(used));
    render::line(&format!("skein {version}, up for {up}: {process}"));
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
    if nodes.is_empty() {
        return;
    }
    render::line("");
    let header = ["node", "state", "holds", "started", "finished", "memory", "peak", "cpu", "heard", "id"];
    render::table(&header, nodes.iter().map(row));
}

fn process(used: &ProcessUse) -> String {
    let cpu = render::duration(used.cpu_ms.0);
    format!("{} of memory, {} at most, {cpu} of CPU time", used.memory, used.memory_peak)
}

fn row(node: &NodeStatus) -> Vec<String> {
    let name = format!("{}#{}", node.name, node.incarnation);
    let rest = match node.seat {
        None => {
            let since = format!("gone since {}", node.since);
            std::iter::once(since).chain(std::iter::repeat_n(String::new(), 7)).collect()
        }
        Some(Seated { holds, started, finished, silent_ms, used, .. }) => vec![
            "joined".to_owned(),
            grouped(holds),
            grouped(started),
            grouped(finished),
            used.memory.to_string(),
            used.memory_peak.to_string(),
            render::duration(used.cpu_ms.0),
            format!("{} ago", render::duration(silent_ms.0)),
        ],
    };
    std::iter::once(name).chain(rest).chain([node.node.to_string()]).collect()
}
