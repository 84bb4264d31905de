//! What is told.

use reqwest::Url;
use serde::Serialize as _;
use serde_json::Value;
use skein_types::{Blake3, Code, DeliveryId, ErrorClass, Timestamp, codes};

use crate::fact::Fact;
use crate::plain::{disturbs, one_line};
use crate::topic::Topic;

/// Most bytes of a notice's data as JSON. With all the rest an event stays below the 64 KiB that CloudEvents asks everybody to
/// pass on (section "Size Limits" of its specification).
pub const DATA_BYTES_MAX: usize = 32 << 10;
/// Most lines for people.
pub const LINES_MAX: usize = 20;

const TITLE_MOST: usize = 200;
const LINE_MOST: usize = 500;
const SUBJECT_BYTES_MAX: usize = 200;
const ADDRESS_BYTES_MAX: usize = 1_000;

/// A notice that cannot be: whoever made it is at fault, and that is us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The server's address or the link is no address.
    #[error("{what} is not an address of http or https of at most {ADDRESS_BYTES_MAX} bytes")]
    Address {
        /// Which of them.
        what: &'static str,
    },
    /// What it is about has no name, too long a one, or one that cannot be shown.
    #[error("a subject of 1 to {SUBJECT_BYTES_MAX} bytes that can be shown is needed")]
    Subject,
    /// Not what W3C Trace Context writes.
    #[error("the trace is not of the form 00-<32 hex digits>-<16 hex digits>-<2 hex digits>")]
    Traceparent,
    /// Too much data, or no object.
    #[error("data has to be an object of at most {DATA_BYTES_MAX} bytes")]
    Data,
}

impl NoticeError {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        codes::BUG
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }
}

/// What is known of a notice before what it says.
#[derive(Clone, Debug)]
pub struct Head {
    /// The same in each try, so that whoever gets it twice can tell.
    pub id: DeliveryId,
    /// The server's address, as its users see it.
    pub source: String,
    /// When it happened.
    pub at: Timestamp,
    /// The decision in the ledger that it tells of.
    pub position: u64,
    /// The head of the ledger's chain as it was then: a position and the hash there. Whoever keeps it can show later that nothing
    /// before it was edited or cut.
    pub chain: Option<(u64, Blake3)>,
    /// The trace that it belongs to, as W3C Trace Context writes it.
    pub traceparent: Option<String>,
    /// Where there is more about it, for people.
    pub link: Option<String>,
}

/// What a notice says. Names in it may be anything; they are made to fit.
#[derive(Clone, Debug)]
pub struct Said {
    /// What kind of thing.
    pub topic: Topic,
    /// The id of what it is about.
    pub subject: String,
    /// For programs: an object.
    pub data: Value,
    /// For people: what happened, in a few words.
    pub title: String,
    /// For people: what there is to know.
    pub lines: Vec<String>,
}

/// What is told. Bounded, and sound for each way to tell it.
#[derive(Clone, Debug)]
pub struct Notice {
    pub(crate) id: DeliveryId,
    pub(crate) source: String,
    pub(crate) at: Timestamp,
    pub(crate) position: u64,
    pub(crate) chain: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) link: Option<String>,
    pub(crate) topic: Topic,
    pub(crate) subject: String,
    pub(crate) data: Value,
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
}

impl Notice {
    /// Tells of something.
    pub fn of(head: Head, fact: &Fact) -> Result<Self, NoticeError> {
        Self::new(head, fact.said())
    }

    /// Tells what is said, cut where it is for people and too long.
    pub fn new(head: Head, said: Said) -> Result<Self, NoticeError> {
        let source = address(&head.source, "the server's address")?;
        let link = head.link.map(|link| address(&link, "the link")).transpose()?;
        if said.subject.is_empty()
            || said.subject.len() > SUBJECT_BYTES_MAX
            || said.subject.chars().any(disturbs)
        {
            return Err(NoticeError::Subject);
        }
        if head.traceparent.as_deref().is_some_and(|trace| !is_traceparent(trace)) {
            return Err(NoticeError::Traceparent);
        }
        if !said.data.is_object() || !fits(&said.data) {
            return Err(NoticeError::Data);
        }
        let title = Some(one_line(&said.title, TITLE_MOST)).filter(|title| !title.is_empty());
        Ok(Self {
            id: head.id,
            source,
            at: head.at,
            position: head.position,
            chain: head.chain.map(|(position, hash)| format!("{position}:{hash}")),
            traceparent: head.traceparent,
            link,
            topic: said.topic,
            subject: said.subject,
            data: said.data,
            title: title.unwrap_or_else(|| said.topic.to_string()),
            lines: lines(&said.lines),
        })
    }

    /// The same in each try.
    pub const fn id(&self) -> DeliveryId {
        self.id
    }

    /// What kind of thing it tells of.
    pub const fn topic(&self) -> Topic {
        self.topic
    }
}

fn lines(said: &[String]) -> Vec<String> {
    let shown = if said.len() > LINES_MAX { LINES_MAX - 1 } else { said.len() };
    let mut lines: Vec<_> = said[..shown].iter().map(|line| one_line(line, LINE_MOST)).collect();
    lines.retain(|line| !line.is_empty());
    if shown < said.len() {
        lines.push(format!("… and {} more", said.len() - shown));
    }
    lines
}

/// As it travels: a `Url` has no character that would need care anywhere.
fn address(text: &str, what: &'static str) -> Result<String, NoticeError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let written = url.map(|url| url.as_str().trim_end_matches('/').replace('|', "%7C"));
    written.filter(|url| url.len() <= ADDRESS_BYTES_MAX).ok_or(NoticeError::Address { what })
}

/// `version-trace-parent-flags` of W3C Trace Context, version 00.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    match text.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, parent, flags] => {
            hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && !zero(trace) && !zero(parent)
        }
        _ => false,
    }
}

/// Counts while it is written and stops at the bound.
fn fits(data: &Value) -> bool {
    struct Room(usize);
    impl std::io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    data.serialize(&mut serde_json::Serializer::new(Room(DATA_BYTES_MAX))).is_ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};
    use skein_types::{Blake3, DeliveryId, Timestamp};

    use super::{DATA_BYTES_MAX, Head, LINES_MAX, Notice, NoticeError, Said};
    use crate::topic::Topic;

    pub(crate) fn head() -> Head {
        Head {
            id: "dlv_0198c0de0000700080000000000000ab".parse::<DeliveryId>().unwrap(),
            source: "http://127.0.0.1:7447".to_owned(),
            at: Timestamp(1_795_392_000_123),
            position: 4_711,
            chain: Some((4_712, Blake3([0xab; 32]))),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            link: Some("http://127.0.0.1:7447/campaigns/cmp_1".to_owned()),
        }
    }

    pub(crate) fn said() -> Said {
        Said {
            topic: Topic::CampaignHalted,
            subject: "cmp_0198c0de000070008000000000000001".to_owned(),
            data: json!({ "campaign": "cmp_0198c0de000070008000000000000001", "failed": 4 }),
            title: "Halted: drop <phone> & fax".to_owned(),
            lines: vec![
                "4 runs of wave 1 failed.".to_owned(),
                ".".to_owned(),
                "See what *failed*.".to_owned(),
            ],
        }
    }

    pub(crate) fn notice() -> Notice {
        Notice::new(head(), said()).unwrap()
    }

    fn refused(change: impl FnOnce(&mut Head, &mut Said)) -> NoticeError {
        let (mut head, mut said) = (head(), said());
        change(&mut head, &mut said);
        Notice::new(head, said).unwrap_err()
    }

    #[test]
    fn addresses_subjects_and_traces_that_are_none_are_refused() {
        let source = NoticeError::Address { what: "the server's address" };
        assert_eq!(refused(|head, _| head.source = "7447".to_owned()), source);
        let link = NoticeError::Address { what: "the link" };
        assert_eq!(refused(|head, _| head.link = Some("javascript:alert(1)".to_owned())), link);
        assert_eq!(refused(|head, _| head.link = Some(format!("http://a/{}", "x".repeat(1_000)))), link);
        assert_eq!(refused(|_, said| said.subject = String::new()), NoticeError::Subject);
        assert_eq!(refused(|_, said| said.subject = "a\nb".to_owned()), NoticeError::Subject);
        for bad in ["", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "00-X-Y-Z"] {
            assert_eq!(refused(|head, _| head.traceparent = Some(bad.to_owned())), NoticeError::Traceparent);
        }
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        assert_eq!(refused(|head, _| head.traceparent = Some(zero)), NoticeError::Traceparent);
    }

    #[test]
    fn data_is_an_object_of_bounded_size() {
        // {"a":"…"} is eight bytes around its text.
        let of = |bytes: usize| json!({ "a": "x".repeat(bytes - 8) });
        let largest = Said { data: of(DATA_BYTES_MAX), ..said() };
        assert!(Notice::new(head(), largest).unwrap().envelope().len() < 64 << 10);
        assert_eq!(refused(|_, said| said.data = of(DATA_BYTES_MAX + 1)), NoticeError::Data);
        assert_eq!(refused(|_, said| said.data = Value::Null), NoticeError::Data);
    }

    #[test]
    fn what_is_for_people_is_made_to_fit() {
        let mut said = said();
        said.title = "\n".to_owned();
        said.lines = vec![" \n".to_owned(), String::new(), "x".to_owned()];
        assert_eq!(Notice::new(head(), said.clone()).unwrap().lines, ["x"]);
        said.lines = (0..=LINES_MAX).map(|n| format!("{n}\r\n{}", "x".repeat(600))).collect();
        let notice = Notice::new(head(), said).unwrap();
        assert_eq!(notice.title, "campaign.halted");
        assert_eq!(notice.lines.len(), LINES_MAX);
        assert!(notice.lines[0].starts_with("0  xx") && notice.lines[0].chars().count() == 500);
        assert_eq!(notice.lines[LINES_MAX - 1], "… and 2 more");
    }
}
