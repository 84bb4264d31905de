//! Bodies of requests as they come: no more bytes than may be, of each and of all that are held, and no slower than the least rate.

use std::ops::Deref;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use futures_util::StreamExt as _;
use skein_control::ServiceError;
use skein_types::codes;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::limits::{BODIES_BYTES, BODY_FREE_BYTES, BODY_GRACE, BODY_RATE, BODY_TIME};
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
            // The peer's doing, as slowness is: nothing of this machine failed.
            Refusal(ServiceError::new(codes::REQUEST_LATE, format!("the body broke off: {error}")))
        })?;
        self.got += bytes.len() as u64;
        if self.got > self.most { Err(too_large(self.most)) } else { Ok(Some(bytes)) }
    }
}

/// A whole body in memory, of somebody of whom there are a few.
pub(crate) async fn whole(body: Body, most: usize) -> Result<Bytes, Refusal> {
    gathered(body, most, |_| Ok(())).await
}

/// A whole body in memory, of anybody. All of them together have no more room than [`BODIES_BYTES`]; whoever comes when there is none
/// left comes again later.
pub(crate) async fn held(body: Body, most: usize) -> Result<Held, Refusal> {
    let mut room = ROOM.acquire_many(0).await.map_err(|_| no_room())?;
    let mut free = BODY_FREE_BYTES;
    let taking = |more: usize| {
        let beyond = more.saturating_sub(free);
        free -= more - beyond;
        let beyond = u32::try_from(beyond).map_err(|_| no_room())?;
        room.merge(ROOM.try_acquire_many(beyond).map_err(|_| no_room())?);
        Ok(())
    };
    let bytes = gathered(body, most, taking).await?;
    Ok(Held { bytes, _room: room })
}

/// A byte of a body that is held has a permit, but for its first ones: who says little is heard however much others say.
static ROOM: Semaphore = Semaphore::const_new(BODIES_BYTES);

/// A body, with the room that it takes.
pub(crate) struct Held {
    bytes: Bytes,
    _room: SemaphorePermit<'static>,
}

impl Held {
    /// Gives up its room, for whoever takes it up again.
    pub(crate) fn let_go(self) -> Bytes {
        self.bytes
    }
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

async fn gathered(
    body: Body,
    most: usize,
    mut taking: impl FnMut(usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal> {
    let mut arriving = Arriving::new(body, most)?;
    let Some(first) = arriving.next().await? else { return Ok(Bytes::new()) };
    taking(first.len())?;
    let mut all = Vec::from(first);
    while let Some(more) = arriving.next().await? {
        taking(more.len())?;
        all.extend_from_slice(&more);
    }
    Ok(all.into())
}

fn no_room() -> Refusal {
    let message =
        format!("requests under way hold {} of bodies already", skein_types::Bytes(BODIES_BYTES as u64));
    Refusal(ServiceError::new(codes::SERVER_BUSY, message))
}

fn too_large(most: u64) -> Refusal {
    Refusal(ServiceError::new(codes::BODY_TOO_LARGE, format!("a body of more than {most} bytes")))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use skein_types::codes;

    use super::{BODIES_BYTES, BODY_FREE_BYTES, held};

    #[tokio::test]
    async fn bodies_have_so_much_room_together_and_a_short_one_always_has() {
        let half = || held(Body::from(vec![0; BODIES_BYTES / 2]), BODIES_BYTES);
        let both = [half().await.unwrap(), half().await.unwrap()];
        assert_eq!(both[0].len(), BODIES_BYTES / 2);
        // Room for what the two had free.
        let rest = held(Body::from(vec![0; 3 * BODY_FREE_BYTES]), BODIES_BYTES).await.unwrap();
        let refused = held(Body::from(vec![0; BODY_FREE_BYTES + 1]), BODIES_BYTES).await;
        assert_eq!(refused.map(|_| ()).unwrap_err().0.code, codes::SERVER_BUSY);
        held(Body::from(vec![0; BODY_FREE_BYTES]), BODIES_BYTES).await.unwrap();
        drop((rest, both));
        held(Body::from(vec![0; BODIES_BYTES]), BODIES_BYTES).await.unwrap();
    }
}
