//! Decisions, as a page.

use skein_api::{Event, Page};

use super::{Answer, Part};
use crate::asker::Asker;
use crate::description::{Family, told};

pub(crate) fn routes() -> Family {
    Family::new("Events", "What was decided, in the order in which it was.").get(
        "/events",
        list,
        told("List decisions"),
    )
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Event>> {
    asker.ask(move |desk| desk.events(&part)).await
}
