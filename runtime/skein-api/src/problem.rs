//! What an endpoint says when it does not do what it was asked: `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};
use skein_types::Code;
use utoipa::ToSchema;

use crate::Message;
use crate::bounded::{List, Text};
use crate::quota::FINDINGS_MAX;

/// Before the code in `type`. The pages travel with the binary: `skein explain SK0664`.
pub const PROBLEM_TYPE: &str = "urn:skein:error:";

/// A refusal or failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// [`PROBLEM_TYPE`] and the code.
    #[serde(rename = "type")]
    pub kind: Text<64>,
    /// The title of the code's page.
    pub title: Text<200>,
    /// HTTP status, once more.
    pub status: u16,
    /// `SK` and four digits.
    pub code: Text<16>,
    /// What happened here.
    pub detail: Message,
    /// What to do.
    pub hint: Option<Message>,
    /// Each thing that is wrong, where there may be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<List<Message, { FINDINGS_MAX }>>,
    /// By which the server's log finds the request.
    pub trace: Text<64>,
}

impl Problem {
    /// The answer for an error with this code.
    pub fn new(code: Code, detail: &str, hint: Option<&str>, trace: &str) -> Self {
        Self {
            kind: Text::escaped(&format!("{PROBLEM_TYPE}{}", code.id)),
            title: Text::escaped(code.title),
            status: code.http_status(),
            code: Text::escaped(code.id),
            detail: Text::escaped(detail),
            hint: hint.map(Text::escaped),
            findings: None,
            trace: Text::escaped(trace),
        }
    }

    /// With each thing that is wrong.
    #[must_use]
    pub fn with_findings(mut self, findings: &[String]) -> Self {
        let all = findings.iter().map(|finding| Text::escaped(finding)).collect();
        self.findings = (!findings.is_empty()).then(|| List::first(all).0);
        self
    }
}
