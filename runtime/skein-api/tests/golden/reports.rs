//! Of what is kept and passed on: a campaign's report, the head of the record.

use crate::samples::{digest, meters, rows, text, uuid};
use crate::{plans, public};
use skein_api::{CampaignReport, ChainHead, FailureKind, GivenUp, Guessed, HumanAction, List};
use skein_types::{Bytes, CampaignId, CampaignState, Millis};

pub(crate) fn head() -> ChainHead {
    ChainHead { position: 1_234, hash: digest("head") }
}

pub(crate) fn report() -> CampaignReport {
    let campaign = public::campaign();
    let failed = FailureKind {
        code: text("SK0302"),
        title: text("the module reported a failure"),
        runs: 3,
        seq: 17,
        example: text("orders"),
        message: text("bad ts"),
        next: text("mend the module"),
    };
    let guessed = Guessed { quantity: text("fuel"), estimated: 120, actual: 100, error_percent: Some(20) };
    CampaignReport {
        campaign: CampaignId::new(uuid(3)),
        name: campaign.name,
        owner: campaign.owner,
        state: CampaignState::Soaking,
        why: campaign.why,
        made: public::time(),
        started: Some(public::time()),
        rolled_out: Some(public::time()),
        took_ms: Some(Millis(34_000)),
        module: campaign.module,
        module_name: Some(text("prefs@2.0.0")),
        params: campaign.params,
        plan: Some(digest("plan")),
        policy: campaign.policy,
        datasets: campaign.datasets,
        runs: campaign.runs,
        waves: campaign.waves,
        rows: rows(),
        meters: meters(),
        broken_glass: true,
        guessed: List::new(vec![guessed]).unwrap(),
        source: Some(text("https://git.example/shop/prefs, commit 9f3c2ab")),
        round_trips: 3,
        soak: campaign.soak,
        gone: GivenUp { runs: 2, versions: 2, files: 4, bytes: Bytes(9_000), last: Some(public::time()) },
        left_out: plans::report().reasons,
        failures: List::new(vec![failed]).unwrap(),
        more_failures: 2,
        success: 99_700,
        per_hour: Some(30_388),
        human_actions: 6,
        actions: List::new(vec![HumanAction {
            at: public::time(),
            actor: text("ada"),
            what: text("campaign.moved running"),
            reason: Some(text("the canary is good")),
            decisions: 1,
            position: 4711,
        }])
        .unwrap(),
        head: head(),
    }
}
