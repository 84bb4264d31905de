//! Several who ask one child, which is a shell here: it answers each question when a file is there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use skein_types::{Bytes, Clock, Millis, Rule, RuleVerdict, SystemClock, Timestamp};

use super::{Jail, JailOptions};
use crate::asked::{Answer, Asked, Limits, Question};

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
    let (exe, args) = ("/bin/sh".into(), vec!["-c".to_owned(), script]);
    Arc::new(Jail::new(JailOptions { exe, args, memory: Bytes(0) }))
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
