//! A notice as a CloudEvent 1.0 in structured JSON.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md> and `formats/json-format.md` beside it. The trace is the
//! extension "Distributed Tracing"; `skeinposition` and
//! `skeinhead` are ours.

use serde::{Serialize, Serializer};
use serde_json::Value;
use skein_types::{DeliveryId, Timestamp};

use crate::notice::Notice;

/// The media type of what [`Notice::envelope`] makes.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: DeliveryId,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: String,
    subject: &'a str,
    #[serde(serialize_with = "rfc3339")]
    time: Timestamp,
    datacontenttype: &'static str,
    // A text: integers of CloudEvents end at 2^31.
    skeinposition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    skeinhead: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: &'a Value,
}

pub(crate) fn rfc3339<S: Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(at)
}

impl Notice {
    /// What a webhook is sent: the same bytes in each try.
    pub fn envelope(&self) -> Vec<u8> {
        let envelope = Envelope {
            specversion: "1.0",
            id: self.id,
            source: &self.source,
            event_type: self.topic.event_type(),
            subject: &self.subject,
            time: self.at,
            datacontenttype: "application/json",
            skeinposition: self.position.to_string(),
            skeinhead: self.chain.as_deref(),
            traceparent: self.traceparent.as_deref(),
            data: &self.data,
        };
        serde_json::to_vec(&envelope).expect("texts, and a value that was written once before")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::notice::Notice;
    use crate::notice::tests::{head, notice, said};

    #[test]
    fn an_envelope_has_what_cloudevents_asks_for_and_nothing_else() {
        let event: Value = serde_json::from_slice(&notice().envelope()).unwrap();
        assert_eq!(
            event,
            json!({
                "specversion": "1.0",
                "id": "dlv_0198c0de0000700080000000000000ab",
                "source": "http://127.0.0.1:7447",
                "type": "dev.skein.campaign.halted",
                "subject": "cmp_0198c0de000070008000000000000001",
                "time": "2026-11-23T00:00:00.123Z",
                "datacontenttype": "application/json",
                "skeinposition": "4711",
                "skeinhead": format!("4712:blake3:{}", "ab".repeat(32)),
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "data": { "campaign": "cmp_0198c0de000070008000000000000001", "failed": 4 },
            })
        );
    }

    #[test]
    fn names_of_attributes_are_those_that_cloudevents_allows() {
        let event: Value = serde_json::from_slice(&notice().envelope()).unwrap();
        for name in event.as_object().unwrap().keys() {
            let allowed = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            assert!(allowed && name.len() <= 20, "{name}");
        }
    }

    #[test]
    fn what_there_is_not_is_left_out_and_each_try_has_the_same_bytes() {
        let mut head = head();
        head.traceparent = None;
        head.chain = None;
        let notice = Notice::new(head, said()).unwrap();
        let event: Value = serde_json::from_slice(&notice.envelope()).unwrap();
        assert_eq!((event.get("traceparent"), event.get("skeinhead")), (None, None));
        assert_eq!(notice.envelope(), notice.envelope());
    }
}
