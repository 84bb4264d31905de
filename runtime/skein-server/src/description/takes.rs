//! What a handler takes, read off the types of its arguments.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::json;
use skein_control::{AuditPart, CampaignPart, EventPart, ListPart, RecordPart, UsagePart, VerifyPart};
use skein_types::codes;
use utoipa::ToSchema;

use super::operation::{Operation, Parameter, Place};
use crate::asker::Asker;
use crate::once::Keyed;
use crate::seen::{IfMatch, MayMatch};
use crate::v1::{Body, Part, Path};

/// An argument of a handler, as far as whoever asks has to know of it.
pub(crate) trait Takes {
    /// Adds what it means for a route that takes it.
    fn describe(operation: &mut Operation);
}

/// What can be said behind the `?`.
pub(crate) trait Question {
    /// The names, what each says and its form.
    fn parameters() -> Vec<Parameter>;
}

impl Takes for Asker {
    fn describe(operation: &mut Operation) {
        operation.knows_who = true;
        operation.refuses(&[codes::TOKEN_MISSING, codes::ROLE_MISSING]);
    }
}

impl<T: Segments> Takes for Path<T> {
    fn describe(operation: &mut Operation) {
        operation.of_path = T::COUNT;
        operation.refuses(&[codes::BODY_INVALID, codes::NOT_FOUND]);
    }
}

/// Parts of a path.
pub(crate) trait Segments: DeserializeOwned {
    /// How many.
    const COUNT: usize;
}

impl Segments for String {
    const COUNT: usize = 1;
}

impl Segments for (String, String) {
    const COUNT: usize = 2;
}

impl Segments for (String, String, String) {
    const COUNT: usize = 3;
}

impl<Q: Question> Takes for Part<Q> {
    fn describe(operation: &mut Operation) {
        operation.parameters.extend(Q::parameters());
        operation.refuses(&[codes::BODY_INVALID]);
    }
}

impl<T: ToSchema, const MOST: usize> Takes for Body<T, MOST> {
    fn describe(operation: &mut Operation) {
        operation.takes_json::<T>();
    }
}

impl Takes for IfMatch {
    fn describe(operation: &mut Operation) {
        operation.parameters.push(Parameter {
            place: Place::Header,
            name: "If-Match",
            about: "The `ETag` of what is to be replaced or removed, as it was answered, quotes included; `*` for whatever is there. \
                    It is needed where something is there.",
            schema: json!({ "type": "string", "maxLength": 100, "examples": ["\"12\""] }),
        });
        operation.refuses(&[codes::BODY_INVALID, codes::SETTING_MOVED, codes::VERSION_MISSING]);
    }
}

impl Takes for MayMatch {
    fn describe(operation: &mut Operation) {
        operation.parameters.push(Parameter {
            place: Place::Header,
            name: "If-Match",
            about: "The `ETag` of what is to be replaced or removed, as it was answered, quotes included: refused if something else is there by \
                    now. Whatever is there, if nothing is said.",
            schema: json!({ "type": "string", "maxLength": 100, "examples": ["\"12\""] }),
        });
        operation.refuses(&[codes::BODY_INVALID, codes::SETTING_MOVED]);
    }
}

/// Its body and what is read of its head are told beside it.
impl Takes for Request {
    fn describe(_: &mut Operation) {}
}

impl Takes for HeaderMap {
    fn describe(_: &mut Operation) {}
}

impl Takes for Method {
    fn describe(_: &mut Operation) {}
}

impl Takes for Uri {
    fn describe(_: &mut Operation) {}
}

fn behind(name: &'static str, about: &'static str, schema: serde_json::Value) -> Parameter {
    Parameter { place: Place::Query, name, about, schema }
}

pub(crate) fn limit() -> Parameter {
    behind(
        "limit",
        "At most so many; 100 if nothing is said, and never more than 1,000.",
        json!({ "type": "integer", "minimum": 1, "maximum": 1_000 }),
    )
}

/// Which end of a list in time comes first.
pub(crate) fn order() -> serde_json::Value {
    json!({ "type": "string", "enum": ["oldest", "newest"] })
}

impl Question for ListPart {
    fn parameters() -> Vec<Parameter> {
        let after = behind(
            "after",
            "Those that come after this key: `next` of the page before.",
            json!({ "type": "string", "maxLength": 500 }),
        );
        vec![after, limit()]
    }
}

impl Question for CampaignPart {
    fn parameters() -> Vec<Parameter> {
        ListPart::parameters()
    }
}

impl Question for VerifyPart {
    fn parameters() -> Vec<Parameter> {
        vec![
            behind(
                "against",
                "A head that was kept elsewhere, as `POSITION:HASH`: the record has to contain it.",
                json!({ "type": "string", "maxLength": 200 }),
            ),
            behind(
                "deep",
                "Whether to look at what follows from it and lies beside it, too: tables, blobs, modules, statements.",
                json!({ "type": "boolean" }),
            ),
        ]
    }
}

impl Question for EventPart {
    fn parameters() -> Vec<Parameter> {
        let position = json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 });
        let kinds = json!({ "type": "string", "maxLength": 2_000, "examples": ["campaign.,run.failed"] });
        vec![
            behind("after", "Those that come after this position.", position),
            limit(),
            behind(
                "kind",
                "Of these kinds, with commas between them, or of all that begin so: `campaign.`.",
                kinds,
            ),
            behind(
                "campaign",
                "About this campaign and its runs.",
                json!({ "type": "string", "maxLength": 200 }),
            ),
            behind(
                "tick",
                "Of a stream: tell that there were some, as `changed`, ten times a second at most, and not what.",
                json!({ "type": "boolean" }),
            ),
        ]
    }
}

/// Nothing that whoever asks knows of.
impl<T> Takes for Extension<T> {
    fn describe(_: &mut Operation) {}
}

/// The like.
impl<T> Takes for State<T> {
    fn describe(_: &mut Operation) {}
}

impl Takes for Keyed {
    fn describe(operation: &mut Operation) {
        operation.needs_key = true;
        operation.refuses(&[codes::KEY_MISSING]);
    }
}

impl Question for AuditPart {
    fn parameters() -> Vec<Parameter> {
        let text = || json!({ "type": "string", "maxLength": 200 });
        let moment = || json!({ "$ref": "#/components/schemas/Time" });
        let position = json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 });
        vec![
            behind("after", "Those that come after this position.", position),
            limit(),
            behind("actor", "Decided by this one.", text()),
            behind("token", "With this token: its id.", text()),
            behind("team", "About this team: it, what is its, and its campaigns and datasets.", text()),
            behind("campaign", "About this campaign and its runs.", text()),
            behind("kind", "Of this kind, or of all kinds that begin so: `campaign.`.", text()),
            behind("subject", "About this: an id, or `team:NAME` and the like, as events show it.", text()),
            behind("from", "Not before this time.", moment()),
            behind("to", "Before this time.", moment()),
            behind(
                "order",
                "`newest` begins with the last decision; `after` is then the position that they come before.",
                order(),
            ),
        ]
    }
}

impl Question for RecordPart {
    fn parameters() -> Vec<Parameter> {
        let position = json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 });
        vec![behind("after", "Those that come after this position.", position), limit()]
    }
}

impl Question for UsagePart {
    fn parameters() -> Vec<Parameter> {
        let time = || json!({ "$ref": "#/components/schemas/Time" });
        let name = || json!({ "type": "string", "maxLength": 200 });
        vec![
            behind(
                "by",
                "What it is summed by; `team` if nothing is said.",
                json!({ "type": "string", "enum": ["team", "campaign", "module", "hour"] }),
            ),
            behind("from", "In hours that begin from then on.", time()),
            behind("to", "In hours that begin before then.", time()),
            behind("team", "Of this team.", name()),
            behind("campaign", "In this campaign.", name()),
        ]
    }
}
