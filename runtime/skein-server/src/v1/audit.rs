//! What was decided, by whom, when and from where; whether that is what it was; and what statements are signed with.

use skein_api::{
    AuditEvent, AuditRecord, AuditVerified, AuditVerify, ChainHead, Page, SignedStatement, SigningKeys,
};
use skein_control::{AuditPart, RecordPart, VerifyPart};
use skein_types::{Code, codes};

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::limits::BACKUP_TIME;
use crate::once::Keyed;

/// What is found where the record, or what lies beside it, is not what it was.
const FOUND: &[Code] = &[
    codes::LEDGER_DAMAGED,
    codes::LEDGER_PROJECTION,
    codes::MODULE_SWAPPED,
    codes::ATTEST_INVALID,
    codes::ATTEST_KEY,
    codes::SECRET_LOST,
];

pub(crate) fn routes() -> Family {
    Family::new("Audit", "What was decided, by whom, when and from where, and whether that is what it was.")
        .get(
            "/audit",
            list,
            told("List decisions that all of what is said holds for").refuses(&[codes::NOT_FOUND]),
        )
        .get("/audit/{position}", show, told("Show a decision, with what it changed").refuses(&[codes::NOT_FOUND]))
        .get(
            "/audit/records",
            records,
            told("List decisions as they are hashed")
                .about("For whoever verifies them without this server: each has what its hash covers."),
        )
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
                .about(
                    "Reads the whole record, for as long as that takes. Deep, it plays it into an empty ledger and compares every table, and \
                     reads every blob, module, compiled module and statement.",
                )
                .refuses(FOUND),
        )
        .post(
            "/audit/verification",
            verify_against,
            told("Check each decision, and many heads that were kept elsewhere").refuses(FOUND),
        )
        .get(
            "/audit/keys",
            keys,
            told("List the keys that statements are and were signed with").refuses(&[codes::SIGNING_KEY]),
        )
        .post(
            "/audit/keys/actions/rotate",
            rotate,
            told("Sign with a new key from now on")
                .about("Both sign that it follows the old one, which then signs nothing any more.")
                .refuses(&[codes::SIGNING_KEY]),
        )
        .get(
            "/statements/{named}",
            statement,
            told("Fetch the signed statement of a published dataset")
                .about("By the run's id, or by the dataset's name or id; of the last run that has one, or of the one that made a version.")
                .query("version", "Of the run that made this version.", position())
                .refuses(&[codes::NO_STATEMENT, codes::NOT_FOUND]),
        )
}

fn position() -> serde_json::Value {
    serde_json::json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 })
}

async fn list(asker: Asker, Part(part): Part<AuditPart>) -> Answer<Page<AuditEvent>> {
    asker.ask(move |desk| desk.audit(&part)).await
}

async fn show(asker: Asker, Path(position): Path<String>) -> Answer<AuditEvent> {
    asker.ask(move |desk| desk.audit_event(&position)).await
}

async fn records(asker: Asker, Part(part): Part<RecordPart>) -> Answer<Page<AuditRecord>> {
    asker.ask(move |desk| desk.audit_records(&part)).await
}

async fn head(asker: Asker) -> Answer<ChainHead> {
    asker.ask(|desk| desk.audit_head()).await
}

async fn verify(asker: Asker, Part(part): Part<VerifyPart>) -> Answer<AuditVerified> {
    let VerifyPart { against, deep } = part;
    asker.ask_within(BACKUP_TIME, move |desk| desk.verify_audit(against.as_deref().as_slice(), deep)).await
}

async fn verify_against(asker: Asker, Body(asked): Body<AuditVerify>) -> Answer<AuditVerified> {
    asker
        .ask_within(BACKUP_TIME, move |desk| {
            let heads: Vec<&str> = asked.heads.iter().map(|head| head.as_str()).collect();
            desk.verify_audit(&heads, asked.deep)
        })
        .await
}

async fn keys(asker: Asker) -> Answer<SigningKeys> {
    asker.ask(|desk| desk.signing_keys()).await
}

async fn rotate(asker: Asker, _: Keyed) -> Answer<SigningKeys> {
    asker.ask(|desk| desk.rotate_key()).await
}

/// Which version, as a query says it.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OfVersion {
    version: Option<u64>,
}

impl crate::description::takes::Question for OfVersion {
    fn parameters() -> Vec<crate::description::operation::Parameter> {
        Vec::new()
    }
}

async fn statement(
    asker: Asker,
    Path(named): Path<String>,
    Part(OfVersion { version }): Part<OfVersion>,
) -> Answer<SignedStatement> {
    asker.ask(move |desk| desk.statement(&named, version)).await
}
