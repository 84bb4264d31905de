//! A notice as mail: plain text, sent to a mail server over SMTP.

mod talk;
mod wire;

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use skein_types::Timestamp;

use crate::notice::Notice;
use crate::receiver::Mail;

pub(crate) use talk::{Way, deliver};

/// The last second that a date of mail can be in.
const LAST_DATE: u64 = 253_402_300_799_999;

/// The message: the same bytes in each try, so a second one is the same message to whoever keeps mail. All of it is ASCII,
/// whatever is said, and no text can become a header.
pub fn message(notice: &Notice, mail: &Mail) -> Vec<u8> {
    let from = Mailbox::new(Some("Skein".to_owned()), mail.from.clone());
    let mut builder = Message::builder()
        .from(from)
        .subject(notice.title.as_str())
        .date(date(notice.at))
        .message_id(Some(format!("<{}@{}>", notice.id, mail.from.domain())))
        // RFC 3834: out-of-office replies to a machine help nobody.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for to in &mail.to {
        builder = builder.to(Mailbox::new(None, to.clone()));
    }
    let built = builder.singlepart(SinglePart::plain(text(notice)));
    built.expect("it has a sender and somebody to go to").formatted()
}

fn text(notice: &Notice) -> String {
    let mut lines: Vec<&str> = notice.lines.iter().map(String::as_str).collect();
    if let Some(link) = &notice.link {
        lines.extend(["", link]);
    }
    let about = format!("{} of {}", notice.topic, notice.subject);
    // How mail marks where the text ends and the signature begins.
    lines.extend(["", "-- ", &about, &notice.source]);
    // Two lines of one head: one of more than 76 characters would be written in another way, and neither be seen nor found as it is.
    let chain = notice.chain.as_deref().and_then(|chain| chain.split_once(':'));
    let position = chain.map(|(position, _)| format!("ledger {position}:"));
    lines.extend(position.as_deref());
    lines.extend(chain.map(|(_, hash)| hash));
    lines.join("\n")
}

fn date(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.0.min(LAST_DATE))
}

#[cfg(test)]
mod tests {
    use skein_types::Timestamp;

    use super::message;
    use crate::notice::Notice;
    use crate::notice::tests::{head, notice, said};
    use crate::receiver::{Mail, MailServer, Security};

    fn mail() -> Mail {
        let server = MailServer::new("mail.example.com", 25, Security::None, None).unwrap();
        Mail::new(server, "skein@example.com", "a@example.com, b@example.org").unwrap()
    }

    fn text(notice: &Notice) -> String {
        String::from_utf8(message(notice, &mail())).unwrap()
    }

    #[test]
    fn a_message_is_plain_text_with_what_mail_needs() {
        let expected = [
            "From: Skein <skein@example.com>",
            "Subject: Halted: drop <phone> & fax",
            "Date: Mon, 23 Nov 2026 00:00:00 +0000",
            "Message-ID: <dlv_0198c0de0000700080000000000000ab@example.com>",
            "Auto-Submitted: auto-generated",
            "To: a@example.com, b@example.org",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 7bit",
            "",
            "4 runs of wave 1 failed.",
            ".",
            "See what *failed*.",
            "",
            "http://127.0.0.1:7447/campaigns/cmp_1",
            "",
            "-- ",
            "campaign.halted of cmp_0198c0de000070008000000000000001",
            "http://127.0.0.1:7447",
            "ledger 4712:",
            &format!("blake3:{}", "ab".repeat(32)),
            "",
        ];
        assert_eq!(text(&notice()).split("\r\n").collect::<Vec<_>>(), expected);
        assert_eq!(text(&notice()), text(&notice()));
    }

    #[test]
    fn a_title_with_line_breaks_is_no_header() {
        let mut said = said();
        said.title = "gone\r\nBcc: all@example.com\r\n\r\nPay here".to_owned();
        let text = text(&Notice::new(head(), said).unwrap());
        assert!(text.contains("\r\nSubject: gone  Bcc: all@example.com    Pay here\r\n"), "{text}");
    }

    #[test]
    fn a_time_that_mail_has_no_date_for_is_its_last() {
        let mut head = head();
        head.at = Timestamp(u64::MAX);
        let text = text(&Notice::new(head, said()).unwrap());
        assert!(text.contains("\r\nDate: Fri, 31 Dec 9999 23:59:59 +0000\r\n"), "{text}");
    }
}
