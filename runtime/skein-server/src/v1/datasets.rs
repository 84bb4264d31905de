//! Datasets.

use axum::Json;
use axum::extract::Request;
use serde::Deserialize;
use serde_json::json;
use skein_api::{
    Dataset, DatasetExport, DatasetLabels, DatasetLabelsPut, DatasetOwner, DatasetOwnerPut, DatasetRollback,
    DatasetRolledBack, DatasetScrub, DatasetVersion, DatasetsAdd, DatasetsAdded, DatasetsImported,
    IMPORT_BYTES_MAX, Page,
};
use skein_control::ImportAsk;
use skein_types::{Code, codes};

use super::listed::{as_text, list_of};
use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::description::operation::{Parameter, Place};
use crate::description::takes::{Question, order};
use crate::description::{Family, told};
use crate::problem::Refusal;
use crate::seen::{IfMatch, Versioned};

/// What no list is taken for.
const IMPORTING: &[Code] =
    &[codes::BODY_INVALID, codes::CONTENT_TYPE, codes::LIST_REFUSED, codes::NO_SPACE, codes::PERMISSION];

/// What keeps a dataset's log from being read, or the dataset from being there.
const READING: &[Code] = &[
    codes::BODY_INVALID,
    codes::DATASET_NOT_FOUND,
    codes::LOG_DAMAGED,
    codes::NO_HISTORY,
    codes::NO_SUCH_VERSION,
    codes::PERMISSION,
    codes::VERSION_GONE,
];
/// What a version cannot be listed for.
const EXPORTING: &[Code] = &[codes::DATASET_DRIFT, codes::KEPT_VERSION_DAMAGED, codes::VERSION_UNLISTABLE];
/// What a dataset is not rolled back for.
const UNDOING: &[Code] = &[
    codes::CAMPAIGN_STATE,
    codes::RUN_UNDER_WAY,
    codes::VERSION_MOVED,
    codes::NOT_ROLLED_BACK_HERE,
    codes::NO_RUN_FOR_IT,
    codes::RUN_STATE,
    codes::WINDOW_OPEN,
];

pub(crate) fn routes() -> Family {
    let family = Family::new("Datasets", "What can be migrated.")
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
        .post(
            "/datasets/import",
            import,
            told("Register all datasets of a list, or none of them")
                .about(
                    "A CSV table with the columns `name`, `path`, `owner` and `labels` (`key=value;key=value`), or one JSON object with these \
                     fields a line: at most 100,000 lines and 32 MiB. What is wrong is said by line, and nothing is registered then. The same \
                     list again changes nothing.",
                )
                .takes_bytes("text/csv", "A table with a header.")
                .takes_bytes("application/x-ndjson", "A JSON object a line.")
                .refuses(IMPORTING),
        )
        .get("/datasets/{dataset}", show, told("Show a dataset"))
        .get(
            "/datasets/{dataset}/history",
            history,
            told("List the versions that a dataset has had, from the oldest or from the newest")
                .query("order", "`newest` begins with the current one.", order())
                .refuses(READING),
        )
        .get(
            "/datasets/{dataset}/scrub",
            scrubbed,
            told("Say what was found when all versions of a dataset were last read in full"),
        )
        .post(
            "/datasets/{dataset}/scrub",
            scrub,
            told("Have all versions of a dataset read in full and compared with its log")
                .about("The answer comes at once; `under_way` is true until a node has read them.")
                .refuses(&[codes::SCANS_BUSY]),
        )
        .post(
            "/datasets/{dataset}/rollback",
            rollback,
            told("Undo the current version of a dataset")
                .about(
                    "For what a campaign of this server published, while the version before is kept. `expect` is the version that whoever \
                     asks saw. The answer comes when it is done, after 20 s at the latest: while its run is `reverting` it goes on, and the \
                     same request again says how it ended.",
                )
                .refuses(READING)
                .refuses(UNDOING),
        )
        .get(
            "/datasets/{dataset}/export",
            export,
            told("Say where a version's files are, and how DuckDB, Spark, Polars and pyarrow read exactly these")
                .refuses(READING)
                .refuses(EXPORTING),
        )
        .delete(
            "/datasets/{dataset}",
            remove,
            told("Forget a dataset").about("Its files and its history stay.").refuses(&[codes::CAMPAIGN_STATE]),
        );
    said(family)
}

/// What is said of a dataset, and said anew.
fn said(family: Family) -> Family {
    family
        .get("/datasets/{dataset}/labels", labels, told("Show the labels of a dataset"))
        .put(
            "/datasets/{dataset}/labels",
            put_labels,
            told("Set the labels of a dataset: these and no others").about(
                "`sensitive`, `sensitive.2` and so on name columns whose values are shown to nobody from then on; `tier` makes plans risky. \
                 Where these change, plans over the dataset that nobody has started are stale. Labels and owner have one version.",
            ),
        )
        .get("/datasets/{dataset}/owner", owner, told("Show the team of a dataset"))
        .put(
            "/datasets/{dataset}/owner",
            put_owner,
            told("Hand a dataset over to a team")
                .about(
                    "For operators of both teams, and admins. Plans over the dataset that nobody has started are stale then; what runs goes \
                     on as it was approved.",
                )
                .refuses(&[codes::PLACE_OF_OTHERS]),
        )
}

async fn add(asker: Asker, Body(asked): Body<DatasetsAdd>) -> Answer<DatasetsAdded> {
    asker.ask(move |desk| desk.add_datasets(asked)).await
}

/// What is said of a whole list behind the `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Importing {
    owner: Option<String>,
    dry_run: bool,
}

impl Question for Importing {
    fn parameters() -> Vec<Parameter> {
        let behind = |name, about, schema| Parameter { place: Place::Query, name, about, schema };
        let team = json!({ "type": "string", "maxLength": 200 });
        vec![
            behind("owner", "The team of datasets whose line does not say one.", team),
            behind(
                "dry_run",
                "Only look whether all of it could be registered.",
                json!({ "type": "boolean" }),
            ),
        ]
    }
}

async fn import(
    asker: Asker,
    Part(Importing { owner, dry_run }): Part<Importing>,
    request: Request,
) -> Answer<DatasetsImported> {
    // Before a long body is waited for.
    let Json(()) = asker.clone().ask(|desk| desk.may_import()).await?;
    let (kind, body) = list_of(request, IMPORT_BYTES_MAX).await?;
    let asked = ImportAsk { owner, dry_run };
    asker.ask(move |desk| desk.import_datasets((kind, as_text(&body)?), &asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Dataset>> {
    asker.ask(move |desk| desk.datasets(&part)).await
}

async fn show(asker: Asker, Path(dataset): Path<String>) -> Answer<Dataset> {
    asker.ask(move |desk| desk.dataset(&dataset)).await
}

async fn labels(asker: Asker, Path(dataset): Path<String>) -> Result<Versioned<DatasetLabels>, Refusal> {
    let Json(labels) = asker.ask(move |desk| desk.dataset_labels(&dataset)).await?;
    Ok(Versioned(labels.version, labels))
}

async fn put_labels(
    asker: Asker,
    Path(dataset): Path<String>,
    IfMatch(seen): IfMatch,
    Body(asked): Body<DatasetLabelsPut>,
) -> Result<Versioned<DatasetLabels>, Refusal> {
    let Json(labels) = asker.ask(move |desk| desk.put_dataset_labels((&dataset, seen), &asked)).await?;
    Ok(Versioned(labels.version, labels))
}

async fn owner(asker: Asker, Path(dataset): Path<String>) -> Result<Versioned<DatasetOwner>, Refusal> {
    let Json(owner) = asker.ask(move |desk| desk.dataset_owner(&dataset)).await?;
    Ok(Versioned(owner.version, owner))
}

async fn put_owner(
    asker: Asker,
    Path(dataset): Path<String>,
    IfMatch(seen): IfMatch,
    Body(asked): Body<DatasetOwnerPut>,
) -> Result<Versioned<DatasetOwner>, Refusal> {
    let Json(owner) = asker.ask(move |desk| desk.put_dataset_owner((&dataset, seen), &asked)).await?;
    Ok(Versioned(owner.version, owner))
}

async fn remove(asker: Asker, Path(dataset): Path<String>) -> Answer<Dataset> {
    asker.ask(move |desk| desk.remove_dataset(&dataset)).await
}

async fn scrubbed(asker: Asker, Path(dataset): Path<String>) -> Answer<DatasetScrub> {
    asker.ask(move |desk| desk.dataset_scrub(&dataset)).await
}

async fn scrub(asker: Asker, Path(dataset): Path<String>) -> Answer<DatasetScrub> {
    asker.ask(move |desk| desk.scrub_dataset(&dataset)).await
}

async fn history(
    asker: Asker,
    Path(dataset): Path<String>,
    Part(part): Part,
) -> Answer<Page<DatasetVersion>> {
    asker.ask(move |desk| desk.dataset_history(&dataset, &part)).await
}

async fn rollback(
    asker: Asker,
    Path(dataset): Path<String>,
    Body(asked): Body<DatasetRollback>,
) -> Answer<DatasetRolledBack> {
    asker.ask(move |desk| desk.roll_back_dataset(&dataset, &asked)).await
}

/// Which version, behind the `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Which {
    version: Option<u64>,
}

impl Question for Which {
    fn parameters() -> Vec<Parameter> {
        let about = "Which version; the current one if nothing is said.";
        let schema = json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 });
        vec![Parameter { place: Place::Query, name: "version", about, schema }]
    }
}

async fn export(
    asker: Asker,
    Path(dataset): Path<String>,
    Part(Which { version }): Part<Which>,
) -> Answer<DatasetExport> {
    asker.ask(move |desk| desk.export_dataset(&dataset, version)).await
}
