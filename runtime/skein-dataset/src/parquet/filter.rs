//! Native selection: the carried columns of a row group that loses rows.
//!
//! Values are moved with their levels, never through Arrow: so every physical type that Parquet has stays what it was
//! (INT96, legacy lists, annotations nobody knows), and nulls at every level need no translation.

use std::sync::Arc;

use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::{ColumnDescriptor, SchemaDescPtr};
use skein_types::Selection;

use super::chunk::{EncodedColumns, in_memory};
use super::error::{FileError, guarded};
use super::held;
use super::properties;
use super::seat;
use super::source::SourceFile;

/// Rows decoded at a time, unless their values could be too large together.
const STEP: usize = 8192;

/// Columns of the output whose values are those of stored ones.
#[derive(Debug)]
pub(super) struct Reencoded {
    pub(super) descriptor: SchemaDescPtr,
    /// The source leaf of each of its leaves.
    pub(super) leaves: Vec<usize>,
    /// Whether the top-level column may be null here and may not there: each value is one level deeper.
    pub(super) raised: bool,
    pub(super) page_index: bool,
}

/// Encodes the kept rows of columns of a row group anew.
pub(super) fn reencode(
    columns: &Reencoded,
    source: &SourceFile,
    row_group: usize,
    selection: &Selection,
) -> Result<EncodedColumns, FileError> {
    if columns.leaves.is_empty() {
        return Ok(EncodedColumns::default());
    }
    let group = source.group(row_group)?;
    let missing = || FileError::bug("an unknown source leaf");
    let chunks = columns.leaves.iter().map(|leaf| group.columns().get(*leaf).ok_or_else(missing));
    let chunks = chunks.collect::<Result<Vec<_>, _>>()?;
    // One column is decoded at a time.
    let rows = selection.rows();
    let alone = |chunk: &&_| held::alone(source.file(), source.name(), chunk, (rows, STEP));
    let chunks = chunks.iter().map(|chunk| Ok((*chunk, alone(chunk)?)));
    let chunks = chunks.collect::<std::result::Result<Vec<_>, FileError>>()?;
    let paths = columns.descriptor.columns().iter().map(|c| c.path().clone());
    let properties = properties::carried(paths.zip(&chunks), columns.page_index);
    let file = Arc::new(source.file().clone());
    let most = chunks.iter().map(|(_, alone)| alone.batches.bytes).max();
    let _seat = seat::for_bytes(most.unwrap_or(0));
    guarded(source.name(), || {
        in_memory(Arc::clone(&columns.descriptor), Arc::new(properties), 0, |writer| {
            for (chunk, alone) in chunks {
                let pages = SerializedPageReader::new(Arc::clone(&file), chunk, rows, None)?;
                let reader =
                    get_column_reader(chunk.column_descr_ptr(), Box::new(pages) as Box<dyn PageReader>);
                let missing = || ParquetError::General("fewer column writers than columns".to_owned());
                let mut column = writer.next_column()?.ok_or_else(missing)?;
                let levels = Levels::of(chunk.column_descr(), alone.batches.rows, columns.raised);
                select(reader, levels, &mut column, selection)?;
                column.close()?;
            }
            Ok(())
        })
    })
}

fn select(
    reader: ColumnReader,
    levels: Levels,
    column: &mut SerializedColumnWriter<'_>,
    selection: &Selection,
) -> Result<()> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => levels.select(reader, column.typed(), selection),
        ColumnReader::Int32ColumnReader(reader) => levels.select(reader, column.typed(), selection),
        ColumnReader::Int64ColumnReader(reader) => levels.select(reader, column.typed(), selection),
        ColumnReader::Int96ColumnReader(reader) => levels.select(reader, column.typed(), selection),
        ColumnReader::FloatColumnReader(reader) => levels.select(reader, column.typed(), selection),
        ColumnReader::DoubleColumnReader(reader) => levels.select(reader, column.typed(), selection),
        ColumnReader::ByteArrayColumnReader(reader) => levels.select(reader, column.typed(), selection),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            levels.select(reader, column.typed(), selection)
        }
    }
}

#[derive(Clone, Copy)]
struct Levels {
    def: i16,
    rep: i16,
    /// Rows decoded at a time.
    step: usize,
    raised: bool,
}

/// One step's worth of a column.
struct Part<T> {
    values: Vec<T>,
    def: Vec<i16>,
    rep: Vec<i16>,
}

impl<T> Part<T> {
    const fn new() -> Self {
        Self { values: Vec::new(), def: Vec::new(), rep: Vec::new() }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.def.clear();
        self.rep.clear();
    }
}

impl Levels {
    fn of(descriptor: &ColumnDescriptor, step: usize, raised: bool) -> Self {
        Self { def: descriptor.max_def_level(), rep: descriptor.max_rep_level(), step, raised }
    }

    fn select<T: DataType>(
        self,
        mut reader: ColumnReaderImpl<T>,
        writer: &mut ColumnWriterImpl<'_, T>,
        selection: &Selection,
    ) -> Result<()> {
        let (mut all, mut kept) = (Part::new(), Part::new());
        let mut done = 0;
        while done < selection.rows() {
            all.clear();
            kept.clear();
            let want = self.step.min(selection.rows() - done);
            let def = (self.def > 0).then_some(&mut all.def);
            let rep = (self.rep > 0).then_some(&mut all.rep);
            let (records, _, _) = reader.read_records(want, def, rep, &mut all.values)?;
            if records == 0 {
                return Err(ParquetError::EOF("a column has fewer rows than its row group".to_owned()));
            }
            self.keep(&mut all, &mut kept, |record| selection.keeps(done + record))?;
            self.raise(&mut kept);
            let def = (self.def > 0 || self.raised).then_some(kept.def.as_slice());
            let rep = (self.rep > 0).then_some(kept.rep.as_slice());
            writer.write_batch(&kept.values, def, rep)?;
            done += records;
        }
        Ok(())
    }

    fn raise<T>(self, kept: &mut Part<T>) {
        if self.raised && self.def == 0 {
            kept.def.resize(kept.values.len(), 1);
        } else if self.raised {
            kept.def.iter_mut().for_each(|level| *level += 1);
        }
    }

    fn keep<T>(self, all: &mut Part<T>, kept: &mut Part<T>, keeps: impl Fn(usize) -> bool) -> Result<()> {
        if self.def == 0 {
            let values = all.values.drain(..).enumerate();
            kept.values.extend(values.filter_map(|(record, value)| keeps(record).then_some(value)));
            return Ok(());
        }
        let mut values = all.values.drain(..);
        let mut record = 0_usize;
        for (place, def) in all.def.iter().enumerate() {
            let rep = all.rep.get(place).copied().unwrap_or(0);
            if rep == 0 && place > 0 {
                record += 1;
            }
            let value = if *def == self.def {
                let short = || ParquetError::EOF("fewer values than levels".to_owned());
                Some(values.next().ok_or_else(short)?)
            } else {
                None
            };
            if keeps(record) {
                kept.def.push(*def);
                kept.values.extend(value);
                if self.rep > 0 {
                    kept.rep.push(rep);
                }
            }
        }
        Ok(())
    }
}
