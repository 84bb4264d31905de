//! What the log keeps of a result's content: sums with the recorded seed, which everybody can compute again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_dataset::parquet::Copied;
use skein_fingerprint::{ColumnSum, Measure, RowSum};
use skein_types::{Blake3, Bytes};

use crate::job::Job;
use crate::lane::StagedOutput;
use crate::readback;

/// Of a version, as far as its run decoded it. `skein-fingerprint` says what a cell is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Of the hashes; 0.
    pub seed: u64,
    /// Target columns that the module made or passed through, in their order, over all files in which it did.
    pub columns: Vec<ColumnPrint>,
    /// Of all these columns together; none if they are not the same in all files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowSum>,
    /// Chunks that were copied, by leaf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copied: Vec<CopiedPrint>,
}

/// Of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnPrint {
    /// Its name.
    pub name: String,
    /// Count, nulls and sum of cells.
    #[serde(flatten)]
    pub sum: ColumnSum,
    /// What others can compute too; none of floats and nested columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
}

/// Of chunks that were copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedPrint {
    /// Dotted path in the Parquet schema.
    pub path: String,
    /// How many.
    pub chunks: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Of the xxh3-128 of each one's bytes, modulo 2^128, as 32 hexadecimal digits.
    pub sum: String,
}

impl Fingerprint {
    /// Of everything that a run has staged.
    pub(crate) fn of(job: &Job) -> Self {
        let outputs = &job.made.transformed.outputs;
        let order: Vec<&str> = job.plans.groups.first().map_or_else(Vec::new, |group| {
            group.plan.columns().iter().map(|column| column.field.name().as_str()).collect()
        });
        let mut columns: BTreeMap<&str, ColumnPrint> = BTreeMap::new();
        let (mut rows, mut same) = (RowSum::default(), None);
        for output in outputs {
            let first = output.sources.first().copied().unwrap_or(0);
            let made = readback::made(&job.plans.groups[job.plans.group_of[first]]);
            add(output, &made, &mut columns);
            let sum = output.witness.sums.rows;
            rows = RowSum { count: rows.count + sum.count, sum: rows.sum.wrapping_add(sum.sum) };
            same = Some(same.unwrap_or(true) && made == readback::made(&job.plans.groups[0]));
        }
        let some = rows.count > 0 && same == Some(true);
        let columns = order.iter().filter_map(|name| columns.remove(name)).collect();
        Self { seed: 0, columns, rows: some.then_some(rows), copied: copied(outputs) }
    }

    /// Names it where there is no room for all of it.
    pub fn digest(&self) -> Blake3 {
        Blake3::of(&serde_json::to_vec(self).expect("numbers and text, which JSON can say"))
    }
}

fn add<'a>(output: &StagedOutput, made: &[&'a str], columns: &mut BTreeMap<&'a str, ColumnPrint>) {
    let witness = &output.witness;
    let measures = witness.measures.columns.iter().copied().chain(std::iter::repeat(None));
    for ((name, sum), measure) in made.iter().zip(&witness.sums.columns).zip(measures) {
        match columns.get_mut(name) {
            None => {
                let print = ColumnPrint { name: (*name).to_owned(), sum: *sum, measure };
                columns.insert(name, print);
            }
            Some(print) => {
                print.sum.add(sum);
                print.measure = print.measure.zip(measure).map(|(one, more)| one.and(&more));
            }
        }
    }
}

fn copied(outputs: &[StagedOutput]) -> Vec<CopiedPrint> {
    let mut leaves: BTreeMap<&str, Copied> = BTreeMap::new();
    for column in outputs.iter().flat_map(|output| &output.sealed.columns) {
        let Some(more) = column.copied else { continue };
        let all = leaves.entry(&column.path).or_default();
        all.chunks += more.chunks;
        all.bytes += more.bytes;
        all.sum = all.sum.wrapping_add(more.sum);
    }
    let print = |(path, Copied { chunks, bytes, sum }): (&str, Copied)| CopiedPrint {
        path: path.to_owned(),
        chunks,
        bytes,
        sum: format!("{sum:032x}"),
    };
    leaves.into_iter().map(print).collect()
}
