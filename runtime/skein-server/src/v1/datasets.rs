//! Datasets.

use serde_json::json;
use skein_api::{Dataset, DatasetsAdd, DatasetsAdded, Page};
use skein_types::codes;

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::{Family, told};

pub(crate) fn routes() -> Family {
    Family::new("Datasets", "What can be migrated.")
        .get(
            "/datasets",
            list,
            told("List datasets, by name")
                .query("prefix", "Those whose names begin so.", json!({ "type": "string", "maxLength": 200 }))
                .query("owner", "Those of this team.", json!({ "type": "string", "maxLength": 200 })),
        )
        .post(
            "/datasets",
            add,
            told("Register datasets")
                .about("Each by itself: one that is refused does not keep the others out, and the answer says what became of each."),
        )
        .get("/datasets/{dataset}", show, told("Show a dataset"))
        .delete(
            "/datasets/{dataset}",
            remove,
            told("Forget a dataset").about("Its files and its history stay.").refuses(&[codes::CAMPAIGN_STATE]),
        )
}

async fn add(asker: Asker, Body(asked): Body<DatasetsAdd>) -> Answer<DatasetsAdded> {
    asker.ask(move |desk| desk.add_datasets(asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Dataset>> {
    asker.ask(move |desk| desk.datasets(&part)).await
}

async fn show(asker: Asker, Path(dataset): Path<String>) -> Answer<Dataset> {
    asker.ask(move |desk| desk.dataset(&dataset)).await
}

async fn remove(asker: Asker, Path(dataset): Path<String>) -> Answer<Dataset> {
    asker.ask(move |desk| desk.remove_dataset(&dataset)).await
}
