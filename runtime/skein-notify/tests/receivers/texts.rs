//! Whatever a campaign is called, what goes out is sound: one event, one message to a chat, one mail.

use proptest::prelude::*;
use serde_json::Value;
use skein_notify::{Mail, MailServer, Notice, Security, message, slack_body};

use crate::told::said;

/// Any text, and more often than by chance what means something to JSON, chats, mail or terminals.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => "[ -~]{1,8}",
        3 => prop::sample::select(vec![
            "\r\n", "\n", "\r", "\r\n.\r\n", "\r\nBcc: x@y\r\n\r\n", ".", "&", "<", ">", "<!channel>", "|", "\"", "\\",
            "=?utf-8?q?=0d=0a?=", "\u{202e}", "\u{2028}", "\0", "\u{1b}[2J", "🦢", "ä", "\u{fffe}", "\u{301}",
        ]).prop_map(str::to_owned),
        1 => (1_usize..800).prop_map(|n| "x".repeat(n)),
        1 => (1_usize..300).prop_map(|n| "&".repeat(n)),
        1 => (1_usize..300).prop_map(|n| "🦢".repeat(n)),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn notices() -> impl Strategy<Value = Notice> {
    (text(), prop::collection::vec(text(), 0..30)).prop_map(|(title, lines)| {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        said(&title, &lines)
    })
}

fn mail() -> Mail {
    let server = MailServer::new("mail.example.com", 25, Security::None, None).unwrap();
    Mail::new(server, "skein@example.com", "a@example.com, b@example.org").unwrap()
}

/// The texts of a block that Slack shows, with the most that it takes.
fn shown(body: &Value) -> Vec<(&str, usize)> {
    let blocks = body["blocks"].as_array().unwrap().iter();
    let most = |block: &Value| if block["type"] == "header" { 150 } else { 3_000 };
    let mut shown: Vec<_> =
        blocks.map(|block| (block["text"]["text"].as_str().unwrap(), most(block))).collect();
    shown.push((body["text"].as_str().unwrap(), 4_000));
    shown
}

/// Without the entities that Slack knows and the link that is ours.
fn raw(text: &str) -> String {
    let text =
        text.strip_prefix("<http://127.0.0.1").and_then(|text| text.strip_suffix("|Look>")).unwrap_or(text);
    ["&amp;", "&lt;", "&gt;"].iter().fold(text.to_owned(), |text, entity| text.replace(entity, ""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_event_is_json_of_bounded_size(notice in notices()) {
        let bytes = notice.envelope();
        prop_assert!(bytes.len() < 64 << 10);
        let event: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(event["specversion"].as_str(), Some("1.0"));
    }

    #[test]
    fn a_chats_texts_are_escaped_and_within_its_limits(notice in notices()) {
        let body: Value = serde_json::from_slice(&slack_body(&notice)).unwrap();
        prop_assert!(body["blocks"].as_array().unwrap().len() <= 50);
        for (text, most) in shown(&body) {
            prop_assert!(!text.is_empty() && text.encode_utf16().count() <= most, "{text}");
            prop_assert!(!raw(text).contains(['&', '<', '>']), "{text}");
        }
    }

    #[test]
    fn a_mail_has_its_headers_and_no_others(notice in notices()) {
        let bytes = message(&notice, &mail());
        prop_assert!(bytes.is_ascii() && bytes.len() < 64 << 10);
        let text = String::from_utf8(bytes).unwrap();
        let unfolded = text.replace("\r\n ", " ");
        let (head, _) = unfolded.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head.split("\r\n").map(|line| line.split_once(':').unwrap().0).collect();
        prop_assert_eq!(names, [
            "From", "Subject", "Date", "Message-ID", "Auto-Submitted", "To", "MIME-Version", "Content-Type",
            "Content-Transfer-Encoding",
        ]);
        // What one server takes for the end of a line and another does not is how mail is smuggled.
        let without = text.replace("\r\n", "");
        let stray = without.chars().find(|c| c.is_control());
        prop_assert_eq!(stray, None);
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
    }
}
