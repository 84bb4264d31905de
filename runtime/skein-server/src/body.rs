//! Bodies of requests as they come: no more bytes than may be, and no slower than the least rate.

use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use futures_util::StreamExt as _;
use skein_control::ServiceError;
use skein_types::codes;
use tokio::time::{Instant, timeout_at};

use crate::limits::{BODY_GRACE, BODY_RATE, BODY_TIME};
use crate::problem::Refusal;

/// A body on its way.
pub(crate) struct Arriving {
    stream: BodyDataStream,
    since: Instant,
    got: u64,
    most: u64,
}

impl Arriving {
    /// Refused at once if it says that it is too large.
    pub(crate) fn new(body: Body, most: usize) -> Result<Self, Refusal> {
        let most = most as u64;
        if body.size_hint().lower() > most {
            return Err(too_large(most));
        }
        Ok(Self { stream: body.into_data_stream(), since: Instant::now(), got: 0, most })
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        // Whoever is ahead of the least rate has time for a pause.
        let seconds = std::time::Duration::from_secs(self.got / BODY_RATE);
        let until = self.since + (BODY_GRACE + seconds).min(BODY_TIME);
        let Ok(next) = timeout_at(until, self.stream.next()).await else {
            let message = format!("{} bytes of the body came, too slowly", self.got);
            return Err(Refusal(ServiceError::new(codes::REQUEST_LATE, message)));
        };
        let Some(next) = next else { return Ok(None) };
        let bytes = next.map_err(|error| {
            Refusal(ServiceError::new(codes::IO, format!("the body did not arrive: {error}")))
        })?;
        self.got += bytes.len() as u64;
        if self.got > self.most { Err(too_large(self.most)) } else { Ok(Some(bytes)) }
    }
}

/// A whole body in memory.
pub(crate) async fn whole(body: Body, most: usize) -> Result<Bytes, Refusal> {
    let mut arriving = Arriving::new(body, most)?;
    let Some(first) = arriving.next().await? else { return Ok(Bytes::new()) };
    let mut all = Vec::from(first);
    while let Some(more) = arriving.next().await? {
        all.extend_from_slice(&more);
    }
    Ok(all.into())
}

fn too_large(most: u64) -> Refusal {
    Refusal(ServiceError::new(codes::BODY_TOO_LARGE, format!("a body of more than {most} bytes")))
}
