//! `skein campaign why`: what the runs of a campaign wait for.

use skein_api::{CampaignProgress, Run};
use skein_types::{RunState, codes};

use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::{Listed, Server, encoded};
use crate::view::{View, nothing_begins};

/// Runs that are asked about where none is named.
const RUNS: usize = 20;

pub(super) fn why(view: View, server: &Server, (campaign, dataset): (&str, Option<&str>)) -> CommandResult {
    let campaign = &encoded(campaign);
    let runs = chosen(server, campaign, dataset)?;
    let ask = |run: &Run| server.get::<Run>(&format!("campaigns/{campaign}/runs/{}", run.seq));
    let runs = runs.iter().map(ask).collect::<Result<Vec<_>, _>>()?;
    // While it is planned it has no runs.
    let now: CampaignProgress = server.get(&format!("campaigns/{campaign}/progress"))?;
    view.listed(&runs, || match (runs.is_empty(), &now.waits) {
        (true, Some(waits)) => render::line(&nothing_begins(waits)),
        (true, None) => render::line("no run waits"),
        (false, _) => render::table(&["run", "dataset", "state", "waits for", "why"], runs.iter().map(row)),
    });
    Ok(())
}

/// The dataset's run, or the first that are not done.
fn chosen(server: &Server, campaign: &str, dataset: Option<&str>) -> Result<Vec<Run>, Failure> {
    let path = format!("campaigns/{campaign}/runs");
    let mut found = Vec::new();
    let Some(dataset) = dataset else {
        let query = format!("&state={}", RunState::Planned);
        let listed = Listed { path: &path, query: &query, after: None };
        server.pages_of(&listed, Some(RUNS), |runs| found.extend(runs))?;
        return Ok(found);
    };
    let is_it = |run: &Run| run.name.as_str() == dataset || run.dataset.to_string() == dataset;
    let listed = Listed { path: &path, query: "", after: None };
    server.pages_of(&listed, None, |runs| found.extend(runs.into_iter().filter(is_it)))?;
    if found.is_empty() {
        return Err(Failure::text(codes::NOT_FOUND, format!("{dataset} is not in campaign {campaign}")));
    }
    Ok(found)
}

fn row(run: &Run) -> Vec<String> {
    let (reason, message) = match &run.waiting {
        Some(waiting) => (waiting.reason.to_string(), waiting.message.to_string()),
        None => (String::new(), "it does not wait".to_owned()),
    };
    vec![run.seq.to_string(), run.name.to_string(), run.state.to_string(), reason, message]
}
