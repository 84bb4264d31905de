//! One opened Parquet file.

use std::fs::File;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetColumnIndex, ParquetMetaData, ParquetMetaDataReader,
    ParquetOffsetIndex, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use skein_types::{Blake3, Bytes, ColumnTree, FileView, Rows, guest_view};

use super::error::{FileError, guarded};
use super::footer::{self, Footer};
use super::pread::Pread;
use super::presented::Presented;
use super::shape::{Decoded, Shape};
use super::thrift::Walk;
use super::{format, width};

/// The page indexes are read in one piece; a file that spreads them over more than this is treated as having none.
const PAGE_INDEX_BYTES_MAX: u64 = 256 << 20;

/// They are decoded at once; beyond this they count as absent too.
const PAGE_INDEX_DECODED_MAX: u64 = 512 << 20;

/// A Parquet file whose footer was read and checked. Cheap to share between threads (`Arc` it): reads are `pread`s.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    file: Pread,
    metadata: Arc<ParquetMetaData>,
    pages: Option<PageIndexes>,
    digest: Blake3,
    data_end: u64,
    schema: SchemaRef,
    /// The columns as stored; leaf ordinals are those of the file.
    stored: ColumnTree,
    pub(super) presented: Presented,
    decoder: ArrowReaderMetadata,
}

/// Page indexes of every chunk.
#[derive(Debug)]
pub(super) struct PageIndexes {
    pub(super) columns: Option<ParquetColumnIndex>,
    pub(super) offsets: ParquetOffsetIndex,
}

impl SourceFile {
    /// Reads and checks the footer. `name` is what errors call the file.
    ///
    /// Nothing of the data is read, so damage inside pages shows up in [`SourceFile::read`] only.
    pub fn open(file: File, name: &str) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Read { file: name.to_owned(), source };
        let file = Pread::new(file).map_err(unreadable)?;
        let Footer { metadata, digest, start } = footer::read(&file, name)?;
        let pages = page_indexes(&file, &metadata, start, name);
        let metadata = Arc::new(metadata);
        let stored = stored_reader(&metadata, name)?;
        let schema = Arc::clone(stored.schema());
        width::check(&schema, name)?;
        let view = FileView::own(&guest_view(&schema)).schema;
        let tree = ColumnTree::new(&view).map_err(|e| unsupported(name, e.to_string()))?;
        let leaves = metadata.file_metadata().schema_descr().num_columns();
        if tree.leaves().len() != leaves {
            let what = format!("{} Arrow leaves for {leaves} Parquet columns", tree.leaves().len());
            return Err(unsupported(name, what));
        }
        let decoder = view_reader(&metadata, &view).unwrap_or(stored);
        castable(&decoder, &view, name)?;
        Ok(Self {
            name: name.to_owned(),
            file,
            metadata,
            pages,
            digest,
            data_end: start,
            schema,
            presented: Presented::own(&view, &tree),
            stored: tree,
            decoder,
        })
    }

    /// What errors call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Size of the file when it was opened.
    pub fn size(&self) -> Bytes {
        Bytes(self.file.size())
    }

    /// Digest of the footer's bytes, from the metadata's first byte to the end of the file.
    pub const fn footer_digest(&self) -> Blake3 {
        self.digest
    }

    /// The schema as stored: dictionaries, views and the file's own metadata included.
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The schema as guests see it, without schema-level metadata: what the file stores, or what it was told to
    /// [present](SourceFile::present).
    pub const fn view(&self) -> &SchemaRef {
        &self.presented.view
    }

    /// The columns of [`SourceFile::view`]. All ids and leaf ordinals that callers name are of this tree.
    pub const fn tree(&self) -> &ColumnTree {
        &self.presented.tree
    }

    /// The columns of the file; leaf ordinals are Parquet's.
    pub(super) const fn stored(&self) -> &ColumnTree {
        &self.stored
    }

    /// Number of row groups.
    pub fn row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// Rows in the file.
    pub fn rows(&self) -> Rows {
        (0..self.row_groups()).map(|index| Rows(self.row_group_rows(index) as u64)).sum()
    }

    /// Rows of one row group; 0 for one that does not exist.
    pub fn row_group_rows(&self, row_group: usize) -> usize {
        let group = self.metadata.row_groups().get(row_group);
        group.map_or(0, |g| usize::try_from(g.num_rows()).expect("checked when the footer was read"))
    }

    /// Decompressed size of some columns of a row group as the footer claims it, and the size of what the host makes for
    /// them: a base for choosing batch sizes.
    pub fn decoded_bytes(&self, row_group: usize, leaves: &[usize]) -> Bytes {
        let chunks =
            self.metadata.row_groups().get(row_group).map(RowGroupMetaData::columns).unwrap_or_default();
        let stored = self.presented.stored_leaves(leaves);
        let sizes =
            stored.iter().filter_map(|leaf| chunks.get(*leaf)).map(ColumnChunkMetaData::uncompressed_size);
        let decoded: Bytes = sizes.map(|size| Bytes(u64::try_from(size).unwrap_or(0))).sum();
        let rows = self.row_group_rows(row_group) as u64;
        Bytes(decoded.0.saturating_add(self.presented.made_bytes(leaves).saturating_mul(rows)))
    }

    /// Size of some columns of a row group as they are stored: what copying them would copy. Nothing for those that the
    /// file does not store.
    pub fn stored_bytes(&self, row_group: usize, leaves: &[usize]) -> Bytes {
        let chunks =
            self.metadata.row_groups().get(row_group).map(RowGroupMetaData::columns).unwrap_or_default();
        let stored = self.presented.stored_leaves(leaves);
        let sizes =
            stored.iter().filter_map(|leaf| chunks.get(*leaf)).map(ColumnChunkMetaData::compressed_size);
        sizes.map(|size| Bytes(u64::try_from(size).unwrap_or(0))).sum()
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    pub(super) const fn page_indexes(&self) -> Option<&PageIndexes> {
        self.pages.as_ref()
    }

    pub(super) const fn file(&self) -> &Pread {
        &self.file
    }

    /// Where data ends and metadata begins.
    pub(super) const fn data_end(&self) -> u64 {
        self.data_end
    }

    pub(super) const fn decoder(&self) -> &ArrowReaderMetadata {
        &self.decoder
    }

    pub(super) fn group(&self, row_group: usize) -> Result<&RowGroupMetaData, FileError> {
        let missing = || FileError::bug(format!("{:?} has no row group {row_group}", self.name));
        self.metadata.row_groups().get(row_group).ok_or_else(missing)
    }
}

pub(super) fn unsupported(name: &str, what: String) -> FileError {
    FileError::Unsupported { file: name.to_owned(), what }
}

/// A decoder for the types as stored. The embedded Arrow schema is only a hint: one that makes no sense is ignored.
fn stored_reader(metadata: &Arc<ParquetMetaData>, name: &str) -> Result<ArrowReaderMetadata, FileError> {
    let with_hint =
        guarded(name, || ArrowReaderMetadata::try_new(Arc::clone(metadata), ArrowReaderOptions::new()));
    let read = with_hint.or_else(|_| {
        let bare = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        guarded(name, || ArrowReaderMetadata::try_new(Arc::clone(metadata), bare))
    });
    read.map_err(|error| {
        if let FileError::Undecodable { source, .. } = error {
            return unsupported(name, source.to_string());
        }
        error
    })
}

/// A decoder straight into the view's types, where the crate can do that.
fn view_reader(metadata: &Arc<ParquetMetaData>, view: &SchemaRef) -> Option<ArrowReaderMetadata> {
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(view));
    let reader = guarded("", || ArrowReaderMetadata::try_new(Arc::clone(metadata), options)).ok()?;
    (reader.schema().fields() == view.fields()).then_some(reader)
}

fn castable(decoder: &ArrowReaderMetadata, view: &Schema, name: &str) -> Result<(), FileError> {
    for (from, to) in decoder.schema().fields().iter().zip(view.fields()) {
        let (from_type, to_type) = (from.data_type(), to.data_type());
        if from_type != to_type && !arrow_cast::can_cast_types(from_type, to_type) {
            return Err(unsupported(name, format!("column {:?} of type {from_type}", from.name())));
        }
    }
    Ok(())
}

/// The page indexes, if every chunk has a sound offset index. They only speed up later readers, so a file whose
/// indexes are damaged is one without.
fn page_indexes(file: &Pread, metadata: &ParquetMetaData, data_end: u64, name: &str) -> Option<PageIndexes> {
    let (mut first, mut last, mut sum) = (u64::MAX, 0, 0_u64);
    for chunk in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        for (at, length, _) in index_ranges(chunk)? {
            let end = at.checked_add(length).filter(|end| *end <= data_end)?;
            (first, last, sum) = (first.min(at), last.max(end), sum.saturating_add(length));
        }
    }
    // Each chunk's index is decoded for itself: where chunks shared one, a few bytes would be decoded thousands of times.
    let span = last.checked_sub(first).filter(|span| *span <= PAGE_INDEX_BYTES_MAX && sum <= *span)?;
    let bytes = file.bytes(first, usize::try_from(span).ok()?).ok()?;
    let mut decoded = Decoded::default();
    for chunk in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        for (at, length, shape) in index_ranges(chunk)? {
            let from = usize::try_from(at - first).ok()?;
            let to = from.checked_add(usize::try_from(length).ok()?)?;
            shape.read(&mut Walk::new(bytes.get(from..to)?), &mut decoded).ok()?;
        }
    }
    if decoded.0 > PAGE_INDEX_DECODED_MAX {
        return None;
    }
    let indexed = guarded(name, || {
        let mut reader = ParquetMetaDataReader::new_with_metadata(metadata.clone())
            .with_page_index_policy(PageIndexPolicy::Optional);
        reader.read_page_indexes(file)?;
        reader.finish()
    });
    let indexed = indexed.ok()?;
    let pages =
        PageIndexes { columns: indexed.column_index().cloned(), offsets: indexed.offset_index()?.clone() };
    pages.are_sound(metadata).then_some(pages)
}

/// Place, length and shape of a chunk's offset index and, if there is one, its column index.
fn index_ranges(chunk: &ColumnChunkMetaData) -> Option<impl Iterator<Item = (u64, u64, &'static Shape)>> {
    let range =
        |at: i64, length: i32, shape| Some((u64::try_from(at).ok()?, u64::try_from(length).ok()?, shape));
    let offset = range(chunk.offset_index_offset()?, chunk.offset_index_length()?, &format::OFFSET_INDEX)?;
    let column = match chunk.column_index_offset().zip(chunk.column_index_length()) {
        Some((at, length)) => Some(range(at, length, &format::COLUMN_INDEX)?),
        None => None,
    };
    Some(std::iter::once(offset).chain(column))
}

impl PageIndexes {
    /// Whether every chunk has its pages, and as many in both indexes. Readers of the output trust them.
    fn are_sound(&self, metadata: &ParquetMetaData) -> bool {
        let groups = metadata.row_groups();
        self.offsets.len() == groups.len()
            && groups.iter().zip(&self.offsets).enumerate().all(|(place, (group, offsets))| {
                offsets.len() == group.num_columns()
                    && group.columns().iter().zip(offsets).enumerate().all(|(leaf, (chunk, index))| {
                        let column = self.columns.as_ref().and_then(|c| c.get(place)?.get(leaf));
                        let column = column.filter(|column| !matches!(column, ColumnIndexMetaData::NONE));
                        let pages = index.page_locations();
                        column.is_none_or(|column| column.num_pages() == pages.len() as u64)
                            && are_pages_of(chunk, group.num_rows(), pages)
                    })
            })
    }
}

/// Whether every page lies inside its chunk and begins within its row group, not before the one before it.
fn are_pages_of(chunk: &ColumnChunkMetaData, rows: i64, pages: &[PageLocation]) -> bool {
    let Some((start, end)) = footer::chunk_range(chunk) else { return false };
    let inside = |page: &PageLocation| {
        let at = u64::try_from(page.offset).ok();
        let length = u64::try_from(page.compressed_page_size).ok();
        let range = at.zip(length).and_then(|(at, length)| Some((at, at.checked_add(length)?)));
        range.is_some_and(|(from, to)| from >= start && to <= end)
            && (0..=rows).contains(&page.first_row_index)
    };
    pages.iter().all(inside) && pages.is_sorted_by_key(|page| page.first_row_index)
}
