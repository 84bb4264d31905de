//! Bodies that are lists in a file of their own: a table or objects, one thing a line.

use axum::extract::Request;
use axum::http::header;
use skein_api::LinesKind;
use skein_control::ServiceError;
use skein_types::codes;

use super::bytes;
use crate::body::Held;
use crate::problem::Refusal;

/// How a list is written, as its content type says, and its bytes.
pub(super) async fn list_of(request: Request, most: usize) -> Result<(LinesKind, Held), Refusal> {
    let said = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let said = said.unwrap_or_default().to_ascii_lowercase();
    let kind = said.split(';').next().unwrap_or_default().trim();
    let Some(known) = LinesKind::of(kind) else {
        let short: String = kind.chars().take(100).collect();
        let message = format!("a list is taken here, and none of {short:?}");
        let hint =
            "send Content-Type: text/csv or application/x-ndjson, and the file with curl --data-binary @FILE";
        return Err(Refusal(ServiceError::new(codes::CONTENT_TYPE, message).hint(Some(hint))));
    };
    Ok((known, bytes(request, most).await?))
}

/// A list as text.
pub(super) fn as_text(bytes: &[u8]) -> Result<&str, ServiceError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        ServiceError::new(codes::LIST_REFUSED, format!("line {line}: no UTF-8"))
    })
}
