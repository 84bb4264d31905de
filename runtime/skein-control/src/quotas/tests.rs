//! Quotas outlive neither their campaign nor their team, and what is wrong already keeps no other change out.

use std::sync::Arc;

use skein_api::QuotaPut;
use skein_ledger::{DatasetRemoved, Limit, Name, TeamCreated, Text};
use skein_types::{Bounds, NodeId, QuotaOf, Resource, codes};
use uuid::Uuid;

use crate::control::Control;
use crate::error::ServiceError;
use crate::reconcile::tests::{act, look, planning};
use crate::scene::{HandClock, open, seat};
use crate::settings::Seen;

fn slots(guaranteed: u64) -> QuotaPut {
    let bounds = Bounds { guaranteed, limit: None, lendable: None };
    QuotaPut { bounds: [(Resource::Slots, bounds)].into(), ..QuotaPut::default() }
}

fn put(control: &Control, of: &QuotaOf, quota: &QuotaPut) -> Result<(), ServiceError> {
    control.put_quota(control.everybody(), (of, Seen::Any), quota).map(drop)
}

fn set(control: &Control) -> Vec<String> {
    let quotas = control.ledger.quotas(None, Limit::MAX).unwrap().items;
    quotas.iter().map(|row| row.of.to_string()).collect()
}

#[test]
fn a_quota_is_changed_while_others_do_not_add_up_if_the_change_adds_nothing_to_it() {
    let place = tempfile::tempdir().unwrap();
    let control = open(place.path(), &Arc::new(HandClock::default()));
    let nodes = [1, 2].map(|number| NodeId::new(Uuid::from_u128(number)));
    for node in nodes {
        control.state().fleet.seats.insert(node, seat(&node.to_string(), 5));
    }
    let local = QuotaOf::Team(Name::new("local").unwrap());
    let (default, org) = (QuotaOf::Default, QuotaOf::Org);
    put(&control, &local, &slots(10)).unwrap();
    control.state().fleet.seats.remove(&nodes[1]);
    let refused = |asked: Result<(), ServiceError>| asked.unwrap_err().code == codes::QUOTAS_DO_NOT_ADD_UP;
    assert!(refused(put(&control, &local, &slots(11))));
    assert!(refused(put(&control, &org, &slots(4))), "that it is more than there is says nothing of this");
    put(&control, &local, &QuotaPut { weight: 3, ..slots(10) }).unwrap();
    put(&control, &default, &QuotaPut::default()).unwrap();
    put(&control, &local, &slots(7)).unwrap();
    assert!(refused(put(&control, &local, &slots(8))), "it was lowered, and that is what counts now");
}

#[test]
fn quotas_go_with_their_campaigns_and_teams_and_stand_in_nobodys_way_until_then() {
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let control = open(place.path(), &clock);
    let shop = Name::new("shop").unwrap();
    let made = TeamCreated { team: shop.clone(), note: Text::clip("") };
    control.write(control.itself.unit().decide(made)).unwrap();
    let [seen, unseen] = [planning(&control), planning(&control)].map(QuotaOf::Campaign);
    put(&control, &seen, &QuotaPut::default()).unwrap();
    put(&control, &unseen, &QuotaPut::default()).unwrap();
    put(&control, &QuotaOf::Team(shop), &QuotaPut::default()).unwrap();
    let cancel = |of: &QuotaOf| {
        let QuotaOf::Campaign(id) = of else { unreachable!("made above") };
        act(&control, *id, "cancel", "planning");
    };
    cancel(&seen);
    put(&control, &QuotaOf::Default, &QuotaPut::default()).unwrap();
    look(&control);
    assert!(!set(&control).contains(&seen.to_string()));

    // The process dies before it looks again.
    cancel(&unseen);
    drop(control);
    let control = open(place.path(), &clock);
    assert_eq!(set(&control), ["default", "team:shop"]);
    for dataset in control.ledger.datasets(&Default::default(), None, Limit::MAX).unwrap().items {
        let removed = DatasetRemoved { dataset: dataset.id, reason: Text::clip("") };
        control.write(control.itself.unit().decide(removed)).unwrap();
    }
    control.remove_team(control.everybody(), ("shop", Seen::Any), "sold").unwrap();
    assert_eq!(set(&control), ["default"]);
}
