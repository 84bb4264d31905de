//! People who are told by mail.

use skein_notify::{Login, Mail, MailServer, Receiver, Security, message};
use skein_types::ErrorClass;

use crate::listener::Listener;
use crate::mail_server::{Does, Heard, Server};
use crate::told::{LONG, SHORT, Teller, notice, outcome};

pub(crate) const PASSWORD: &str = "telltale-password";

fn mail(listener: &Listener, security: Security, login: bool) -> Mail {
    let login = login.then(|| Login::new("skein", PASSWORD).unwrap());
    let server = MailServer::new("127.0.0.1", listener.address().port(), security, login).unwrap();
    Mail::new(server, "skein@example.com", "a@example.com, b@example.org").unwrap()
}

/// Tells two people by a server, and what it heard until it was left.
fn told(server: Server, security: Security, login: bool) -> (String, Heard) {
    told_with(LONG, server, (security, login))
}

fn told_with(
    patience: skein_notify::Patience,
    server: Server,
    (security, login): (Security, bool),
) -> (String, Heard) {
    let (listener, heard) = server.start();
    let sent = Teller::with(patience).tell(&Receiver::Mail(mail(&listener, security, login)));
    if let Err(error) = &sent {
        let place = format!("smtp://{} ", listener.address());
        assert!(error.to_string().starts_with(&place), "{error}");
    }
    (outcome(&sent), heard.recv().unwrap())
}

#[test]
fn a_message_arrives_whole_at_everybody() {
    let (listener, heard) = Server::PLAIN.start();
    let mail = mail(&listener, Security::None, false);
    let sent = Teller::with(LONG).tell(&Receiver::Mail(mail.clone()));
    assert_eq!(outcome(&sent), "delivered, 250");
    let heard = heard.recv().unwrap();
    assert_eq!(
        heard.lines,
        [
            "EHLO [127.0.0.1]",
            "MAIL FROM:<skein@example.com>",
            "RCPT TO:<a@example.com>",
            "RCPT TO:<b@example.org>",
            "DATA",
            "QUIT",
        ]
    );
    let text = String::from_utf8(heard.message.unwrap()).unwrap();
    assert_eq!(text.as_bytes(), message(&notice(), &mail));
    assert!(text.contains("\r\nSubject: Halted: drop-phone\r\n"), "{text}");
    assert!(text.contains("\r\n4 runs of wave 1 failed.\r\n.\r\n..two\r\n"), "{text}");
}

const IN_BASE64: &str = "AHNrZWluAHRlbGx0YWxlLXBhc3N3b3Jk";

#[test]
fn a_password_goes_out_once_tls_has_begun() {
    let starttls = Server { offers: &["STARTTLS", "AUTH PLAIN"], ..Server::PLAIN };
    let (said, heard) = told(starttls, Security::StartTls, true);
    assert_eq!(said, "delivered, 250");
    let login = format!("AUTH PLAIN {IN_BASE64}");
    assert_eq!(heard.lines[..4], ["EHLO [127.0.0.1]", "STARTTLS", "EHLO [127.0.0.1]", &login]);
    let tls = Server { tls: true, offers: &["AUTH LOGIN"], ..Server::PLAIN };
    let (said, heard) = told(tls, Security::Tls, true);
    assert_eq!(said, "delivered, 250");
    assert_eq!(heard.lines[..4], ["EHLO [127.0.0.1]", "AUTH LOGIN", "c2tlaW4=", "dGVsbHRhbGUtcGFzc3dvcmQ="]);
}

#[test]
fn where_tls_is_asked_for_and_not_offered_nothing_is_sent() {
    let (said, heard) = told(Server::PLAIN, Security::StartTls, true);
    assert_eq!(said, "SK0711: does not offer STARTTLS");
    assert_eq!(heard.lines, ["EHLO [127.0.0.1]", "QUIT"]);
}

#[test]
fn words_that_came_before_tls_are_not_believed_after_it() {
    let server = Server { offers: &["STARTTLS"], ..Server::PLAIN };
    let injected = "220 go on\r\n250 injected\r\n";
    let (said, heard) = told(server.that("STARTTLS", Does::Says(injected)), Security::StartTls, true);
    assert_eq!(said, "SK0710: cannot be reached: words before TLS began");
    assert_eq!(heard.lines, ["EHLO [127.0.0.1]", "STARTTLS"]);
}

#[test]
fn a_server_of_another_name_gets_nothing() {
    let (listener, heard) = Server { tls: true, ..Server::PLAIN }.start();
    let server = MailServer::new("other.invalid", listener.address().port(), Security::Tls, None).unwrap();
    let mail = Mail::new(server, "skein@example.com", "a@example.com").unwrap();
    let names = crate::told::Says::these(&[&["127.0.0.1"]]);
    let sent = Teller { names, ..Teller::with(LONG) }.tell(&Receiver::Mail(mail));
    assert!(outcome(&sent).contains("certificate not valid for name"), "{sent:?}");
    assert_eq!(heard.recv().unwrap().lines, [""; 0]);
}

#[test]
fn a_server_that_takes_no_login_is_not_sent_to_without() {
    let server = Server { tls: true, offers: &["AUTH CRAM-MD5"], ..Server::PLAIN };
    let (said, heard) = told(server, Security::Tls, true);
    assert_eq!(said, "SK0711: does not offer a login by PLAIN or LOGIN");
    assert_eq!(heard.lines, ["EHLO [127.0.0.1]", "QUIT"]);
}

#[test]
fn a_no_ends_the_conversation_before_anybody_gets_the_message() {
    for (at, reply, said) in [
        ("", "421 too busy\r\n", "SK0713: put the connection off with status 421"),
        ("", "554 not you\r\n", "SK0711: refused the connection with status 554"),
        ("EHLO", "550 not you\r\n", "SK0711: refused EHLO with status 550"),
        ("MAIL", "553-no such\r\n553 sender\r\n", "SK0711: refused the sender with status 553"),
        ("RCPT TO:<b@", "550 no such user\r\n", "SK0711: refused recipient 2 with status 550"),
        ("RCPT TO:<a@", "450 greylisted\r\n", "SK0713: put recipient 1 off with status 450"),
        ("DATA", "451 later\r\n", "SK0713: put DATA off with status 451"),
    ] {
        let (outcome, heard) = told(Server::PLAIN.that(at, Does::Says(reply)), Security::None, false);
        assert_eq!(outcome, said);
        assert_eq!(heard.message, None, "{at}");
        assert_eq!(heard.lines.last().unwrap(), "QUIT", "{at}");
    }
    let (outcome, _) = told(Server::PLAIN.that(".", Does::Says("552 too large\r\n")), Security::None, false);
    assert_eq!(outcome, "SK0711: refused the message with status 552");
    let tls = Server { tls: true, offers: &["AUTH PLAIN"], ..Server::PLAIN };
    let (outcome, heard) = told(tls.that("AUTH", Does::Says("535 wrong\r\n")), Security::Tls, true);
    assert_eq!(outcome, "SK0711: refused the login with status 535");
    assert_eq!((heard.lines.len(), heard.lines.last().unwrap().as_str()), (3, "QUIT"));
}

#[test]
fn what_is_put_off_may_be_tried_again_and_what_is_refused_may_not() {
    let class = |reply| {
        let (listener, _) = Server::PLAIN.that("MAIL", Does::Says(reply)).start();
        let receiver = Receiver::Mail(mail(&listener, Security::None, false));
        Teller::with(LONG).tell(&receiver).unwrap_err().class()
    };
    assert_eq!(class("451 later\r\n"), ErrorClass::Transient);
    assert_eq!(class("550 no\r\n"), ErrorClass::Denied);
}

/// The greeting, a reply in the middle, and the last one.
const PLACES: [&str; 3] = ["", "RCPT", "."];

fn is_left(does: Does<'static>) {
    for at in PLACES {
        let (said, heard) = told_with(SHORT, Server::PLAIN.that(at, does), (Security::None, false));
        assert_eq!(said, "SK0710: did not answer in time", "{at}");
        assert!(heard.left, "{at}");
    }
}

#[test]
fn a_server_that_hangs_is_left() {
    is_left(Does::Hangs);
}

#[test]
fn a_server_that_answers_byte_by_byte_is_left() {
    is_left(Does::Drips);
}

#[test]
fn a_server_that_answers_without_end_is_left() {
    for at in PLACES {
        for piece in ["2", "250-more\r\n", "\r\n"] {
            let (said, heard) = told(Server::PLAIN.that(at, Does::Pours(piece)), Security::None, false);
            assert!(said.starts_with("SK0710: cannot be reached: it "), "{at} {piece:?}: {said}");
            assert!(heard.left, "{at} {piece:?}");
        }
    }
}

#[test]
fn a_server_that_closes_early_is_not_reached() {
    for at in PLACES {
        let (said, _) = told(Server::PLAIN.that(at, Does::Closes), Security::None, false);
        assert!(said.starts_with("SK0710: cannot be reached: "), "{at}: {said}");
    }
}

#[test]
fn a_server_that_speaks_nonsense_is_not_reached() {
    for (at, reply) in [
        ("", "HTTP/1.1 400 Bad Request\r\n"),
        ("EHLO", "250-a\r\n251 b\r\n"),
        ("EHLO", "999 x\r\n"),
        ("DATA", "250 already\r\n"),
        (".", "354 more\r\n"),
    ] {
        let (said, heard) = told(Server::PLAIN.that(at, Does::Says(reply)), Security::None, false);
        assert_eq!(said, "SK0710: cannot be reached: it answers what no mail server does", "{at} {reply:?}");
        assert_eq!(heard.message.is_some(), at == ".", "{at} {reply:?}");
    }
    let tls = Server { tls: true, offers: &["AUTH PLAIN"], ..Server::PLAIN };
    for reply in ["250 ok\r\n", "334 \r\n", "334 VXNlcm5hbWU6\r\n"] {
        let (said, heard) = told(tls.that("AUTH", Does::Says(reply)), Security::Tls, true);
        assert_eq!(said, "SK0710: cannot be reached: it answers what no mail server does", "{reply:?}");
        assert_eq!(heard.message, None);
    }
    let (said, _) = told(Server::PLAIN.that("", Does::Says("220 \u{7f}\u{0}ä\r\n")), Security::None, false);
    assert_eq!(said, "delivered, 250");
}
