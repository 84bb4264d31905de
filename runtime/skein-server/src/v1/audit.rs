//! What was decided, by whom and when.

use skein_api::{ChainHead, Event, Page};
use skein_control::{AuditPart, VerifyPart};
use skein_types::codes;

use super::{Answer, Part};
use crate::asker::Asker;
use crate::description::{Family, told};

pub(crate) fn routes() -> Family {
    Family::new("Audit", "What was decided, by whom and when.")
        .get("/audit", list, told("List decisions that all of what is said holds for"))
        .get(
            "/audit/head",
            head,
            told("Say the last decision")
                .about("Its hash covers all before it: keep it elsewhere, to verify against."),
        )
        .get(
            "/audit/verification",
            verify,
            told("Check each decision against the one before it")
                .about("Reads the whole record, for as long as that takes.")
                .refuses(&[codes::LEDGER_DAMAGED]),
        )
}

async fn list(asker: Asker, Part(part): Part<AuditPart>) -> Answer<Page<Event>> {
    asker.ask(move |desk| desk.audit(&part)).await
}

async fn head(asker: Asker) -> Answer<ChainHead> {
    asker.ask(|desk| desk.audit_head()).await
}

async fn verify(asker: Asker, Part(part): Part<VerifyPart>) -> Answer<ChainHead> {
    asker.ask(move |desk| desk.verify_audit(part.against.as_deref())).await
}
