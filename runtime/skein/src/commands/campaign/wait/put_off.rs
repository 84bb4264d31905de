//! The end of a wait for a campaign of which all that is left is put off, or was not approved: whose part, and why.

use skein_api::{Approvals, Page, Run};
use skein_types::{RunState, SliceState, codes};

use super::{Patience, asked};
use crate::failure::Failure;
use crate::render;
use crate::server::{Server, encoded};

/// Teams that are named.
const NAMED: usize = 5;

/// Asks what the first run of each part waits for that has not begun.
pub(super) fn why(server: &Server, campaign: &str, patience: &mut Patience) -> Result<Vec<String>, Failure> {
    let path = format!("campaigns/{}", encoded(campaign));
    let there: Approvals = asked(server, &format!("{path}/approvals"), patience)?;
    let open = there.slices.iter().filter(|slice| slice.state != SliceState::Declined);
    let open = open.filter(|slice| slice.until.is_some() || slice.lacks.is_some());
    let mut lines = Vec::new();
    for slice in open.take(NAMED) {
        let team = encoded(&slice.team);
        let planned = format!("{path}/runs?slice={team}&state={}&limit=1", RunState::Planned);
        let first: Page<Run> = asked(server, &planned, patience)?;
        let Some(first) = first.items.first() else { continue };
        let run: Run = asked(server, &format!("{path}/runs/{}", first.seq), patience)?;
        lines.extend(run.waiting.map(|waiting| waiting.message.to_string()));
    }
    Ok(lines)
}

/// That nothing is left but what is put off.
pub(super) fn waits((campaign, runs): (&str, u64), why: Vec<String>) -> Failure {
    let of = render::counted(runs, "run");
    let are = if runs == 1 { "is" } else { "are" };
    let message = format!("all that is left of {campaign} is {of} that {are} put off or not approved");
    Failure::text(codes::CAMPAIGN_WAITS, message)
        .details(why)
        .hint(Some(format!("skein campaign approvals {campaign}")))
}
