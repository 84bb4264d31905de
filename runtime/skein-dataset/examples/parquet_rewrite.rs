//! Rewrites one Parquet file without a guest and says how fast: `parquet_rewrite IN OUT [rename|filter|read|encode]`.
//!
//! `rename` reverses the columns and gives each a new name: everything is spliced. `filter` drops every third row
//! instead, `encode` sends every column through Arrow, `read` only decodes. For measuring and for checking what other
//! readers make of the output.

use std::error::Error;
use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::BooleanBuffer;
use arrow_schema::Schema;
use skein_dataset::parquet::{FileSealer, FragmentEncoder, OutputPlan, Sealed, SourceFile};
use skein_types::{Clock, ProposedOrigin, ProposedPlan, SchemaPlan, Selection, SystemClock};

const BATCH_ROWS: usize = 32 << 10;

#[expect(clippy::print_stdout, reason = "a tool for people")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, rest @ ..] = arguments.as_slice() else {
        return Err("usage: parquet_rewrite IN OUT [rename|filter|read|encode]".into());
    };
    let mode = rest.first().map_or("rename", String::as_str);
    let clock = SystemClock::start();
    let source = Arc::new(SourceFile::open(File::open(input)?, input)?);
    if mode == "read" {
        let rows = read(&source)?;
        println!("read {rows} rows in {:?}", clock.elapsed());
        return Ok(());
    }
    let sealed = rewrite(&source, File::create(output)?, mode)?;
    let took = clock.elapsed();
    let rate = sealed.bytes.0 as f64 / took.as_secs_f64() / 1e6;
    println!(
        "{mode}: {} rows, {} row groups, {} bytes, {} spliced, {took:?}, {rate:.0} MB/s",
        sealed.rows.0, sealed.row_groups, sealed.bytes.0, sealed.spliced_bytes.0
    );
    Ok(())
}

fn read(source: &SourceFile) -> Result<usize, Box<dyn Error>> {
    let leaves: Vec<usize> = (0..source.tree().leaves().len()).collect();
    let mut rows = 0;
    for group in 0..source.row_groups() {
        for batch in source.read(group, &leaves, BATCH_ROWS)? {
            rows += batch?.num_rows();
        }
    }
    Ok(rows)
}

fn plan(source: &SourceFile, mode: &str) -> Result<SchemaPlan, Box<dyn Error>> {
    let roots: Vec<u32> = source.tree().roots().iter().rev().map(|id| id.0).collect();
    let fields = source.view().fields().iter().rev();
    let target = Schema::new(
        fields.map(|f| f.as_ref().clone().with_name(format!("new_{}", f.name()))).collect::<Vec<_>>(),
    );
    let tree = skein_types::ColumnTree::new(&target)?;
    let encode = mode == "encode";
    let origin = |id: &u32| {
        let id = skein_types::ColumnId(*id);
        if encode { ProposedOrigin::Preserved(id) } else { ProposedOrigin::Carried(id) }
    };
    let origins = tree.roots().iter().map(|id| id.0).zip(roots.iter().map(origin)).collect();
    let reads = if encode { roots } else { Vec::new() };
    let shape = if mode == "filter" { "filtered" } else { "same" };
    let proposed = ProposedPlan { target, origins, reads, shape: shape.to_owned(), ext: Vec::new() };
    Ok(SchemaPlan::check(Arc::clone(source.view()), &proposed)?)
}

fn rewrite(source: &Arc<SourceFile>, out: File, mode: &str) -> Result<Sealed, Box<dyn Error>> {
    let plan = plan(source, mode)?;
    let output = Arc::new(OutputPlan::new(source, &plan)?);
    let mut sealer = FileSealer::new(Arc::clone(&output), out)?;
    let made = Arc::new(plan.guest_output());
    for group in 0..source.row_groups() {
        let rows = source.row_group_rows(group);
        let mut encoder = FragmentEncoder::new(Arc::clone(&output), Arc::clone(source), group)?;
        if mode == "encode" {
            for batch in source.read(group, &plan.read_leaves(), BATCH_ROWS)? {
                let columns = batch?.columns().iter().rev().cloned().collect();
                encoder.write(&RecordBatch::try_new(Arc::clone(&made), columns)?)?;
            }
        }
        let selection = if mode == "filter" {
            Selection::from_bits(BooleanBuffer::collect_bool(rows, |row| row % 3 != 0))
        } else {
            Selection::all(rows)
        };
        sealer.append(source, encoder.finish(&selection)?)?;
    }
    Ok(sealer.finish()?)
}
