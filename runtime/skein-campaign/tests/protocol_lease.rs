//! A node's lease against a control that counts it: random delays, losses and outages, one clock.
//!
//! The two clocks of a real fleet go equally fast to within the margin; here they are one, so that what is checked is the
//! arithmetic and not the margin.

use std::time::Duration;

use proptest::prelude::*;
use skein_campaign::lease::{LeaseCommand, LeaseInput, LeaseTerms, NodeLease, NodeLost};
use skein_campaign::task::{Receive, Session};

const TERMS: LeaseTerms = LeaseTerms::STANDARD;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How long each message takes; `None`: it is lost.
fn delays() -> impl Strategy<Value = Vec<Option<u64>>> {
    let delay = prop_oneof![
        6 => (0_u64..50).prop_map(Some),
        1 => (0_u64..9_000).prop_map(Some),
        2 => Just(None),
    ];
    prop::collection::vec(delay, 1..120)
}

#[derive(Clone, Copy, Debug)]
enum Travel {
    Register,
    Exchange { incarnation: u64, sequence: u64 },
    Answer(LeaseInput),
}

/// One node and one control, moved from event to event.
struct World {
    node: NodeLease,
    session: Session,
    /// Control gives the node's tasks away then.
    over: Option<Duration>,
    travels: Vec<(Duration, Travel)>,
    delays: std::vec::IntoIter<Option<u64>>,
    sent: Vec<(Duration, u64, u64)>,
    exit: Option<NodeLost>,
}

impl World {
    fn new(delays: Vec<Option<u64>>) -> Self {
        Self {
            node: NodeLease::new(TERMS, ms(0)),
            session: Session::default(),
            over: None,
            travels: Vec::new(),
            delays: delays.into_iter(),
            sent: Vec::new(),
            exit: None,
        }
    }

    fn tell(&mut self, now: Duration, input: LeaseInput) {
        for command in self.node.step(now, input) {
            match command {
                LeaseCommand::Register => self.travel(now, Travel::Register),
                LeaseCommand::Send { incarnation, sequence }
                | LeaseCommand::SendAgain { incarnation, sequence } => {
                    self.sent.push((now, incarnation, sequence));
                    self.travel(now, Travel::Exchange { incarnation, sequence });
                }
                LeaseCommand::Exit(why) => self.exit = Some(why),
                LeaseCommand::Freeze | LeaseCommand::Thaw | LeaseCommand::Kill => {}
            }
        }
    }

    /// When the delays are used up everything gets through.
    fn travel(&mut self, now: Duration, travel: Travel) {
        if let Some(delay) = self.delays.next().unwrap_or(Some(1)) {
            self.travels.push((now + ms(delay), travel));
        }
    }

    fn arrive(&mut self, now: Duration, travel: Travel) {
        let answer = match travel {
            Travel::Answer(input) => {
                self.tell(now, input);
                return;
            }
            Travel::Register => {
                self.session = self.session.ended();
                self.over = Some(now + TERMS.lease + LeaseTerms::GRACE);
                LeaseInput::Registered { incarnation: self.session.incarnation }
            }
            Travel::Exchange { incarnation, sequence } => match self.session.receive(incarnation, sequence) {
                Ok(Receive::Fresh(session)) => {
                    self.session = session;
                    self.over = Some(now + TERMS.lease + LeaseTerms::GRACE);
                    LeaseInput::Answered { incarnation, sequence }
                }
                Ok(Receive::Again) => LeaseInput::Answered { incarnation, sequence },
                Err(_) if incarnation == self.session.incarnation => return,
                Err(_) => LeaseInput::Fenced { incarnation },
            },
        };
        self.travel(now, Travel::Answer(answer));
    }

    /// To the next event; `None` when the node is gone.
    fn next(&mut self) -> Option<Duration> {
        let wake = self.node.wake()?;
        let events = self.travels.iter().map(|(at, _)| *at).chain(self.over);
        let now = events.fold(wake, Duration::min);
        if self.over == Some(now) {
            // Its tasks go to others, and it is told when it speaks.
            assert!(!self.node.believes(now), "believes at {now:?} what control has ended");
            self.session = self.session.ended();
            self.over = None;
        } else if let Some(place) = self.travels.iter().position(|(at, _)| *at == now) {
            let (_, travel) = self.travels.swap_remove(place);
            self.arrive(now, travel);
        } else {
            self.tell(now, LeaseInput::Tick);
        }
        Some(now)
    }
}

proptest! {
    #[test]
    fn a_node_never_believes_in_a_lease_that_control_has_ended(delays in delays()) {
        let mut world = World::new(delays);
        for _ in 0..2_000 {
            if world.next().is_none() {
                break;
            }
        }
    }

    #[test]
    fn when_everything_gets_through_again_a_node_that_is_not_gone_believes_and_speaks_every_two_seconds(
        delays in delays()
    ) {
        let mut world = World::new(delays);
        let mut now = ms(0);
        while world.delays.len() > 0 && world.exit.is_none() {
            now = world.next().unwrap_or(now);
        }
        let calm = now + TERMS.lease + TERMS.lease + TERMS.patience;
        let end = calm + ms(60_000);
        while now < end && world.exit.is_none() {
            now = world.next().unwrap_or(end);
            if now > calm {
                prop_assert!(world.exit.is_some() || world.node.believes(now), "at {:?}", now);
            }
        }
        let late: Vec<_> = world.sent.iter().map(|(at, ..)| *at).filter(|at| *at > calm).collect();
        let gaps = late.windows(2).map(|pair| pair[1] - pair[0]);
        prop_assert!(gaps.clone().all(|gap| gap <= TERMS.exchange + ms(2)), "{:?}", gaps.max());
        prop_assert!(world.exit.is_some() || late.len() >= 29, "{}", late.len());
    }

    #[test]
    fn numbers_follow_each_other_and_are_repeated_only_until_they_are_answered(delays in delays()) {
        let mut world = World::new(delays);
        for _ in 0..1_000 {
            if world.next().is_none() {
                break;
            }
        }
        for pair in world.sent.windows(2) {
            let ((_, was, before), (_, is, after)) = (pair[0], pair[1]);
            let follows = is == was && (after == before || after == before + 1);
            prop_assert!(follows || (is > was && after == 1), "{:?}", pair);
        }
    }
}

/// Registered at 0 and answered at once.
fn member() -> NodeLease {
    let mut node = NodeLease::new(TERMS, ms(0));
    assert_eq!(node.step(ms(0), LeaseInput::Tick), [LeaseCommand::Register]);
    let sent = node.step(ms(0), LeaseInput::Registered { incarnation: 3 });
    assert_eq!(sent, [LeaseCommand::Send { incarnation: 3, sequence: 1 }]);
    assert_eq!(node.step(ms(0), LeaseInput::Answered { incarnation: 3, sequence: 1 }), []);
    node
}

#[test]
fn belief_counts_from_when_the_exchange_was_sent_and_not_from_its_answer() {
    let mut node = member();
    assert_eq!(node.step(ms(2_000), LeaseInput::Tick), [LeaseCommand::Send { incarnation: 3, sequence: 2 }]);
    assert_eq!(node.step(ms(3_900), LeaseInput::Answered { incarnation: 3, sequence: 2 }), []);
    assert!(node.believes(ms(9_999)) && !node.believes(ms(10_000)));
}

#[test]
fn an_answer_to_an_earlier_registration_that_comes_late_is_not_taken() {
    let mut node = member();
    node.step(ms(2_000), LeaseInput::Tick);
    let again = [LeaseCommand::Kill, LeaseCommand::Register];
    assert_eq!(node.step(ms(2_010), LeaseInput::Fenced { incarnation: 3 }), again);
    assert_eq!(node.step(ms(2_020), LeaseInput::Registered { incarnation: 2 }), []);
    let first = [LeaseCommand::Send { incarnation: 4, sequence: 1 }];
    assert_eq!(node.step(ms(2_030), LeaseInput::Registered { incarnation: 4 }), first);
}

#[test]
fn an_exchange_that_was_sent_twice_counts_from_the_first_time() {
    let mut node = member();
    node.step(ms(2_000), LeaseInput::Tick);
    assert_eq!(node.step(ms(2_050), LeaseInput::Unanswered), []);
    let again = LeaseCommand::SendAgain { incarnation: 3, sequence: 2 };
    assert_eq!(node.step(ms(2_149), LeaseInput::Tick), []);
    assert_eq!(node.step(ms(2_150), LeaseInput::Tick), [again]);
    node.step(ms(2_200), LeaseInput::Answered { incarnation: 3, sequence: 2 });
    assert!(node.believes(ms(9_999)) && !node.believes(ms(10_000)));
}

#[test]
fn the_next_exchange_waits_for_the_answer_and_then_for_news_or_two_seconds() {
    let mut node = member();
    let second = [LeaseCommand::Send { incarnation: 3, sequence: 2 }];
    assert_eq!(node.step(ms(10), LeaseInput::News), second);
    assert_eq!(node.step(ms(20), LeaseInput::News), [], "one in flight");
    let third = [LeaseCommand::Send { incarnation: 3, sequence: 3 }];
    assert_eq!(node.step(ms(30), LeaseInput::Answered { incarnation: 3, sequence: 2 }), third);
    assert_eq!(node.step(ms(40), LeaseInput::Answered { incarnation: 3, sequence: 3 }), []);
    assert_eq!(node.wake(), Some(ms(2_030)));
    assert_eq!(node.step(ms(2_029), LeaseInput::Tick), []);
    assert_eq!(node.step(ms(2_030), LeaseInput::Tick).len(), 1);
}

#[test]
fn an_answer_that_was_kept_for_as_long_as_may_be_is_followed_by_the_next_exchange_at_once() {
    let mut node = member();
    assert_eq!(node.step(ms(2_000), LeaseInput::Tick).len(), 1);
    let third = [LeaseCommand::Send { incarnation: 3, sequence: 3 }];
    assert_eq!(node.step(ms(4_000), LeaseInput::Answered { incarnation: 3, sequence: 2 }), third);
}

#[test]
fn when_belief_ends_the_node_freezes_once_and_thaws_when_it_is_answered() {
    let mut node = member();
    node.step(ms(2_000), LeaseInput::Tick);
    assert_eq!(
        node.step(ms(7_999), LeaseInput::Unanswered),
        [LeaseCommand::SendAgain { incarnation: 3, sequence: 2 }]
    );
    assert_eq!(node.step(ms(8_000), LeaseInput::Tick), [LeaseCommand::Freeze]);
    assert!(!node.believes(ms(8_000)));
    assert_eq!(node.step(ms(8_001), LeaseInput::Tick), []);
    let thaw = node.step(ms(8_100), LeaseInput::Answered { incarnation: 3, sequence: 2 });
    assert_eq!(thaw, [LeaseCommand::Thaw, LeaseCommand::Send { incarnation: 3, sequence: 3 }]);
    assert!(node.believes(ms(8_100)));
}

#[test]
fn an_answer_that_comes_after_the_lease_that_it_gives_leaves_the_node_frozen_and_asking() {
    let mut node = member();
    node.step(ms(2_000), LeaseInput::Tick);
    node.step(ms(8_000), LeaseInput::Tick);
    let late = node.step(ms(10_500), LeaseInput::Answered { incarnation: 3, sequence: 2 });
    assert_eq!(late, [LeaseCommand::Send { incarnation: 3, sequence: 3 }]);
    assert!(!node.believes(ms(10_500)));
    assert_eq!(
        node.step(ms(10_600), LeaseInput::Answered { incarnation: 3, sequence: 3 }),
        [LeaseCommand::Thaw]
    );
}

#[test]
fn a_fenced_node_kills_everything_and_registers_and_one_that_is_fenced_as_what_it_was_does_not() {
    let mut node = member();
    assert_eq!(node.step(ms(100), LeaseInput::Fenced { incarnation: 2 }), []);
    let fenced = node.step(ms(200), LeaseInput::Fenced { incarnation: 3 });
    assert_eq!(fenced, [LeaseCommand::Kill, LeaseCommand::Register]);
    assert!(!node.believes(ms(200)));
    let joined = node.step(ms(300), LeaseInput::Registered { incarnation: 4 });
    assert_eq!(joined, [LeaseCommand::Send { incarnation: 4, sequence: 1 }]);
    assert!(node.believes(ms(300)));
}

#[test]
fn a_node_that_hears_nobody_for_a_minute_kills_everything_and_ends() {
    let mut node = member();
    let mut now = ms(0);
    let end = loop {
        now = node.wake().unwrap_or_else(|| panic!("gone without a word at {now:?}"));
        let commands = node.step(now, LeaseInput::Tick);
        if let [LeaseCommand::Kill, end @ LeaseCommand::Exit(_)] = commands[..] {
            break end;
        }
    };
    assert_eq!((now, end), (ms(60_000), LeaseCommand::Exit(NodeLost::Alone { silent: ms(60_000) })));
    assert_eq!(NodeLost::Alone { silent: ms(60_000) }.code().exit_code(), 75);
    assert_eq!((node.wake(), node.step(now, LeaseInput::News)), (None, vec![]));
}

#[test]
fn a_node_that_control_does_not_take_ends_at_once() {
    let mut node = NodeLease::new(TERMS, ms(0));
    node.step(ms(0), LeaseInput::Tick);
    let denied = node.step(ms(5), LeaseInput::Denied);
    assert_eq!(denied, [LeaseCommand::Kill, LeaseCommand::Exit(NodeLost::Denied)]);
}
