//! How many agents of whose tasks may be begun here, as control said last.

use std::collections::BTreeMap;

use skein_api::Name;
use skein_api::node::{Lease, Permit};
use skein_types::CampaignId;

/// Tasks that are one to a permit: of a team, in a campaign, of a size.
pub(super) type Queue = (Name, CampaignId, bool);

/// What may be begun.
#[derive(Debug, Default)]
pub(super) struct Permits(Option<BTreeMap<Queue, (u32, bool)>>);

/// The queue of a task; none of what is on nobody's account.
pub(super) fn queue(lease: &Lease) -> Option<Queue> {
    Some((lease.team.clone()?, lease.payload.campaign()?, lease.large))
}

impl Permits {
    /// These hold from now on; none: anything may be begun.
    pub(super) fn set(&mut self, said: Option<&[Permit]>) {
        let of = |permit: &Permit| {
            ((permit.team.clone(), permit.campaign, permit.large), (permit.agents, permit.hard))
        };
        self.0 = said.map(|said| said.iter().map(of).collect());
    }

    /// Which of the tasks that wait is begun next, if one may be. `begun` are those that are at work, by queue. A share that is used up
    /// keeps nothing idle; a limit does.
    pub(super) fn next<'l>(
        &self,
        waiting: impl Iterator<Item = &'l Lease> + Clone,
        begun: &BTreeMap<Queue, u32>,
        is_free: bool,
    ) -> Option<usize> {
        let Some(permits) = &self.0 else { return (waiting.count() > 0).then_some(0) };
        let may = |lease: &Lease, beyond: bool| {
            let Some(queue) = queue(lease) else { return true };
            let Some((agents, hard)) = permits.get(&queue) else { return false };
            begun.get(&queue).copied().unwrap_or(0) < *agents || (beyond && !hard)
        };
        let within = waiting.clone().position(|lease| may(lease, false));
        within.or_else(|| is_free.then(|| waiting.clone().position(|lease| may(lease, true))).flatten())
    }

    /// Whether anything may be begun.
    pub(super) const fn are_open(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skein_api::node::{Held, Lease, Payload, Permit, ScanTask};
    use skein_api::{List, Text};
    use skein_types::{AttemptId, Bytes, CampaignId, Millis, TaskId, Token};
    use uuid::Uuid;

    use super::{Permits, queue};

    fn campaign(number: u128) -> CampaignId {
        CampaignId::new(Uuid::from_u128(number))
    }

    fn work() -> serde_json::Value {
        serde_json::json!({
            "module": format!("sha256:{}", "0".repeat(64)), "artifact": format!("blake3:{}", "0".repeat(64)),
            "params": format!("blake3:{}", "0".repeat(64)), "secrets_of": null, "migration": null, "again": false,
            "limits": { "fuel_per_call": 0, "fuel_per_task": 0, "wall_per_call_ms": 0, "wall_per_task_ms": 0,
                "memory": 0, "output_bytes_per_call": 0, "output_bytes_per_batch": 0, "expansion": 0,
                "expansion_floor": 0, "rows_per_answer": 0, "log_lines": 0, "log_bytes": 0, "rejects": 0,
                "state_bytes": 0, "drains_per_batch": 0, "metric_names": 0 },
            "rejects_max": 0, "allow_empty": false, "checkpoint_rows": 0, "names": "hashed",
        })
    }

    fn lease(team: Option<&str>, of: u128) -> Lease {
        let plan = serde_json::json!({
            "kind": "plan", "campaign": campaign(of), "datasets": [], "work": work(),
            "server": format!("srv_{}", "0".repeat(32)), "last": false,
        });
        let scan = Payload::Scan(Box::new(ScanTask { below: Text::escaped("/"), after: None }));
        let payload = if team.is_some() { serde_json::from_value(plan).unwrap() } else { scan };
        let (task, attempt) = (TaskId::new(Uuid::nil()), AttemptId::new(Uuid::nil()));
        Lease {
            held: Held { task, token: Token { generation: 1, epoch: 1 }, attempt },
            large: false,
            checkpoint: 0,
            announce: false,
            estimate_ms: Millis(1),
            memory: Bytes(0),
            team: team.map(Text::escaped),
            trace: None,
            payload,
        }
    }

    fn permit(team: &str, of: u128, agents: u32, hard: bool) -> Permit {
        Permit { team: Text::escaped(team), campaign: campaign(of), large: false, agents, hard }
    }

    #[test]
    fn the_first_within_its_permit_is_next_and_a_limit_keeps_a_hand_idle_where_a_share_does_not() {
        let waiting = [lease(Some("shop"), 1), lease(Some("pay"), 2), lease(None, 0)];
        let begun = |shop: u32, pay: u32| {
            let of = |at: usize| queue(&waiting[at]).unwrap();
            BTreeMap::from([(of(0), shop), (of(1), pay)])
        };
        let mut permits = Permits::default();
        let next =
            |permits: &Permits, count: usize, begun| permits.next(waiting[..count].iter(), &begun, true);
        assert_eq!(next(&permits, 3, begun(9, 9)), Some(0), "nothing is divided");
        let said = List::<_, 4>::new(vec![permit("shop", 1, 1, true), permit("pay", 2, 1, false)]).unwrap();
        permits.set(Some(&said));
        assert_eq!(next(&permits, 2, begun(0, 0)), Some(0));
        assert_eq!(next(&permits, 2, begun(1, 0)), Some(1));
        assert_eq!(next(&permits, 1, begun(1, 0)), None, "a limit");
        assert_eq!(next(&permits, 2, begun(1, 1)), Some(1), "a share is used up and a hand is free");
        assert_eq!(permits.next(waiting[..2].iter(), &begun(1, 1), false), None);
        assert_eq!(next(&permits, 3, begun(1, 1)), Some(2), "on nobody's account");
        permits.set(Some(&[]));
        assert_eq!(next(&permits, 2, begun(0, 0)), None, "no permit at all");
    }
}
