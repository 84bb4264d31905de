//! Of lists of datasets and of their versions.

use crate::public::{labels, runs_page, time};
use crate::samples::{digest, text, uuid};
use skein_api::{
    DatasetExport, DatasetLine, DatasetRollback, DatasetRolledBack, DatasetVersion, DatasetsImported,
    ExportFile, List,
};
use skein_types::{Bytes, CampaignId, DatasetId, ModuleDigest, ParamsDigest, Rows, RunId};

pub(crate) fn line() -> DatasetLine {
    DatasetLine { name: text("orders"), path: text("/d/orders"), owner: Some(text("shop")), labels: labels() }
}

pub(crate) fn imported() -> DatasetsImported {
    DatasetsImported { datasets: 3, added: 2, known: 1, dry_run: true }
}

pub(crate) fn version() -> DatasetVersion {
    DatasetVersion {
        version: 1,
        current: true,
        since: time(),
        kind: text("published"),
        what: text("orders-v2 2.0.0"),
        to: None,
        run: Some(RunId::new(uuid(3))),
        campaign: Some(CampaignId::new(uuid(4))),
        seq: Some(5),
        module: Some(ModuleDigest::of(b"module")),
        params: Some(ParamsDigest(digest("schema").0)),
        plan: Some(digest("schema")),
        files: 2,
        bytes: Bytes::mib(3),
        rows: Some(Rows(40)),
        rejected: Some(Rows(1)),
        available: true,
        kept: None,
    }
}

pub(crate) fn rollback() -> DatasetRollback {
    DatasetRollback { expect: 1, reason: Some(text("wrong rate")) }
}

pub(crate) fn rolled_back() -> DatasetRolledBack {
    DatasetRolledBack { undoes: 1, campaign: CampaignId::new(uuid(4)), run: runs_page().items[0].clone() }
}

pub(crate) fn export() -> DatasetExport {
    let file = ExportFile {
        path: text("/d/orders/a.parquet"),
        relative: text("a.parquet"),
        bytes: Bytes::mib(3),
        rows: Some(Rows(40)),
        blake3: digest("schema"),
    };
    DatasetExport {
        dataset: DatasetId::new(uuid(7)),
        version: 1,
        current: true,
        root: text("/d/orders"),
        files: List::new(vec![file]).unwrap(),
        duckdb: text("SELECT 1"),
        spark: text("spark"),
        polars: text("polars"),
        pyarrow: text("pyarrow"),
    }
}
