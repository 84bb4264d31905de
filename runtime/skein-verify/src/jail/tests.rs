//! Several who ask one child, which is a shell here: it answers each question when a file is there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use skein_types::{Bytes, Clock, Millis, Rule, RuleVerdict, SystemClock, Timestamp};

use super::{Jail, JailOptions};
use crate::asked::{Answer, Asked, Limits, Question, Whose};

/// Stands at none and goes on by more than all rules may take when it is told to. It says when it, or who asks by it, was looked at.
#[derive(Debug, Default)]
struct HandClock {
    later: AtomicBool,
    seen: AtomicBool,
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn elapsed(&self) -> Duration {
        self.seen.store(true, Ordering::SeqCst);
        let later = self.later.load(Ordering::SeqCst);
        if later { Duration::from_millis(Limits::STANDARD.all.0 + 1) } else { Duration::ZERO }
    }
}

fn jail(place: &Path) -> Arc<Jail> {
    let script = format!(
        r#"while read -r line; do
            : > '{at}/begun'
            until [ -e '{at}/go' ]; do sleep 0.02; done
            echo '{{"verdict":"pass","observed":""}}'
        done"#,
        at = place.display()
    );
    shells(script, 1)
}

fn shells(script: String, children: usize) -> Arc<Jail> {
    let (exe, args) = ("/bin/sh".into(), vec!["-c".to_owned(), script]);
    Arc::new(Jail::new(JailOptions { exe, args, memory: Bytes(0), children }))
}

fn rule(name: &str, whose: Whose) -> Asked {
    let rule = serde_json::from_str(&format!(r#"{{"name":"{name}","reconcile":true}}"#)).unwrap();
    Asked { whose, ..Asked::alone(rule) }
}

fn question() -> Question {
    let rule = serde_json::from_str::<Rule>(r#"{"name":"r","reconcile":true}"#).unwrap();
    let limits = Limits { wall: Millis(120_000), ..Limits::STANDARD };
    Question { tables: Vec::new(), rules: vec![Asked::alone(rule)], limits }
}

fn until(is_so: impl Fn() -> bool) {
    let clock = SystemClock::start();
    while !is_so() {
        assert!(clock.elapsed() < Duration::from_secs(30), "it never is");
        thread::yield_now();
    }
}

/// Asks in a thread of its own; how it is answered.
fn asking(jail: &Arc<Jail>, clock: &Arc<HandClock>, stops: bool) -> Receiver<Vec<Answer>> {
    let (jail, clock, (sender, answers)) = (Arc::clone(jail), Arc::clone(clock), sync_channel(1));
    thread::spawn(move || {
        let stop = || {
            clock.seen.store(true, Ordering::SeqCst);
            stops
        };
        sender.send(jail.ask(&question(), &*clock, &stop)).unwrap();
    });
    answers
}

#[test]
fn the_time_that_others_rules_take_is_not_that_of_who_waits() {
    let place = tempfile::tempdir().unwrap();
    let (jail, second) = (jail(place.path()), Arc::new(HandClock::default()));
    let before = asking(&jail, &Arc::default(), false);
    until(|| place.path().join("begun").exists());
    let waits = asking(&jail, &second, false);
    until(|| second.seen.load(Ordering::SeqCst));
    second.later.store(true, Ordering::SeqCst);
    std::fs::File::create(place.path().join("go")).unwrap();
    for answers in [before, waits] {
        let answers = answers.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(answers[0].verdict, RuleVerdict::Pass, "{}", answers[0].observed);
    }
}

#[test]
fn who_waits_for_others_rules_is_let_go_when_its_run_is_stopped() {
    let place = tempfile::tempdir().unwrap();
    let (jail, second) = (jail(place.path()), Arc::new(HandClock::default()));
    let before = asking(&jail, &Arc::default(), false);
    until(|| place.path().join("begun").exists());
    let answers = asking(&jail, &second, true).recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(answers[0].observed.as_str().contains("the run is stopped"), "{}", answers[0].observed);
    std::fs::File::create(place.path().join("go")).unwrap();
    assert_eq!(before.recv_timeout(Duration::from_secs(30)).unwrap()[0].verdict, RuleVerdict::Pass);
}

#[test]
fn who_asks_beside_slow_rules_of_others_does_not_wait_while_there_is_a_child_for_each() {
    let place = tempfile::tempdir().unwrap();
    let script = format!(
        r#"while read -r line; do
            case "$line" in *'"slow"'*)
                : > '{at}/begun'
                until [ -e '{at}/go' ]; do sleep 0.02; done;;
            esac
            echo '{{"verdict":"pass","observed":""}}'
        done"#,
        at = place.path().display()
    );
    let jail = shells(script, 2);
    let (slow, clock) = (Arc::clone(&jail), SystemClock::start());
    let asks = |name: &str| Question { rules: vec![rule(name, Whose::Owner)], ..question() };
    let slows = asks("slow");
    let before = thread::spawn(move || slow.ask(&slows, &SystemClock::start(), &|| false));
    until(|| place.path().join("begun").exists());
    let answers = jail.ask(&asks("quick"), &clock, &|| false);
    assert_eq!(answers[0].verdict, RuleVerdict::Pass, "{}", answers[0].observed);
    assert!(!before.is_finished());
    std::fs::File::create(place.path().join("go")).unwrap();
    assert_eq!(before.join().unwrap()[0].verdict, RuleVerdict::Pass);
}

#[test]
fn after_a_rule_that_took_too_long_the_rest_of_its_set_is_not_tried_and_others_are() {
    let script = r#"while read -r line; do
        case "$line" in
            *'"first"'*) echo '{"verdict":"inconclusive","observed":"slow","late":true}';;
            *'"second"'*) sleep 1000;;
            *) echo '{"verdict":"pass","observed":""}';;
        esac
    done"#;
    let jail = shells(script.to_owned(), 1);
    let bi = || Whose::Reader(skein_types::Name::new("bi").unwrap());
    let rules = vec![rule("first", bi()), rule("second", bi()), rule("third", Whose::Owner)];
    let answers = jail.ask(&Question { rules, ..question() }, &SystemClock::start(), &|| false);
    let said: Vec<&str> = answers.iter().map(|answer| answer.observed.as_str()).collect();
    assert_eq!(said, ["slow", "it is not tried: another rule of the same team took too long", ""]);
    assert_eq!(answers[2].verdict, RuleVerdict::Pass);
}

/// Goes on by ten seconds whenever it is looked at.
#[derive(Debug, Default)]
struct Striding(std::sync::atomic::AtomicU64);

impl Clock for Striding {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(10 * self.0.fetch_add(1, Ordering::SeqCst))
    }
}

#[test]
fn readers_rules_take_their_share_of_the_time_and_leave_the_rest() {
    let script = r#"while read -r line; do echo '{"verdict":"pass","observed":""}'; done"#;
    let jail = shells(script.to_owned(), 1);
    let of = |team: &str| Whose::Reader(skein_types::Name::new(team).unwrap());
    let limits = Limits { all: Millis(3_600_000), ..Limits::STANDARD };
    let mut rules: Vec<Asked> = ["a", "b", "c", "d", "e"].map(|team| rule("r", of(team))).into();
    rules.push(rule("r", Whose::Owner));
    // A shell answers one rule a question, so each is asked by itself.
    let answers: Vec<Answer> =
        jail.ask(&Question { rules, limits, ..question() }, &Striding::default(), &|| false);
    let passes = |answer: &Answer| answer.verdict == RuleVerdict::Pass;
    assert!(passes(&answers[0]) && passes(&answers[5]), "{answers:?}");
    assert!(!passes(&answers[4]), "{answers:?}");
    assert!(answers[4].observed.as_str().contains("readers' rules together"), "{answers:?}");
}
