//! Putting an output file together: carried chunks copied, fragments' chunks appended, footer written.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::writer::TrackedWrite;
use skein_types::{Bytes, Rows};
use xxhash_rust::xxh3::Xxh3;

use super::chunk::{Bloom, EncodedChunk, EncodedColumns};
use super::cut::FreshRowGroup;
use super::error::FileError;
use super::footer::{ROW_GROUPS_MAX, chunk_range};
use super::fragment::{Carriage, Fragment};
use super::output::{LeafOrigin, OutputPlan};
use super::properties::CREATED_BY;
use super::source::SourceFile;
use super::splice;

/// Large enough to make a system call cheap, small enough to stay in the second-level cache between read and write.
const COPY_BYTES: usize = 512 << 10;
/// Of the format; says nothing about features used.
const FORMAT_VERSION: i32 = 1;

/// What a sealed file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Rows in all row groups.
    pub rows: Rows,
    /// Row groups.
    pub row_groups: usize,
    /// Size of the file.
    pub bytes: Bytes,
    /// Of these, bytes of chunks copied from the source as they were.
    pub spliced_bytes: Bytes,
    /// One entry per Parquet leaf.
    pub columns: Vec<SealedColumn>,
    /// Of each row group, whether its carried columns are the source's chunks.
    pub copied_groups: Vec<bool>,
}

/// Sums over one leaf of a sealed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// Dotted path in the Parquet schema.
    pub path: String,
    /// Encoded and compressed bytes.
    pub bytes: Bytes,
    /// Values including nulls and, in lists, those of empty lists.
    pub values: u64,
    /// Nulls, where every chunk counts them.
    pub nulls: Option<u64>,
    /// Chunks that were copied, as they were read from the source; none of a column of which none was.
    pub copied: Option<Copied>,
}

/// Chunks of one leaf that were copied, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many.
    pub chunks: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Of the xxh3-128 of each chunk's bytes, modulo 2^128; 0 where nobody asked for it.
    pub sum: u128,
}

impl Copied {
    pub(super) fn add(&mut self, bytes: u64, hash: u128) {
        self.chunks += 1;
        self.bytes += Bytes(bytes);
        self.sum = self.sum.wrapping_add(hash);
    }
}

/// Writes one output file. Fragments of one source come in the order of their row groups.
pub struct FileSealer<W: Write + Send> {
    plan: Arc<OutputPlan>,
    out: TrackedWrite<Watched<W>>,
    watch: Arc<Mutex<Watch>>,
    groups: Vec<RowGroupMetaData>,
    column_indexes: Vec<Vec<ColumnIndexMetaData>>,
    offset_indexes: Vec<Vec<Option<OffsetIndexMetaData>>>,
    next_row_group: usize,
    spliced: u64,
    /// By leaf.
    copied: Vec<Copied>,
    copied_groups: Vec<bool>,
    proving: Option<Box<Xxh3>>,
    /// Bytes of bloom filters that were copied.
    blooms: u64,
    buffer: Vec<u8>,
}

impl<W: Write + Send> std::fmt::Debug for FileSealer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSealer").field("row_groups", &self.groups.len()).finish_non_exhaustive()
    }
}

impl<W: Write + Send> FileSealer<W> {
    /// Begins a file. `out` gets every byte in order; pass `&mut` to keep it.
    pub fn new(plan: Arc<OutputPlan>, out: W) -> Result<Self, FileError> {
        let (watch, leaves) = (Arc::<Mutex<Watch>>::default(), plan.leaves.len());
        let mut out = TrackedWrite::new(Watched { inner: out, watch: Arc::clone(&watch) });
        out.write_all(b"PAR1").map_err(FileError::Write)?;
        Ok(Self {
            plan,
            out,
            watch,
            groups: Vec::new(),
            column_indexes: Vec::new(),
            offset_indexes: Vec::new(),
            next_row_group: 0,
            spliced: 0,
            copied: vec![Copied::default(); leaves],
            copied_groups: Vec::new(),
            proving: None,
            blooms: 0,
            buffer: Vec::new(),
        })
    }

    /// Whether chunks are hashed while they are copied: on their way, so that what a staged file has can be held against what
    /// the source had.
    #[must_use]
    pub fn proving(mut self, proving: bool) -> Self {
        self.proving = proving.then(Box::default);
        self
    }

    /// Appends a row group of the planned source: copies carried chunks where all rows were kept.
    pub fn append(&mut self, source: &SourceFile, fragment: Fragment) -> Result<(), FileError> {
        self.plan.is_of(source)?;
        if fragment.row_group < self.next_row_group {
            return Err(FileError::bug(format!("row group {} comes too late", fragment.row_group)));
        }
        self.next_row_group = fragment.row_group + 1;
        if fragment.rows == 0 {
            return Ok(());
        }
        let Fragment { row_group, rows, made, host, carriage } = fragment;
        let mut made = Chunks::new(made);
        let mut host: Vec<Chunks> = host.into_iter().map(Chunks::new).collect();
        let mut group = OpenGroup { rows, start: self.at(), chunks: Vec::new() };
        let mut selected = match carriage {
            Carriage::Spliced => None,
            Carriage::Selected(columns) => Some(Chunks::new(columns)),
        };
        self.copied_groups.push(selected.is_none());
        for (leaf, origin) in Arc::clone(&self.plan).leaves.iter().enumerate() {
            let placed = match (origin, &mut selected) {
                (LeafOrigin::Made { .. }, _) => self.write_chunk(leaf, &mut made)?,
                (LeafOrigin::Host { column }, _) => {
                    let missing = || FileError::bug("a fragment lacks a column");
                    self.write_chunk(leaf, host.get_mut(*column).ok_or_else(missing)?)?
                }
                (LeafOrigin::Carried { .. }, Some(selected)) => self.write_chunk(leaf, selected)?,
                (LeafOrigin::Carried { source: from }, None) => {
                    self.splice(source, row_group, *from, leaf)?
                }
            };
            group.chunks.push(placed);
        }
        self.close_group(group, Some(source))
    }

    /// Appends a row group that follows no source row group.
    pub fn append_fresh(&mut self, fresh: FreshRowGroup) -> Result<(), FileError> {
        self.copied_groups.push(false);
        let mut group = OpenGroup { rows: fresh.rows, start: self.at(), chunks: Vec::new() };
        let mut made = Chunks::new(fresh.made);
        for leaf in 0..self.plan.leaves.len() {
            group.chunks.push(self.write_chunk(leaf, &mut made)?);
        }
        self.close_group(group, None)
    }

    /// Writes page indexes and footer and flushes. Nothing is synced.
    pub fn finish(mut self) -> Result<Sealed, FileError> {
        self.out.flush().map_err(FileError::Write)?;
        let watch = Arc::clone(&self.watch);
        let copies = Copies { bytes: self.spliced, leaves: self.copied, groups: self.copied_groups };
        let metadata = footer_of(&self.plan, self.groups, self.column_indexes, self.offset_indexes);
        let finished = ParquetMetaDataWriter::new_with_tracked(self.out, &metadata).finish();
        // The crate drops its buffer there, with the error of the last write or without.
        let mut watched = watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = watched.failed.take() {
            return Err(FileError::Write(error));
        }
        finished?;
        Ok(sealed(&metadata, watched.bytes, copies))
    }

    fn at(&self) -> u64 {
        self.out.bytes_written() as u64
    }

    fn write_chunk(&mut self, leaf: usize, from: &mut Chunks) -> Result<EncodedChunk, FileError> {
        let missing = || FileError::bug("a fragment lacks a chunk");
        let chunk = from.chunks.next().ok_or_else(missing)?;
        let (start, end) = chunk_range(&chunk.metadata).ok_or_else(missing)?;
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok()).ok_or_else(missing)?;
        let placed = self.place(leaf, chunk)?;
        let bytes = from.bytes.get(range.0..range.1).ok_or_else(missing)?;
        self.out.write_all(bytes).map_err(FileError::Write)?;
        Ok(placed)
    }

    fn splice(
        &mut self,
        source: &SourceFile,
        row_group: usize,
        from: usize,
        leaf: usize,
    ) -> Result<EncodedChunk, FileError> {
        let chunk = splice::chunk_of(source, row_group, from)?;
        let (start, end) =
            chunk_range(&chunk.metadata).ok_or_else(|| FileError::bug("a chunk with wild offsets"))?;
        let placed = self.place(leaf, chunk)?;
        self.copy(source, start..end)?;
        self.spliced += end - start;
        let hash = self.proving.as_ref().map_or(0, |hasher| hasher.digest128());
        self.copied.get_mut(leaf).ok_or_else(|| FileError::bug("an unknown leaf"))?.add(end - start, hash);
        Ok(placed)
    }

    fn copy(&mut self, source: &SourceFile, range: Range<u64>) -> Result<(), FileError> {
        self.buffer.resize(COPY_BYTES, 0);
        if let Some(hasher) = &mut self.proving {
            hasher.reset();
        }
        let mut at = range.start;
        while at < range.end {
            let step = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(COPY_BYTES);
            let piece = &mut self.buffer[..step];
            let unreadable = |error| FileError::Read { file: source.name().to_owned(), source: error };
            source.file().exact(piece, at).map_err(unreadable)?;
            if let Some(hasher) = &mut self.proving {
                hasher.update(piece);
            }
            self.out.write_all(piece).map_err(FileError::Write)?;
            at += step as u64;
        }
        Ok(())
    }

    fn place(&self, leaf: usize, chunk: EncodedChunk) -> Result<EncodedChunk, FileError> {
        let missing = || FileError::bug("an unknown leaf");
        let descriptor = self.plan.descriptor.columns().get(leaf).ok_or_else(missing)?;
        splice::placed(chunk, Arc::clone(descriptor), self.at())
    }

    /// Bloom filters follow their row group, so that nothing of it is held in memory any longer.
    fn close_group(&mut self, group: OpenGroup, source: Option<&SourceFile>) -> Result<(), FileError> {
        let ordinal = i16::try_from(self.groups.len()).ok().filter(|_| self.groups.len() < ROW_GROUPS_MAX);
        let ordinal = ordinal.ok_or_else(|| FileError::TooMany {
            file: "the output".to_owned(),
            what: "row groups",
            found: self.groups.len() as u64 + 1,
            limit: ROW_GROUPS_MAX as u64,
        })?;
        let count = |n: u64| i64::try_from(n).map_err(|_| FileError::bug("a number beyond 2^63"));
        let (mut columns, mut column_index, mut offset_index) = (Vec::new(), Vec::new(), Vec::new());
        let mut uncompressed = 0_i64;
        for mut chunk in group.chunks {
            let at = self.at();
            if let Some(bloom) = chunk.bloom.take()
                && self.write_bloom(bloom, source)?
            {
                let length = i32::try_from(self.at() - at);
                let length = length.map_err(|_| FileError::bug("a bloom filter beyond 2 GiB"))?;
                let builder = chunk.metadata.into_builder().set_bloom_filter_offset(Some(count(at)?));
                chunk.metadata = builder.set_bloom_filter_length(Some(length)).build()?;
            }
            uncompressed = uncompressed.saturating_add(chunk.metadata.uncompressed_size());
            columns.push(chunk.metadata);
            column_index.push(chunk.column_index.unwrap_or(ColumnIndexMetaData::NONE));
            offset_index.push(chunk.offset_index);
        }
        let metadata = RowGroupMetaData::builder(Arc::clone(&self.plan.descriptor))
            .set_column_metadata(columns)
            .set_num_rows(count(group.rows as u64)?)
            .set_total_byte_size(uncompressed)
            .set_sorting_columns(self.plan.sorting.clone())
            .set_file_offset(count(group.start)?)
            .set_ordinal(ordinal)
            .build()?;
        self.groups.push(metadata);
        self.column_indexes.push(column_index);
        self.offset_indexes.push(offset_index);
        Ok(())
    }

    /// Whether the filter was written. Filters of chunks that share their bytes would let a small file fill the disk:
    /// those that do not are smaller together than the source, and a reader can do without the rest.
    fn write_bloom(&mut self, bloom: Bloom, source: Option<&SourceFile>) -> Result<bool, FileError> {
        match (bloom, source) {
            (Bloom::Made(bytes), _) => {
                self.out.write_all(&bytes).map_err(FileError::Write)?;
                Ok(true)
            }
            (Bloom::Source(range), Some(source)) => {
                let blooms = self.blooms.saturating_add(range.end - range.start);
                if blooms > source.data_end() {
                    return Ok(false);
                }
                self.blooms = blooms;
                self.copy(source, range)?;
                Ok(true)
            }
            (Bloom::Source(_), None) => Err(FileError::bug("a bloom filter of no source")),
        }
    }
}

/// A row group while its chunks are written.
struct OpenGroup {
    rows: usize,
    start: u64,
    chunks: Vec<EncodedChunk>,
}

/// Encoded chunks, taken one by one.
struct Chunks {
    bytes: Vec<u8>,
    chunks: std::vec::IntoIter<EncodedChunk>,
}

impl Chunks {
    fn new(columns: EncodedColumns) -> Self {
        Self { bytes: columns.bytes, chunks: columns.chunks.into_iter() }
    }
}

/// The output's metadata. The crate panics over a file where some chunks have an offset index and some have not, so
/// indexes are written for all or for none.
fn footer_of(
    plan: &OutputPlan,
    groups: Vec<RowGroupMetaData>,
    columns: Vec<Vec<ColumnIndexMetaData>>,
    offsets: Vec<Vec<Option<OffsetIndexMetaData>>>,
) -> ParquetMetaData {
    let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
    let keys = Some(plan.keys.clone()).filter(|keys| !keys.is_empty());
    let descriptor = Arc::clone(&plan.descriptor);
    let file = FileMetaData::new(FORMAT_VERSION, rows, Some(CREATED_BY.to_owned()), keys, descriptor, None);
    let complete: Option<Vec<Vec<OffsetIndexMetaData>>> =
        offsets.into_iter().map(|group| group.into_iter().collect()).collect();
    let complete = complete.filter(|groups| plan.page_index && !groups.is_empty());
    let columns = complete.is_some().then_some(columns);
    ParquetMetaDataBuilder::new(file)
        .set_row_groups(groups)
        .set_column_index(columns)
        .set_offset_index(complete)
        .build()
}

/// What was copied.
struct Copies {
    bytes: u64,
    leaves: Vec<Copied>,
    groups: Vec<bool>,
}

fn sealed(metadata: &ParquetMetaData, bytes: u64, copies: Copies) -> Sealed {
    let leaves = metadata.file_metadata().schema_descr().columns();
    let columns = leaves.iter().enumerate().map(|(leaf, descriptor)| {
        let chunks = || metadata.row_groups().iter().filter_map(move |g| g.columns().get(leaf));
        let sum =
            |sizes: &mut dyn Iterator<Item = i64>| sizes.map(|n| u64::try_from(n).unwrap_or(0)).sum::<u64>();
        SealedColumn {
            path: descriptor.path().string(),
            bytes: Bytes(sum(&mut chunks().map(|c| c.compressed_size()))),
            values: sum(&mut chunks().map(|c| c.num_values())),
            nulls: chunks().map(|c| c.statistics().and_then(|s| s.null_count_opt())).sum(),
            copied: copies.leaves.get(leaf).copied().filter(|copied| copied.chunks > 0),
        }
    });
    Sealed {
        rows: Rows(u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0)),
        row_groups: metadata.num_row_groups(),
        bytes: Bytes(bytes),
        spliced_bytes: Bytes(copies.bytes),
        columns: columns.collect(),
        copied_groups: copies.groups,
    }
}

/// What went through a writer that somebody else owns and drops.
#[derive(Debug, Default)]
struct Watch {
    bytes: u64,
    failed: Option<io::Error>,
}

struct Watched<W: Write> {
    inner: W,
    watch: Arc<Mutex<Watch>>,
}

impl<W: Write> Watched<W> {
    fn note<T>(&self, result: io::Result<T>, bytes: impl FnOnce(&T) -> u64) -> io::Result<T> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(value) => watch.bytes += bytes(value),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => watch.failed = Some(copy_of(error)),
        }
        result
    }
}

/// The operating system's number, where there is one, says which code the failure has.
fn copy_of(error: &io::Error) -> io::Error {
    let text = || io::Error::new(error.kind(), error.to_string());
    error.raw_os_error().map_or_else(text, io::Error::from_raw_os_error)
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.note(written, |n| *n as u64)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.note(flushed, |()| 0)
    }
}

impl<W: Write> Drop for Watched<W> {
    fn drop(&mut self) {
        // A buffering writer has its last bytes still inside; the outcome is kept in the watch.
        let _noted = self.flush();
    }
}
