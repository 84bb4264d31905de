//! What the allocator is told of a fleet at a start, and what of budgets a restart does not forget.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use skein_api::QuotaPut;
use skein_ledger::{Charge, Entry, Name, Used};
use skein_types::{Fuel, FuelBudget, Millis, QuotaOf, Timestamp};

use super::{TICK_EVERY, TICK_SOON};
use crate::charges::HOUR;
use crate::control::Control;
use crate::reconcile::tests::planning;
use crate::scene::{HandClock, open};
use crate::settings::Seen;

fn team(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn put(control: &Control, of: &QuotaOf, quota: &QuotaPut) {
    control.put_quota(control.everybody(), (of, Seen::Any), quota).unwrap();
}

fn fuel(control: &Control, of: &QuotaOf) -> Option<u64> {
    Some(control.explain_quota(of).unwrap().account?.fuel?.0)
}

#[test]
fn fuel_that_was_spent_is_known_to_the_next_process_of_all_and_of_teams_under_the_default() {
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let control = open(place.path(), &clock);
    planning(&control);
    // Windows of an hour and a half: this one began at half past ten.
    clock.0.store(10 * HOUR + HOUR / 2 + 60_000, Ordering::SeqCst);
    let spent = [("shop", 10, 70), ("desk", 10, 30), ("shop", 9, 5)];
    let charges = spent.map(|(name, hour, fuel)| {
        let used = Used { fuel: Fuel(fuel), ..Used::default() };
        let (team, hour) = (team(name), Timestamp(hour * HOUR));
        Entry::Charge(Charge { team, campaign: None, module: None, hour, used })
    });
    control.write(charges.into_iter().fold(control.itself.unit(), skein_ledger::Unit::then)).unwrap();
    let budget = |fuel| QuotaPut {
        fuel: Some(FuelBudget { fuel: Fuel(fuel), per: Millis(HOUR + HOUR / 2) }),
        ..QuotaPut::default()
    };
    put(&control, &QuotaOf::Org, &budget(1_000));
    put(&control, &QuotaOf::Default, &budget(60));
    drop(control);

    let control = open(place.path(), &clock);
    assert_eq!(fuel(&control, &QuotaOf::Org), Some(100));
    assert_eq!(fuel(&control, &QuotaOf::Team(team("shop"))), Some(70));
    let why = control.explain_quota(&QuotaOf::Team(team("shop"))).unwrap().account.unwrap().why;
    assert!(why.is_some_and(|why| why.contains("fuel")), "its budget is spent");
}

#[test]
fn what_waits_is_counted_again_for_an_idle_node_only_if_something_came() {
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let control = open(place.path(), &clock);
    planning(&control);
    put(&control, &QuotaOf::Default, &QuotaPut { weight: 2, ..QuotaPut::default() });
    let mut state = control.state();
    let soon = |at: Duration, state: &mut crate::control::State| {
        clock.0.store(u64::try_from(at.as_millis()).unwrap(), Ordering::SeqCst);
        assert!(control.divide_soon(state).unwrap());
        state.division.at.unwrap()
    };
    let begin = Duration::from_secs(1);
    assert_eq!(soon(begin, &mut state), begin);
    let later = begin + TICK_EVERY;
    assert_eq!(soon(later, &mut state), begin, "nothing came");
    control.wake.nodes();
    assert_eq!(soon(later, &mut state), later, "something was queued");
    control.wake.nodes();
    assert_eq!(soon(later + TICK_SOON / 2, &mut state), later, "not that soon");
    state.division.more = true;
    let last = later + TICK_SOON;
    assert_eq!(soon(last, &mut state), last, "more may wait than was counted");
    assert_eq!(soon(last + TICK_EVERY, &mut state), last);
}
