//! Runs that a rule keeps back: what becomes of them.

use clap::Args;
use skein_api::{Run, RunAction, Text};

use crate::failure::CommandResult;
use crate::server::{Server, encoded};
use crate::view::View;

/// A held run, and why it is decided so.
#[derive(Debug, Args)]
pub(crate) struct HeldArgs {
    /// Of which campaign.
    pub(crate) campaign: String,
    /// Its place in the campaign, as `campaign runs CAMPAIGN --in held` lists it.
    pub(crate) run: u64,
    /// Why. On record.
    #[arg(long)]
    pub(crate) reason: String,
}

pub(super) fn decide(view: View, server: &Server, verb: &str, args: &HeldArgs) -> CommandResult {
    let HeldArgs { campaign, run, reason } = args;
    let path = format!("campaigns/{}/runs/{run}/actions/{verb}", encoded(campaign));
    let run: Run = server.post(&path, &RunAction { reason: Text::escaped(reason) })?;
    super::shown::run(view, campaign, &run);
    Ok(())
}
