//! The server alone is killed, again and again, in everything that it does. A round is a kill.

use std::collections::BTreeMap;
use std::time::Duration;

use host_tests::dice::{Dice, setting};
use host_tests::service::Service;
use serde_json::json;
use skein_ledger::Head;
use skein_types::CampaignId;

use crate::datasets::{rows, versions};
use crate::record::Record;
use crate::story::Story;

const DATASETS: u64 = 12;
const ROUNDS: u64 = 8;

/// A server that is killed, and what is known of it from the time before.
struct Victim {
    service: Service,
    dice: Dice,
    /// Of the chain, at the last kill.
    head: Option<Head>,
    /// How often it was killed with a campaign in which state.
    kills: BTreeMap<String, u64>,
}

impl Victim {
    fn kills(&self) -> u64 {
        self.kills.values().sum()
    }

    /// Asks for something and kills the server once or twice, soon after it was asked or started again. Then lets it
    /// go on until there is nothing to wait for: in the state that is the aim, whether the first request was heard or not.
    fn act(&mut self, campaign: &str, (verb, from, to): (&str, &str, &str)) {
        let call = |service: &Service| match verb {
            "finalize" => service.acting(campaign, verb).arg("--now"),
            _ => service.acting(campaign, verb),
        };
        let mut asked = Some(call(&self.service).start());
        for _ in 0..=self.dice.roll(2) {
            std::thread::sleep(Duration::from_millis(self.dice.roll(500)));
            self.service.kill();
            // Whatever it was answered.
            asked.take().map(host_tests::call::Running::finish);
            self.look(campaign.parse().unwrap());
            self.service.start_again();
        }
        if self.service.watched(campaign)["state"] == from {
            call(&self.service).finish().succeeded();
        }
        let done = self.service.watched(campaign);
        assert_eq!(done["state"], to, "after {verb}: {done}");
    }

    /// With nobody at the ledger.
    fn look(&mut self, campaign: CampaignId) {
        let record = Record::of(&self.service);
        self.head = Some(record.checked(self.head));
        let state = record.campaign(campaign).state.to_string();
        *self.kills.entry(state).or_default() += 1;
        Story::of(&record.events(Some(campaign)));
    }
}

#[test]
fn a_server_that_is_killed_in_whatever_it_does_goes_on_and_does_everything_once() {
    let (rounds, seed) = (setting("SKEIN_SOAK_ROUNDS", ROUNDS), setting("SKEIN_SEED", 6));
    println!("{rounds} rounds, seed {seed}");
    let service = Service::start(i64::try_from(DATASETS).unwrap()).with_module_and_datasets();
    let mut victim = Victim { service, dice: Dice(seed), head: None, kills: BTreeMap::new() };
    let (mut undone, mut kept) = (0, 0);
    let mut column = "customer".to_owned();
    while victim.kills() < rounds || undone == 0 || kept == 0 {
        let next = format!("customer-{}", undone + kept);
        let params = json!({ "name": next, "steps": [{ "rename": column, "to": next }] });
        let campaign = victim.service.campaign_of("columns@1", &params, &json!({ "migration": next }));
        let before = victim.service.trees();
        victim.act(&campaign, ("plan", "draft", "planned"));
        assert_eq!(victim.service.trees(), before);
        victim.act(&campaign, ("start", "planned", "soaking"));
        if undone <= kept {
            victim.act(&campaign, ("roll_back", "soaking", "rolled_back"));
            assert_eq!(victim.service.trees(), before);
            undone += 1;
        } else {
            victim.act(&campaign, ("finalize", "soaking", "succeeded"));
            (column, kept) = (next, kept + 1);
        }
        for dataset in &victim.service.datasets {
            assert_eq!(versions(dataset), (undone + kept, undone), "{}", dataset.display());
            assert!(rows(dataset).1.contains(&column), "{}", dataset.display());
        }
    }
    println!("{} kills, by the state of the campaign: {:?}", victim.kills(), victim.kills);
    // Chance has to have met all that takes time; the short form is too short to ask that of it.
    let met =
        ["planning", "running", "rolling_back", "finalizing"].map(|state| victim.kills.contains_key(state));
    assert!(rounds < 200 || met == [true; 4], "{:?}", victim.kills);
}
