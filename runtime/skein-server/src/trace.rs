//! Which trace a request is part of: [W3C Trace Context](https://www.w3.org/TR/trace-context/).
//!
//! A request that comes with a `traceparent` is part of that trace, any other begins one. The answer says which in a header of the same
//! name, a problem in its body, the log in the request's span, and the ledger beside the events that it caused.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use skein_control::Came;
use skein_types::TraceId;
use uuid::Uuid;

use crate::serve::Peer;

const HEADER: &str = "traceparent";

tokio::task_local! {
    static TRACE: TraceId;
}

pub(crate) async fn traced(request: Request, next: Next) -> Response {
    let (trace, flags) = given(request.headers()).unwrap_or_else(|| (begun(), "00"));
    let flags = flags.to_owned();
    let mut response = within(trace, next.run(request)).await;
    // Sixteen digits of a new number, of which the first is not zero.
    let (_, span) = Uuid::now_v7().as_u64_pair();
    if let Ok(value) = HeaderValue::from_str(&format!("00-{trace}-{span:016x}-{flags}")) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Tells whoever answers, and knows nothing of this server, where the request came from.
pub(crate) async fn told(mut request: Request, next: Next) -> Response {
    let from = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    request.extensions_mut().insert(Came { trace: current(), from });
    next.run(request).await
}

/// The trace of the request that is being answered.
pub(crate) fn current() -> TraceId {
    TRACE.try_with(|trace| *trace).unwrap_or_else(|_| begun())
}

/// Work that is part of a trace.
pub(crate) async fn within<F: Future>(trace: TraceId, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

fn begun() -> TraceId {
    loop {
        if let Some(trace) = TraceId::new(Uuid::now_v7().into_bytes()) {
            return trace;
        }
    }
}

/// What whoever asks says, if it can be understood; else it says nothing.
fn given(headers: &HeaderMap) -> Option<(TraceId, &str)> {
    let mut values = headers.get_all(HEADER).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    let mut parts = value.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    // A later version may say more behind the flags.
    let ends = version != "00" || parts.next().is_none();
    let fits =
        hex(version, 2) && version != "ff" && hex(span, 16) && span != "0000000000000000" && hex(flags, 2);
    (fits && ends).then_some((trace.parse().ok()?, flags))
}

#[cfg(test)]
mod tests {
    use super::given;
    use axum::http::{HeaderMap, HeaderValue};

    #[test]
    fn a_trace_is_taken_over_if_it_is_one() {
        let said = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("traceparent", HeaderValue::from_str(value).unwrap());
            }
            given(&headers).map(|(trace, flags)| format!("{trace} {flags}"))
        };
        let one = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(said(&[one]).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736 01"));
        assert!(said(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more"]).is_some());
        for none in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(said(&[none]), None, "{none}");
        }
        assert_eq!(said(&[one, one]), None);
    }
}
