//! Programs and chats that are told over HTTP.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener};

use serde_json::Value;
use skein_notify::{CONTENT_TYPE, Signed, Trust, slack_body, verify};
use skein_types::{ErrorClass, Millis};

use crate::listener::{Listener, answer, drip, hang, pour, request};
use crate::tls;
use crate::told::{LONG, NOW, SHORT, Says, TOKEN, Teller, chat, notice, outcome, secret, webhook};

#[test]
fn a_program_is_told_with_a_signed_event() {
    let (listener, heard) = Listener::that(|mut stream| {
        let heard = request(&mut stream);
        answer(&mut stream, "202 Accepted", "", "thanks");
        heard
    });
    let sent = Teller::with(LONG).tell(&webhook(&listener.origin()));
    assert_eq!(outcome(&sent), "delivered, 202");
    let heard = heard.recv().unwrap();
    assert_eq!(heard.line, format!("POST /in?token={TOKEN} HTTP/1.1"));
    assert_eq!(heard.header("content-type"), CONTENT_TYPE);
    assert_eq!(heard.header("user-agent"), concat!("skein/", env!("CARGO_PKG_VERSION")));
    assert_eq!(heard.header("host"), listener.address().to_string());
    assert_eq!(heard.header("webhook-id"), "dlv_0198c0de0000700080000000000000ab");
    assert_eq!(heard.header("webhook-timestamp"), "1795392000");
    assert_eq!(heard.body, notice().envelope());
    let headers = Signed {
        id: heard.header("webhook-id"),
        timestamp: heard.header("webhook-timestamp"),
        signature: heard.header("webhook-signature"),
    };
    assert_eq!(verify(headers, &heard.body, &secret(), NOW, Millis(1_000)), Ok(()));
}

#[test]
fn a_chat_is_told_in_its_own_form() {
    let (listener, heard) = Listener::that(|mut stream| {
        let heard = request(&mut stream);
        answer(&mut stream, "200 OK", "", "ok");
        heard
    });
    let sent = Teller::with(LONG).tell(&chat(&listener.origin()));
    assert_eq!(outcome(&sent), "delivered, 200");
    let heard = heard.recv().unwrap();
    assert_eq!(heard.line, format!("POST /services/{TOKEN} HTTP/1.1"));
    assert_eq!((heard.header("content-type"), heard.header("webhook-id")), ("application/json", ""));
    assert_eq!(heard.body, slack_body(&notice()));
    let text = serde_json::from_slice::<Value>(&heard.body).unwrap()["text"].clone();
    assert!(text.as_str().unwrap().starts_with("Halted: drop-phone\n4 runs"), "{text}");
}

/// What becomes of an answer with this status and these lines of head.
fn answered(status: &'static str, head: &'static str) -> (String, ErrorClass, Option<Millis>) {
    let (listener, _) = Listener::that(move |mut stream| {
        request(&mut stream);
        answer(&mut stream, status, head, "{\"error\":\"something that nobody reads\"}");
    });
    let sent = Teller::with(LONG).tell(&webhook(&listener.origin()));
    let error = sent.clone().err();
    let class = error.as_ref().map_or(ErrorClass::Bug, |error| error.class());
    if let Some(error) = &error {
        assert_eq!(error.status().map(|status| status.to_string()).as_deref(), Some(&status[..3]));
    }
    (outcome(&sent), class, error.and_then(|error| error.retry_after()))
}

#[test]
fn every_status_means_taken_try_again_or_do_not() {
    use ErrorClass::{Bug as TAKEN, Denied as NEVER, Transient as AGAIN};
    for (status, said, class) in [
        ("200 OK", "delivered, 200", TAKEN),
        ("204 No Content", "delivered, 204", TAKEN),
        ("299 Odd", "delivered, 299", TAKEN),
        ("304 Not Modified", "SK0711: refused with status 304", NEVER),
        ("400 Bad Request", "SK0711: refused with status 400", NEVER),
        ("401 Unauthorized", "SK0711: refused with status 401", NEVER),
        ("404 Not Found", "SK0711: refused with status 404", NEVER),
        ("408 Request Timeout", "SK0710: failed with status 408", AGAIN),
        ("410 Gone", "SK0714: is gone for good", NEVER),
        ("425 Too Early", "SK0710: failed with status 425", AGAIN),
        ("429 Too Many Requests", "SK0715: asks for patience with status 429", AGAIN),
        ("500 Internal Server Error", "SK0710: failed with status 500", AGAIN),
        ("502 Bad Gateway", "SK0710: failed with status 502", AGAIN),
        ("503 Service Unavailable", "SK0710: failed with status 503", AGAIN),
        ("504 Gateway Timeout", "SK0710: failed with status 504", AGAIN),
    ] {
        assert_eq!(answered(status, ""), (said.to_owned(), class, None));
    }
}

#[test]
fn a_receiver_may_say_when_to_come_back() {
    let two_minutes = (
        String::from("SK0715: asks for patience with status 429"),
        ErrorClass::Transient,
        Some(Millis(120_000)),
    );
    assert_eq!(answered("429 Too Many Requests", "Retry-After: 120\r\n"), two_minutes);
    let (said, _, wait) = answered("503 Service Unavailable", "Retry-After: 999999999\r\n");
    assert_eq!((said.as_str(), wait), ("SK0715: asks for patience with status 503", Some(Millis(3_600_000))));
    let (said, _, wait) = answered("503 Service Unavailable", "Retry-After: whenever\r\n");
    assert_eq!((said.as_str(), wait), ("SK0710: failed with status 503", None));
}

#[test]
fn a_redirect_is_not_followed() {
    let (listener, _) = Listener::that(|mut stream| {
        request(&mut stream);
        let here = stream.local_addr().unwrap();
        answer(&mut stream, "308 Permanent Redirect", &format!("Location: http://{here}/in\r\n"), "");
    });
    let sent = Teller::with(LONG).tell(&webhook(&listener.origin()));
    assert_eq!(outcome(&sent), "SK0711: refused with status 308");
    assert!(sent.unwrap_err().hint().unwrap().contains("redirect"));
    assert_eq!(listener.connections(), 1);
}

#[test]
fn a_receiver_that_hangs_is_left() {
    let (listener, left) = Listener::that(|mut stream| hang(&mut stream));
    let sent = Teller::with(SHORT).tell(&webhook(&listener.origin()));
    assert_eq!(outcome(&sent), "SK0710: did not answer in time");
    assert_eq!(left.recv(), Ok(()));
}

#[test]
fn a_receiver_that_answers_byte_by_byte_is_left() {
    let (listener, left) = Listener::that(|mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").unwrap();
        drip(&mut stream, b"y")
    });
    let sent = Teller::with(SHORT).tell(&webhook(&listener.origin()));
    assert_eq!(outcome(&sent), "SK0710: did not answer in time");
    assert_eq!(left.recv(), Ok(true));
}

#[test]
fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
    let (listener, left) = Listener::that(|mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n").unwrap();
        drip(&mut stream, b"z")
    });
    let sent = Teller::with(SHORT).tell(&webhook(&listener.origin()));
    assert_eq!(outcome(&sent), "delivered, 200");
    assert_eq!(left.recv(), Ok(true));
}

#[test]
fn a_body_without_end_is_not_read_to_it() {
    let (listener, left) = Listener::that(|mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
        pour(&mut stream, chunk.as_bytes(), 256 << 20)
    });
    let sent = Teller::with(LONG).tell(&webhook(&listener.origin()));
    assert_eq!(outcome(&sent), "delivered, 200");
    assert_eq!(left.recv(), Ok(true));
}

#[test]
fn a_head_without_end_is_not_read_to_it() {
    let (listener, left) = Listener::that(|mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        pour(&mut stream, format!("x: {}\r\n", "y".repeat(1_000)).as_bytes(), 256 << 20)
    });
    let sent = Teller::with(LONG).tell(&webhook(&listener.origin()));
    assert!(outcome(&sent).starts_with("SK0710: cannot be reached: "), "{}", outcome(&sent));
    assert_eq!(left.recv(), Ok(true));
}

#[test]
fn a_receiver_that_says_go_on_for_ever_is_left() {
    let (listener, left) = Listener::that(|mut stream| {
        request(&mut stream);
        drip(&mut stream, b"HTTP/1.1 100 Continue\r\n\r\n")
    });
    let sent = Teller::with(SHORT).tell(&webhook(&listener.origin()));
    assert_eq!(outcome(&sent), "SK0710: did not answer in time");
    assert_eq!(left.recv(), Ok(true));
}

#[test]
fn a_receiver_that_closes_early_is_not_reached() {
    for said in ["", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let (listener, _) = Listener::that(move |mut stream| {
            request(&mut stream);
            stream.write_all(said.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Both).unwrap();
        });
        let sent = Teller::with(LONG).tell(&webhook(&listener.origin()));
        assert!(outcome(&sent).starts_with("SK0710: cannot be reached: "), "{said:?}: {}", outcome(&sent));
        assert_eq!(sent.unwrap_err().class(), ErrorClass::Transient);
    }
}

#[test]
fn a_body_that_ends_early_was_an_answer() {
    let (listener, _) = Listener::that(|mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx").unwrap();
    });
    assert_eq!(outcome(&Teller::with(LONG).tell(&webhook(&listener.origin()))), "delivered, 200");
}

#[test]
fn what_is_no_http_is_no_receiver() {
    let (listener, _) = Listener::that(|mut stream| {
        request(&mut stream);
        stream.write_all(b"220 mail.example.com ESMTP\r\n").unwrap();
    });
    let sent = Teller::with(LONG).tell(&webhook(&listener.origin()));
    assert!(outcome(&sent).starts_with("SK0710: cannot be reached: "), "{}", outcome(&sent));
}

#[test]
fn where_nobody_listens_nobody_is_reached() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sent = Teller::with(LONG).tell(&webhook(&format!("http://{address}")));
    let said = sent.unwrap_err().to_string();
    assert!(said.starts_with(&format!("http://{address} cannot be reached: ")), "{said}");
    assert!(said.contains("Connection refused"), "{said}");
}

fn over_tls(host: &str, trust: Trust) -> String {
    let (listener, _) = Listener::that(|stream| {
        let mut stream = tls::secured(stream);
        // Whoever does not believe the certificate says nothing.
        if stream.conn.complete_io(&mut stream.sock).is_ok() {
            request(&mut stream);
            answer(&mut stream, "200 OK", "", "");
        }
    });
    let receiver = webhook(&format!("https://{host}:{}", listener.address().port()));
    let teller = Teller { names: Says::these(&[&["127.0.0.1"]]), ..Teller::with(LONG) };
    outcome(&teller.sender(trust).send(&notice(), &receiver, NOW))
}

#[test]
fn a_certificate_is_believed_by_its_root_and_its_name() {
    assert_eq!(over_tls("127.0.0.1", tls::roots()), "delivered, 200");
    assert_eq!(over_tls("localhost", tls::roots()), "delivered, 200");
    let said = over_tls("127.0.0.1", Trust::of_machine());
    assert!(said.starts_with("SK0710: cannot be reached: ") && said.contains("UnknownIssuer"), "{said}");
    let said = over_tls("other.invalid", tls::roots());
    assert!(said.contains("certificate not valid for name"), "{said}");
}
