//! What is interrupted: datasets and what is done to them, and the versions that they pass through.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use host_tests::guard::{Tree, state_directory, tree};
use host_tests::{Call, Site, fixture, guests};
use serde_json::json;

use crate::plan::Disturbance;

/// The name of the dataset that is made beside.
pub(crate) const BESIDE: &str = "beside.parquet";

/// A dataset in a directory of its own, with the versions that it may have.
pub(crate) struct Subject {
    pub(crate) site: Site,
    pub(crate) dataset: PathBuf,
}

impl Subject {
    /// Three files (or a single one) and one migration behind it.
    pub(crate) fn new(single_file: bool) -> Self {
        let site = Site::new();
        let dataset = if single_file {
            let file = site.directory("data").join("orders.parquet");
            fixture::write(&file, &fixture::orders(0, 2_000), 600);
            file
        } else {
            fixture::orders_directory(&site.path("data/orders"), 3);
            site.path("data/orders")
        };
        let subject = Self { site, dataset };
        subject.first().finish().succeeded();
        subject
    }

    pub(crate) fn columns(&self, params: &serde_json::Value) -> Call {
        self.site.run(&guests::component("columns"), &self.dataset).params(params)
    }

    pub(crate) fn first(&self) -> Call {
        self.columns(&json!({ "name": "first", "steps": [{ "rename": "customer", "to": "client" }] }))
    }

    /// Rejects some rows, so that there is a quarantine to move.
    pub(crate) fn second(&self) -> Call {
        self.columns(&json!({ "name": "second", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }, { "drop": "note" }] }))
    }

    pub(crate) fn hold(&self) -> Call {
        self.second().arg("--publish").arg("hold")
    }

    pub(crate) fn publish(&self) -> Call {
        self.site.skein("publish").arg(&self.dataset)
    }

    pub(crate) fn discard(&self) -> Call {
        self.site.skein("discard").arg(&self.dataset).arg("--yes")
    }

    pub(crate) fn finalize(&self) -> Call {
        self.site.skein("finalize").arg(&self.dataset).arg("--now").arg("--yes")
    }

    pub(crate) fn forget(&self) -> Call {
        self.site.skein("forget").arg(&self.dataset).arg("--yes")
    }

    pub(crate) fn beside(&self) -> Call {
        self.second().arg("--publish").arg(format!("beside={BESIDE}"))
    }

    /// What others add while a run is at work.
    pub(crate) fn grow(&self) {
        fixture::write(&self.dataset.join("late.parquet"), &late(), 400);
    }

    /// What others do to a file while a run is at work.
    pub(crate) fn disturb(&self, how: Disturbance) {
        let mut files: Vec<_> = self.dataset.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        match how {
            Disturbance::Overwrite => fixture::write(&files[0], &late(), 400),
            Disturbance::Remove => std::fs::remove_file(&files[0]).unwrap(),
        }
    }

    pub(crate) fn third(&self) -> Call {
        self.columns(&json!({ "name": "third", "steps": [{ "drop": "year" }] }))
    }

    pub(crate) fn rollback(&self) -> Call {
        self.site.skein("rollback").arg(&self.dataset).arg("--yes")
    }

    pub(crate) fn recover(&self) -> Call {
        self.site.skein("recover").arg(&self.dataset)
    }

    pub(crate) fn tree(&self) -> Tree {
        tree(&self.dataset)
    }
}

/// A dataset that no run has seen.
pub(crate) fn untouched(single_file: bool) -> Subject {
    let subject = Subject::new(single_file);
    subject.rollback().arg("--to").arg("0").finish().succeeded();
    std::fs::remove_dir_all(state_directory(&subject.dataset)).unwrap();
    subject
}

/// Rows of the schema that the first migration made.
pub(crate) fn late() -> RecordBatch {
    let rows = fixture::orders(9_000, 9_100);
    let names = ["id", "client", "amount", "note", "year"];
    let schema = rows.schema();
    let columns = names.iter().zip(schema.fields().iter()).zip(rows.columns());
    let columns = columns.map(|((name, field), column)| (*name, Arc::clone(column), field.is_nullable()));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// The versions that a dataset passes through, made once without any crash.
pub(crate) struct Known {
    pub(crate) original: Version,
    pub(crate) first: Version,
    pub(crate) second: Version,
    /// The first and the second with what others add; a single file has none.
    pub(crate) grown: Option<[Version; 2]>,
    /// The first as it is when others have done something to a file.
    pub(crate) disturbed: BTreeMap<Disturbance, Version>,
}

/// A version, and what one more migration makes of it.
pub(crate) struct Version {
    pub(crate) tree: Tree,
    pub(crate) after_third: Tree,
}

impl Version {
    /// The current one of `subject`, which goes back to it.
    pub(crate) fn of(subject: &Subject) -> Self {
        let tree = subject.tree();
        subject.third().finish().succeeded();
        let after_third = subject.tree();
        subject.rollback().finish().succeeded();
        assert!(subject.tree() == tree && after_third != tree, "versions that do not differ show nothing");
        Self { tree, after_third }
    }
}

impl Known {
    pub(crate) fn new(single_file: bool) -> Self {
        let subject = Subject::new(single_file);
        let first = Version::of(&subject);
        subject.second().finish().succeeded();
        let second = Version::of(&subject);
        subject.rollback().arg("--to").arg("0").finish().succeeded();
        let original = Version::of(&subject);
        assert!(
            original.tree != first.tree && first.tree != second.tree,
            "versions that do not differ show nothing"
        );
        let grown = (!single_file).then(|| {
            let subject = Subject::new(false);
            subject.grow();
            let first = Version::of(&subject);
            subject.second().finish().succeeded();
            [first, Version::of(&subject)]
        });
        let mut disturbed = BTreeMap::new();
        for how in [Disturbance::Overwrite, Disturbance::Remove].into_iter().filter(|_| !single_file) {
            let subject = Subject::new(false);
            subject.disturb(how);
            disturbed.insert(how, Version::of(&subject));
        }
        Self { original, first, second, grown, disturbed }
    }
}
