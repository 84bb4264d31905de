//! Where nothing is sent, whatever it is called.

use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver as Told, SyncSender as Tell, sync_channel};
use std::sync::{Arc, Mutex};

use skein_notify::{Forbidden, Mail, MailServer, Names, Networks, Receiver, Security, SendError};

use crate::listener::{Listener, answer, request};
use crate::told::{LONG, SHORT, Says, Teller, outcome, webhook};

/// Somebody who answers, and a URL of it by this name.
fn named(name: &str) -> (Listener, Told<String>, Receiver) {
    let (listener, heard) = Listener::that(|mut stream| {
        let heard = request(&mut stream);
        answer(&mut stream, "200 OK", "", "");
        heard.header("host").to_owned()
    });
    let receiver = webhook(&format!("http://{name}:{}", listener.address().port()));
    (listener, heard, receiver)
}

#[test]
fn the_address_that_was_looked_at_is_the_one_that_is_connected_to() {
    let (listener, heard, receiver) = named("rebinding.invalid");
    // Whoever asked again would be led to a metadata service.
    let names = Says::these(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let sent = Teller { names: names.clone(), ..Teller::with(LONG) }.tell(&receiver);
    assert_eq!(outcome(&sent), "delivered, 200");
    assert_eq!(names.asked(), ["rebinding.invalid"]);
    assert_eq!(heard.recv().unwrap(), format!("rebinding.invalid:{}", listener.address().port()));
}

#[test]
fn a_name_that_leads_to_a_metadata_service_is_not_followed() {
    let (listener, _, receiver) = named("metadata.invalid");
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1"] {
        let teller = Teller { names: Says::these(&[&[address]]), ..Teller::with(LONG) };
        let said = outcome(&teller.tell(&receiver));
        assert!(said.starts_with("SK0716: is not sent to: an address in "), "{said}");
    }
    assert_eq!(listener.connections(), 0);
}

#[test]
fn of_several_addresses_those_that_may_be_sent_to_are_used() {
    let (_listener, heard, receiver) = named("both.invalid");
    let names = Says::these(&[&["169.254.169.254", "127.0.0.1"]]);
    assert_eq!(outcome(&Teller { names, ..Teller::with(LONG) }.tell(&receiver)), "delivered, 200");
    assert!(heard.recv().unwrap().starts_with("both.invalid:"));
}

#[test]
fn a_server_does_not_tell_itself() {
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "127.1", "[::ffff:127.0.0.1]", "own.invalid"] {
        let (listener, _, receiver) = named(host);
        let names = Says::these(&[&["127.0.0.1"]]);
        let own = vec![listener.address()];
        let sent = Teller { own, names, ..Teller::with(LONG) }.tell(&receiver);
        assert!(matches!(sent, Err(SendError::Forbidden { why: Forbidden::Own, .. })), "{host}: {sent:?}");
        assert_eq!(listener.connections(), 0);
    }
}

#[test]
fn networks_that_an_operator_denies_are_not_sent_to_by_webhook_or_mail() {
    let (listener, _, receiver) = named("127.0.0.1");
    let server = MailServer::new("127.0.0.1", listener.address().port(), Security::None, None).unwrap();
    let mail = Receiver::Mail(Mail::new(server, "skein@example.com", "a@example.com").unwrap());
    for receiver in [receiver, mail] {
        let networks = Networks::new(Vec::new(), vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        let sent = Teller { networks, ..Teller::with(LONG) }.tell(&receiver);
        assert_eq!(outcome(&sent), "SK0716: is not sent to: an address in 127.0.0.0/8, which is denied");
        assert_eq!(sent.unwrap_err().status(), None);
    }
    assert_eq!(listener.connections(), 0);
}

#[test]
fn a_name_without_an_address_is_not_reached() {
    let sent =
        Teller { names: Says::these(&[&[]]), ..Teller::with(LONG) }.tell(&webhook("https://gone.invalid"));
    assert_eq!(outcome(&sent), "SK0710: cannot be reached: its name has no address: entity not found");
}

/// Answers when its sender is dropped.
#[derive(Debug)]
struct Hangs(Mutex<Told<()>>);

impl Names for Hangs {
    fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.0.lock().unwrap().recv().ok();
        Err(io::ErrorKind::TimedOut.into())
    }
}

#[test]
fn a_resolver_that_hangs_is_not_waited_for() {
    let (end, wait): (Tell<()>, _) = sync_channel(1);
    let teller = Teller { names: Arc::new(Hangs(Mutex::new(wait))), ..Teller::with(SHORT) };
    let sent = teller.tell(&webhook("https://slow.invalid"));
    assert_eq!(outcome(&sent), "SK0710: did not answer in time");
    drop(end);
}
