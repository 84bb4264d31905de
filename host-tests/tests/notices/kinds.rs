//! Chats and people.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use host_tests::service::Service;
use serde_json::json;

use crate::listener::Listener;
use crate::server::{HERE, ended, service, webhook, with};

#[test]
fn a_chat_is_told_in_its_form_and_its_url_is_not_shown() {
    let (service, listener) = (service(1), Listener::start());
    let file = service.site.file("slack-url", format!("{}\n", listener.url("/services/telltale-path")));
    let call = webhook(&service, "add").arg("chat").arg("--slack").arg(format!("@{}", file.display()));
    let made = call.finish().succeeded().json();
    assert_eq!((&made["secret"], &made["webhook"]["target"]), (&json!(null), &json!(listener.url("/…"))));
    ended(&service, "one");
    let heard = listener.hears();
    assert_eq!(heard.line, "POST /services/telltale-path HTTP/1.1");
    let text = heard.event()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("one ended: cancelled\n"), "{text}");
}

/// A mail server that takes everything: what it was told, and the messages.
fn mail_server() -> (u16, Receiver<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = sync_channel(16);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            stream.write_all(b"220 mail.example.com\r\n").unwrap();
            let mut said = Vec::new();
            loop {
                let mut line = String::new();
                if lines.by_ref().take(1_000).read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                said.push(line.trim_end().to_owned());
                match line.split([' ', '\r']).next().unwrap() {
                    "DATA" => {
                        stream.write_all(b"354 go on\r\n").unwrap();
                        let mut message = String::new();
                        while !message.ends_with("\r\n.\r\n") {
                            lines.read_line(&mut message).unwrap();
                        }
                        tell.send((said.clone(), message)).ok();
                        stream.write_all(b"250 taken\r\n").unwrap();
                    }
                    "QUIT" => {
                        stream.write_all(b"221 bye\r\n").ok();
                        break;
                    }
                    _ => stream.write_all(b"250 mail.example.com\r\n").unwrap(),
                }
            }
        }
    });
    (port, told)
}

#[test]
fn people_are_told_by_mail() {
    let (port, told) = mail_server();
    // The operator chose the mail server: that it is on this machine needs no leave.
    let settings = format!(
        "[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"skein@example.com\"\n"
    );
    let service = Service::start_as(0, with(&settings)).with_module("columns");
    let call = webhook(&service, "add").arg("people").arg("--mail").arg("a@example.com,b@example.com");
    let made = call.arg("--events").arg("campaign.completed").finish().succeeded().json();
    assert_eq!(made["webhook"]["target"], "a@example.com, b@example.com");
    ended(&service, "one");
    let (said, message) = told.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(said.contains(&"RCPT TO:<b@example.com>".to_owned()), "{said:?}");
    assert!(message.contains("Subject: one ended: cancelled\r\n"), "{message}");
    assert!(message.contains(&format!("{}/campaigns/cmp_", service.address)), "{message}");
    assert!(message.contains("\r\nledger "), "{message}");
}

#[test]
fn a_receiver_that_a_list_names_twice_has_to_be_named_by_its_id() {
    let service = Service::start_as(0, with(HERE));
    for url in ["https://a/", "https://b/"] {
        webhook(&service, "add").arg("ops").arg("--url").arg(url).finish().succeeded();
    }
    let refused = webhook(&service, "show").arg("ops").finish();
    assert_eq!(refused.status.code(), Some(64), "{refused:#?}");
    let listed = webhook(&service, "list").finish().succeeded().json();
    let id = listed[1]["webhook"].as_str().unwrap();
    assert_eq!(webhook(&service, "show").arg(id).finish().succeeded().json()["target"], "https://b/");
    let refused = webhook(&service, "show").arg("nobody").finish();
    assert_eq!(refused.status.code(), Some(5), "{refused:#?}");
}
