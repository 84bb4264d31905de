//! A server that dies over a notice tells it all the same, with the same id.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use crate::listener::{Does, Listener};
use crate::server::{HERE, add, deliveries, ended, first_is, service, with};

#[test]
fn who_is_killed_between_sending_and_noting_it_sends_it_again_as_it_was() {
    // Its first answer waits until the server is dead.
    let (die, dead) = sync_channel::<()>(1);
    let dead = Arc::new(Mutex::new(dead));
    let listener = Listener::that(move |number| {
        if number == 0 {
            dead.lock().unwrap().recv().ok();
        }
        Does::says("200 OK")
    });
    let mut service = service(1);
    let (id, secret) = add(&service, &listener, "campaign.*");
    ended(&service, "one");
    let first = listener.hears();
    service.kill();
    die.send(()).unwrap();
    service.kill_and_start_again_as(with(HERE));
    let second = listener.hears();
    assert_eq!((second.header("webhook-id"), &second.body), (first.header("webhook-id"), &first.body));
    assert_eq!(second.verified(&secret), Ok(()));
    let row = first_is(&service, &id, "done");
    assert_eq!(row["delivery"], first.header("webhook-id"));
    assert_eq!(deliveries(&service, &id).len(), 1);
}

#[test]
fn who_dies_around_noting_what_happened_notes_it_once() {
    let listener = Listener::start();
    let mut service = service(1);
    let (id, _) = add(&service, &listener, "campaign.*");
    for (number, point) in (1..).zip(["herald.before-noted", "herald.after-noted", "herald.after-sent"]) {
        let settings = service.site.file("skein.toml", HERE);
        let mark = service.site.path(&format!("died-{number}"));
        let said = [("SKEIN_CRASH_AT", point), ("SKEIN_CRASH_ONCE", mark.to_str().unwrap())];
        service.kill_and_start_doomed(|call| call.arg("--config").arg(settings).envs(said));
        let campaign = service.campaign(point);
        // It may die before it answers.
        service.act(&campaign, "cancel");
        host_tests::patience::until("it dies there", || mark.exists().then_some(()));
        service.kill_and_start_again_as(with(HERE));
        let done = host_tests::patience::until("it is told", || {
            let rows = deliveries(&service, &id);
            Some(rows).filter(|rows| rows.len() == number && rows.iter().all(|row| row["state"] == "done"))
        });
        let heard = listener.rest();
        let ids: std::collections::BTreeSet<_> = heard.iter().map(|one| one.header("webhook-id")).collect();
        assert_eq!(ids.len(), 1, "{point}: {heard:#?}");
        assert_eq!(done[number - 1]["delivery"], heard[0].header("webhook-id"));
        assert_eq!(heard.len(), if point == "herald.after-sent" { 2 } else { 1 }, "{point}");
    }
}
