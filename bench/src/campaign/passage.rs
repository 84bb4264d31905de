//! One campaign from an empty ledger to everything rolled back.

use std::path::{Path, PathBuf};

use serde_json::Value;
use skein_api::{Campaign, CampaignProgress, Run};
use skein_types::{CampaignState, Clock, Timestamp};

use crate::copies;
use crate::server::{Account, Server};

const MODULE: &str = "lineitem-v2@1";

/// Where campaigns are run.
pub(super) struct Yard<'a> {
    pub(super) desk: &'a Path,
    pub(super) skein: &'a Path,
    pub(super) component: &'a Path,
    pub(super) clock: &'a dyn Clock,
    /// The campaign's rules: a file of them.
    pub(super) policy: Option<&'a Path>,
}

/// What one took: seconds of each phase, and what the server said between them.
pub(super) struct Passage {
    pub(super) datasets: usize,
    pub(super) add: f64,
    pub(super) plan: f64,
    pub(super) run: f64,
    pub(super) undo: f64,
    pub(super) drafted: Account,
    pub(super) planned: Account,
    pub(super) published: Account,
    pub(super) undone: Account,
}

/// A campaign of a server that has nothing else.
pub(super) struct Underway<'a> {
    server: Server,
    campaign: String,
    clock: &'a dyn Clock,
    /// Seconds that adding the datasets took.
    pub(super) add: f64,
}

impl Yard<'_> {
    /// All of it; `check` looks at what is published.
    pub(super) fn pass(
        &self,
        sources: &[PathBuf],
        check: impl FnOnce(&[PathBuf]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Passage> {
        let copies = copies::fresh(sources, self.home())?;
        let underway = self.drafted(&copies)?;
        let drafted = underway.account()?;
        let plan = underway.moved("plan", CampaignState::Planned)?;
        let planned = underway.account()?;
        let run = underway.moved("start", CampaignState::Soaking)?;
        let published = underway.account()?;
        check(&copies)?;
        let undo = underway.moved("roll_back", CampaignState::RolledBack)?;
        let undone = underway.account()?;
        copies::equal(sources, &copies)?;
        let (datasets, add) = (copies.len(), underway.add);
        Ok(Passage { datasets, add, plan, run, undo, drafted, planned, published, undone })
    }

    /// Where datasets are.
    pub(super) fn home(&self) -> PathBuf {
        self.desk.join("datasets")
    }

    /// A new server with a campaign over these datasets, as a draft.
    pub(super) fn drafted(&self, copies: &[PathBuf]) -> anyhow::Result<Underway<'_>> {
        let server = Server::start(self.skein, copies::emptied(self.desk.join("home"))?)?;
        let submit = [Path::new("module"), "submit".as_ref(), MODULE.as_ref(), self.component];
        server.ask::<Value>(submit)?;
        let before = self.clock.elapsed();
        let words = [Path::new("dataset"), Path::new("add")];
        server.ask::<Value>(words.into_iter().chain(copies.iter().map(PathBuf::as_path)))?;
        let add = (self.clock.elapsed() - before).as_secs_f64();
        let create = ["campaign", "create", "bench", "--module", MODULE].map(Path::new);
        let policy = self.policy.into_iter().flat_map(|file| [Path::new("--policy"), file]);
        let made: Campaign = server.ask(create.into_iter().chain(policy))?;
        Ok(Underway { server, campaign: made.campaign.to_string(), clock: self.clock, add })
    }
}

impl Underway<'_> {
    pub(super) fn account(&self) -> anyhow::Result<Account> {
        self.server.account()
    }

    /// Asks for a move and waits for where it leads; seconds from before it was asked to when the ledger had it.
    pub(super) fn moved(&self, verb: &str, to: CampaignState) -> anyhow::Result<f64> {
        let asked = self.clock.now();
        self.asked(verb)?;
        Ok(seconds(asked, self.ends(to)?))
    }

    /// Asks for a move.
    pub(super) fn asked(&self, verb: &str) -> anyhow::Result<()> {
        self.server.ask::<Value>(["campaign", "act", &self.campaign, verb]).map(drop)
    }

    /// Waits for where it leads; when it was there.
    pub(super) fn ends(&self, to: CampaignState) -> anyhow::Result<Timestamp> {
        self.server.ask::<CampaignProgress>(["campaign", "watch", &self.campaign])?;
        let there: Campaign = self.server.ask(["campaign", "show", &self.campaign])?;
        anyhow::ensure!(there.state == to, "the campaign is {}: {:?}", there.state, there.runs);
        let whole = there.runs.published + there.runs.planned + there.runs.reverted;
        anyhow::ensure!(whole == there.datasets, "{to}: {:?}", there.runs);
        Ok(there.since.0)
    }

    /// The processes of its server's nodes.
    pub(super) fn nodes(&self) -> anyhow::Result<Vec<u32>> {
        self.server.nodes()
    }

    /// Starts it, waits until all is published, and answers for each dataset's name after how many seconds it was.
    pub(super) fn published(&self) -> anyhow::Result<Vec<(String, f64)>> {
        let asked = self.clock.now();
        self.moved("start", CampaignState::Soaking)?;
        let runs: Vec<Run> = self.server.ask(["campaign", "runs", &self.campaign, "--limit", "1000000"])?;
        Ok(runs.into_iter().map(|run| (run.name.to_string(), seconds(asked, run.since.0))).collect())
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.0.saturating_sub(from.0) as f64 / 1e3
}
