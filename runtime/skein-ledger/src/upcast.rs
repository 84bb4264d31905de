//! From each version of a body to the next. Pure functions that stay as long as a ledger may hold what they read.

use serde_json::Value;

use crate::event::{Kind, Unreadable};

/// Makes of a body of version `from` one of version `from + 1`.
pub(crate) struct Upcaster {
    pub(crate) kind: Kind,
    pub(crate) from: u32,
    pub(crate) next: fn(Value) -> Value,
}

/// All of them.
pub(crate) const UPCASTERS: &[Upcaster] = &[
    // Where it was made from was not asked: nothing is said of it.
    Upcaster { kind: Kind::ModuleSubmitted, from: 1, next: |body| body },
    // Its parameters could name no secrets.
    Upcaster { kind: Kind::CampaignCreated, from: 1, next: |body| body },
    // Nobody had to approve it, so it did not say whose it was.
    Upcaster { kind: Kind::RunPlanned, from: 1, next: |body| body },
    // What went was not said.
    Upcaster { kind: Kind::RunFinalized, from: 1, next: |body| body },
];

/// The body as the version that this program writes has it.
pub(crate) fn to_current(
    upcasters: &[Upcaster],
    kind: Kind,
    (found, known): (u32, u32),
    body: Value,
) -> Result<Value, Unreadable> {
    let refused = Unreadable::Schema { kind, found, known };
    if found == 0 || found > known {
        return Err(refused);
    }
    let mut body = body;
    for from in found..known {
        match upcasters.iter().find(|up| up.kind == kind && up.from == from) {
            Some(up) => body = (up.next)(body),
            None => return Err(refused),
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::{UPCASTERS, Upcaster, to_current};
    use crate::event::Kind;
    use serde_json::{Value, json};

    fn with(mut body: Value, key: &str) -> Value {
        body[key] = json!(1);
        body
    }

    const STEPS: [Upcaster; 3] = [
        Upcaster { kind: Kind::NodeLeft, from: 2, next: |body| with(body, "third") },
        Upcaster { kind: Kind::NodeLeft, from: 1, next: |body| with(body, "second") },
        Upcaster { kind: Kind::NodeLost, from: 1, next: |body| with(body, "another") },
    ];

    #[test]
    fn an_old_body_goes_through_every_version_up_to_the_current_one() {
        let body = |found| to_current(&STEPS, Kind::NodeLeft, (found, 3), json!({})).unwrap();
        assert_eq!(body(1), json!({"second": 1, "third": 1}));
        assert_eq!(body(2), json!({"third": 1}));
        assert_eq!(body(3), json!({}));
    }

    #[test]
    fn a_newer_version_and_one_that_nothing_leads_from_are_refused() {
        for (kind, versions) in [(Kind::NodeLeft, (4, 3)), (Kind::NodeLeft, (0, 3)), (Kind::NodeLost, (1, 3))]
        {
            assert!(to_current(&STEPS, kind, versions, json!({})).is_err(), "{kind} {versions:?}");
        }
    }

    #[test]
    fn every_version_that_was_ever_written_has_its_upcaster() {
        for kind in Kind::ALL {
            for from in 1..kind.schema() {
                let found = UPCASTERS.iter().filter(|up| up.kind == *kind && up.from == from).count();
                assert_eq!(found, 1, "{kind} from version {from}");
            }
        }
    }
}
