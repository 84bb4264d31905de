//! What a handler answers, read off the type of its answer.

use axum::Json;
use axum::response::Response;
use skein_types::codes;
use utoipa::ToSchema;

use super::operation::Operation;
use crate::problem::Refusal;
use crate::seen::Versioned;

/// The answer of a handler, as far as whoever asks has to know of it.
pub(crate) trait Answers {
    /// Adds what it means for a route that answers with it.
    fn describe(operation: &mut Operation);
}

impl<T: ToSchema> Answers for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.answers_json::<T>(200);
    }
}

impl<T: ToSchema> Answers for Versioned<T> {
    fn describe(operation: &mut Operation) {
        operation.answers_json::<T>(200);
        operation.answers_with_header("ETag", "Its version, for `If-Match`.");
    }
}

/// What is in it is told beside it.
impl Answers for Response {
    fn describe(_: &mut Operation) {}
}

impl<T: Answers> Answers for Result<T, Refusal> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        operation.refuses(&[
            codes::FORBIDDEN,
            codes::BUG,
            codes::IO,
            codes::LEDGER_FULL,
            codes::LEDGER_IO,
            codes::SERVER_BUSY,
        ]);
    }
}
