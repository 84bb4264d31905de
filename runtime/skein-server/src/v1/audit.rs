//! What was decided, by whom and when.

use skein_api::{Event, Page};
use skein_control::AuditPart;

use super::{Answer, Part};
use crate::asker::Asker;
use crate::description::{Family, told};

pub(crate) fn routes() -> Family {
    Family::new("Audit", "What was decided, by whom and when.").get(
        "/audit",
        list,
        told("List decisions that all of what is said holds for"),
    )
}

async fn list(asker: Asker, Part(part): Part<AuditPart>) -> Answer<Page<Event>> {
    asker.ask(move |desk| desk.audit(&part)).await
}
