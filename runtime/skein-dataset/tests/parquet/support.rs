//! Files in memory and on disk, plans by name, and a run of the whole path as the node drives it.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use skein_dataset::parquet::{FileError, FileSealer, FragmentEncoder, OutputPlan, Piece, Sealed, SourceFile};
use skein_types::{ColumnId, ColumnTree, PlanError, ProposedOrigin, ProposedPlan, SchemaPlan, Selection};

/// Bytes as an open file.
pub(crate) fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub(crate) fn open(bytes: &[u8]) -> Result<SourceFile, FileError> {
    SourceFile::open(file_of(bytes), "test.parquet")
}

/// A Parquet file of one batch.
pub(crate) fn parquet_of(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Row groups of `rows` rows each.
pub(crate) fn grouped(rows: usize) -> WriterProperties {
    WriterProperties::builder().set_max_row_group_row_count(Some(rows)).build()
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef, bool)>) -> RecordBatch {
    let fields =
        columns.iter().map(|(name, array, null)| Field::new(*name, array.data_type().clone(), *null));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, array, _)| array).collect()).unwrap()
}

/// A target column by the names of the source.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// Source column, name in the target.
    Carry(String, String),
    Preserve(String, String),
    Compute(Field),
}

pub(crate) fn carry(name: &str) -> To {
    To::Carry(name.to_owned(), name.to_owned())
}

pub(crate) fn rename(from: &str, to: &str) -> To {
    To::Carry(from.to_owned(), to.to_owned())
}

/// A plan over a file. Computed columns read the first source column.
pub(crate) fn plan(source: &SourceFile, columns: &[To], shape: &str) -> Arc<SchemaPlan> {
    try_plan(source, columns, shape).unwrap()
}

pub(crate) fn try_plan(
    source: &SourceFile,
    columns: &[To],
    shape: &str,
) -> Result<Arc<SchemaPlan>, PlanError> {
    let view = source.view();
    let id_of = |name: &str| {
        let place = view.fields().iter().position(|f| f.name() == name).unwrap();
        source.tree().roots()[place]
    };
    let field_of = |name: &str, new: &str| {
        let field = view.field_with_name(name).unwrap();
        Arc::new(field.clone().with_name(new))
    };
    let mut reads: Vec<u32> = Vec::new();
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut origins: Vec<ProposedOrigin> = Vec::new();
    for column in columns {
        match column {
            To::Carry(from, to) => {
                fields.push(field_of(from, to));
                origins.push(ProposedOrigin::Carried(id_of(from)));
            }
            To::Preserve(from, to) => {
                fields.push(field_of(from, to));
                reads.push(id_of(from).0);
                origins.push(ProposedOrigin::Preserved(id_of(from)));
            }
            To::Compute(field) => {
                fields.push(Arc::new(field.clone()));
                origins.push(ProposedOrigin::Computed(Vec::new()));
            }
        }
    }
    let target = Schema::new(fields);
    let tree = ColumnTree::new(&target).unwrap();
    let origins = tree.roots().iter().map(|root: &ColumnId| root.0).zip(origins).collect();
    let proposed = ProposedPlan { target, origins, reads, shape: shape.to_owned(), ext: Vec::new() };
    SchemaPlan::check(Arc::clone(view), &proposed).map(Arc::new)
}

/// What the guest answers for the kept rows of a batch of a row group: the computed and preserved columns.
pub(crate) type Guest<'a> = dyn Fn(usize, &RecordBatch) -> Vec<ArrayRef> + 'a;

pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sealed: Sealed,
    pub(crate) plan: Arc<OutputPlan>,
}

/// Runs a plan over a file: `select` answers the selection of a row group.
pub(crate) fn run(
    source: &Arc<SourceFile>,
    plan: &SchemaPlan,
    select: &dyn Fn(usize, usize) -> Selection,
    guest: &Guest<'_>,
) -> Output {
    let output = Arc::new(OutputPlan::new(source, plan).unwrap());
    let (mut bytes, mut resumed) = (Vec::new(), Vec::new());
    let mut sealer = FileSealer::new(Arc::clone(&output), &mut bytes).unwrap();
    let mut other = FileSealer::new(Arc::clone(&output), &mut resumed).unwrap();
    let schema = Arc::new(plan.guest_output());
    for group in 0..source.row_groups() {
        let selection = select(group, source.row_group_rows(group));
        let mut encoder = FragmentEncoder::new(Arc::clone(&output), Arc::clone(source), group).unwrap();
        let mut row = 0;
        if !schema.fields().is_empty() {
            for input in source.read(group, &plan.read_leaves(), 1000).unwrap() {
                let input = input.unwrap();
                assert_eq!(input.schema().fields(), plan.guest_input().fields());
                let kept = selection.bits().slice(row, input.num_rows());
                row += input.num_rows();
                let kept = arrow_select::filter::filter_record_batch(&input, &kept.into()).unwrap();
                let columns = guest(group, &kept);
                let answer = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
                encoder.write(&answer).unwrap();
            }
        }
        let made = vec![Piece::Fragment(encoder.finish(&selection).unwrap())];
        for (piece, sealer) in taken_over(&made).into_iter().chain(made).zip([&mut other, &mut sealer]) {
            let Piece::Fragment(fragment) = piece else { panic!("it was a fragment") };
            sealer.append(source, fragment).unwrap();
        }
    }
    let (sealed, other) = (sealer.finish().unwrap(), other.finish().unwrap());
    assert_eq!(sealed.bytes.0, bytes.len() as u64);
    assert_eq!(other, sealed);
    assert!(resumed == bytes, "pieces that are taken over give other bytes");
    Output { bytes, sealed, plan: output }
}

/// Pieces as another process finds them.
pub(crate) fn taken_over(made: &[Piece]) -> Vec<Piece> {
    let note = serde_json::json!({"by": "an attempt"});
    let mut kept = Vec::new();
    Piece::written(made, &note).expect("it can be kept").write_to(&mut kept).unwrap();
    let (pieces, read) = Piece::read(&kept).unwrap();
    assert_eq!(read, note);
    pieces
}

pub(crate) fn all(_: usize, rows: usize) -> Selection {
    Selection::all(rows)
}

/// For plans without computed columns.
pub(crate) fn no_guest(_: usize, _: &RecordBatch) -> Vec<ArrayRef> {
    Vec::new()
}

/// The whole file as the crate's own reader sees it, in stored types.
pub(crate) fn read_all(bytes: &[u8]) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let schema: SchemaRef = Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn int_field(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}
