//! What one sample of a plan showed.

use serde_json::Value;
use skein_node::DryRun;

use crate::commands::run::dry_run;
use crate::failure::CommandResult;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Page;
use crate::view::View;

/// Rows before and after, as a dry run shows them. What a node of another version wrote so that there are no words for it here is
/// shown as it wrote it.
pub(super) fn one(
    (server, view): (&Server, View),
    (campaign, sample): (&str, u64),
    page: Page,
) -> CommandResult {
    let seen: Value = server.get(&format!("campaigns/{}/samples/{sample}", encoded(campaign)))?;
    view.told(&seen, || match serde_json::from_value::<DryRun>(seen.clone()) {
        Ok(found) => dry_run::sample_told(&found, sample, page),
        Err(_) => render::json(&seen),
    });
    Ok(())
}
