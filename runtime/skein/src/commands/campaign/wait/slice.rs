//! Waiting for a part of a plan that is being rolled back: its campaign goes on with the others.

use skein_api::{CampaignProgress, Page, Run};
use skein_types::{RunState, codes};

use super::runs::stuck;
use super::{LOOK_EVERY, Patience, again, asked, look};
use crate::failure::{CommandResult, Failure};
use crate::interrupt;
use crate::render::{self, counted};
use crate::server::{Server, encoded};
use crate::view::View;

/// Runs that are asked for at a time.
const PAGE: usize = 1_000;

/// A team's part of a campaign's plan.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands::campaign) struct Slice<'a> {
    pub(in crate::commands::campaign) campaign: &'a str,
    pub(in crate::commands::campaign) team: &'a str,
}

/// Until nothing of it is being undone, or is at the door; shows how that ended.
pub(in crate::commands::campaign) fn follow_slice(
    (server, view): (&Server, View),
    slice: Slice<'_>,
    mut patience: Patience,
) -> CommandResult {
    let Slice { campaign, team } = slice;
    interrupt::leaves(&format!("the rollback goes on; `skein campaign runs {campaign}` shows how it ended"));
    for state in [RunState::Intended, RunState::Reverting] {
        while slice.has(server, state, &mut patience)? {
            patience.pause(LOOK_EVERY).map_err(|failure| failure.hint(Some(again(campaign))))?;
        }
    }
    let mut of = |state| slice.runs(server, state, &mut patience);
    let (back, failed, published) =
        (of(RunState::Reverted)?, of(RunState::RevertFailed)?, of(RunState::Published)?);
    let now: CampaignProgress = look(server, campaign, &mut patience)?;
    view.told(&now, || {
        let rest = match failed.len() + published.len() {
            0 => String::new(),
            rest => format!(", {} not", counted(rest as u64, "dataset")),
        };
        let back = counted(back.len() as u64, "dataset");
        render::line(&format!("{team}: {back} rolled back{rest}; {campaign} is {}", now.state));
    });
    slice.says_what_waits(server, &mut patience)?;
    if !failed.is_empty() {
        return Err(stuck((campaign, &format!(" --slice {team}")), &failed).on_stderr());
    }
    if let Some(first) = published.first() {
        let message = format!(
            "{} of {team} in {campaign} was published while it was rolled back, the first: {}",
            counted(published.len() as u64, "dataset"),
            first.name
        );
        let hint = format!("skein campaign rollback {campaign} --slice {team}");
        return Err(Failure::text(codes::ROLLBACK_INCOMPLETE, message).hint(Some(hint)).on_stderr());
    }
    Ok(())
}

impl Slice<'_> {
    /// Says how what is not started goes on.
    pub(in crate::commands::campaign) fn says_what_waits(
        self,
        server: &Server,
        patience: &mut Patience,
    ) -> CommandResult {
        let Slice { campaign, team } = self;
        let waiting = self.runs(server, RunState::Planned, patience)?.len() as u64;
        if waiting > 0 {
            render::to_stderr(&format!(
                "{} of {team} {} not started: `skein campaign resume {campaign} --slice {team}` lets them begin, `skein campaign decline \
                 {campaign} --slice {team}` leaves them out",
                counted(waiting, "dataset"),
                if waiting == 1 { "is" } else { "are" }
            ));
        }
        Ok(())
    }

    fn page(self, state: RunState, limit: usize) -> String {
        let (campaign, team) = (encoded(self.campaign), encoded(self.team));
        format!("campaigns/{campaign}/runs?slice={team}&state={state}&limit={limit}")
    }

    fn has(self, server: &Server, state: RunState, patience: &mut Patience) -> Result<bool, Failure> {
        let page: Page<Run> = asked(server, &self.page(state, 1), patience)?;
        Ok(!page.items.is_empty())
    }

    fn runs(self, server: &Server, state: RunState, patience: &mut Patience) -> Result<Vec<Run>, Failure> {
        let path = self.page(state, PAGE);
        let (mut runs, mut after) = (Vec::new(), String::new());
        loop {
            let page: Page<Run> = asked(server, &format!("{path}{after}"), patience)?;
            runs.extend(page.items.iter().cloned());
            match page.next {
                Some(next) => after = format!("&after={}", encoded(&next)),
                None => return Ok(runs),
            }
        }
    }
}
