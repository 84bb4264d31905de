//! Scans.

use skein_api::{Page, Scan, ScanAsk, ScanFound};
use skein_types::{Code, codes};

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::once::Keyed;

const BEGINNING: &[Code] =
    &[codes::SCANS_BUSY, codes::PLACE_OF_OTHERS, codes::OWNER_NEEDED, codes::NOT_FOUND];

pub(crate) fn routes() -> Family {
    Family::new("Scans", "They look for datasets below a directory.")
        .get("/scans", list, told("List scans"))
        .post("/scans", begin, told("Begin a scan").refuses(BEGINNING))
        .get("/scans/{scan}", show, told("Show a scan"))
        .delete("/scans/{scan}", cancel, told("End a scan early"))
        .get("/scans/{scan}/found", found, told("List what a scan found"))
}

async fn begin(asker: Asker, _: Keyed, Body(asked): Body<ScanAsk>) -> Answer<Scan> {
    asker.ask(move |desk| desk.begin_scan(asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Scan>> {
    asker.ask(move |desk| desk.scans(&part)).await
}

async fn show(asker: Asker, Path(scan): Path<String>) -> Answer<Scan> {
    asker.ask(move |desk| desk.scan(&scan)).await
}

async fn found(asker: Asker, Path(scan): Path<String>, Part(part): Part) -> Answer<Page<ScanFound>> {
    asker.ask(move |desk| desk.scan_found(&scan, &part)).await
}

async fn cancel(asker: Asker, Path(scan): Path<String>) -> Answer<Scan> {
    asker.ask(move |desk| desk.cancel_scan(&scan)).await
}
