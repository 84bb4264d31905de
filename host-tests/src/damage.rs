//! Parquet files that are damaged on purpose.

use std::path::Path;
use std::sync::Arc;

use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataReader,
    ParquetMetaDataWriter, RowGroupMetaData,
};

/// Length of the footer's tail: four bytes of length and the magic.
const TAIL: usize = 8;

/// The first `keep` of a file's bytes, in parts per thousand.
pub fn cut_off(bytes: &[u8], keep_per_mille: usize) -> Vec<u8> {
    bytes[..bytes.len() * keep_per_mille / 1000].to_vec()
}

/// A file whose bytes before the footer are all gone to noise: the metadata is sound, the data is not.
pub fn noise_in_data(bytes: &[u8]) -> Vec<u8> {
    let data = bytes.len() - TAIL - footer_length(bytes);
    let mut damaged = bytes.to_vec();
    // A fixed sequence that is no valid page header; the file's magic stays.
    for (i, byte) in damaged[4..data].iter_mut().enumerate() {
        *byte = u8::try_from((i * 167 + 13) % 251).unwrap();
    }
    damaged
}

/// A footer that says to be longer than the file.
pub fn wild_footer_length(bytes: &[u8]) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    let tail = damaged.len() - TAIL;
    let length = u32::try_from(bytes.len()).unwrap();
    damaged[tail..tail + 4].copy_from_slice(&length.to_le_bytes());
    damaged
}

/// The magic that a file with an encrypted footer ends with.
pub fn encrypted_footer(bytes: &[u8]) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    let length = damaged.len();
    damaged[length - 4..].copy_from_slice(b"PARE");
    damaged[..4].copy_from_slice(b"PARE");
    damaged
}

/// A file whose first column chunk lies far behind its end.
pub fn wild_offsets(path: &Path) -> Vec<u8> {
    rewrite_footer(path, |row_groups| {
        let mut groups = row_groups.to_vec();
        let columns = groups[0].columns().iter().enumerate().map(|(i, column)| match i {
            0 => moved(column, 1 << 40),
            _ => column.clone(),
        });
        groups[0] = with_columns(&groups[0], columns.collect());
        groups
    })
}

/// A file with one row group repeated, so that the footer lists `count` of them.
pub fn many_row_groups(path: &Path, count: usize) -> Vec<u8> {
    rewrite_footer(path, |row_groups| vec![row_groups[0].clone(); count])
}

fn moved(column: &ColumnChunkMetaData, offset: i64) -> ColumnChunkMetaData {
    let dictionary = column.dictionary_page_offset().map(|_| offset);
    column
        .clone()
        .into_builder()
        .set_data_page_offset(offset)
        .set_dictionary_page_offset(dictionary)
        .build()
        .unwrap()
}

fn with_columns(group: &RowGroupMetaData, columns: Vec<ColumnChunkMetaData>) -> RowGroupMetaData {
    group.clone().into_builder().set_column_metadata(columns).build().unwrap()
}

fn rewrite_footer(path: &Path, change: impl FnOnce(&[RowGroupMetaData]) -> Vec<RowGroupMetaData>) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let metadata = read_footer(path);
    let row_groups = change(metadata.row_groups());
    let changed =
        ParquetMetaDataBuilder::new(metadata.file_metadata().clone()).set_row_groups(row_groups).build();
    let mut damaged = bytes[..bytes.len() - TAIL - footer_length(&bytes)].to_vec();
    let mut footer = Vec::new();
    ParquetMetaDataWriter::new(&mut footer, &changed).finish().unwrap();
    damaged.append(&mut footer);
    damaged
}

fn read_footer(path: &Path) -> Arc<ParquetMetaData> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
    Arc::new(reader.parse_and_finish(&file).unwrap())
}

fn footer_length(bytes: &[u8]) -> usize {
    let tail = bytes.len() - TAIL;
    let length: [u8; 4] = bytes[tail..tail + 4].try_into().unwrap();
    usize::try_from(u32::from_le_bytes(length)).unwrap()
}

#[cfg(test)]
mod tests {
    use parquet::file::metadata::ParquetMetaDataReader;

    use super::{many_row_groups, wild_footer_length, wild_offsets};
    use crate::fixture;

    #[test]
    fn damaged_footers_are_read_back_as_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        fixture::write(&path, &fixture::orders(0, 10), 5);
        let parse = |bytes: Vec<u8>| {
            std::fs::write(&path, bytes).unwrap();
            ParquetMetaDataReader::new().parse_and_finish(&std::fs::File::open(&path).unwrap())
        };
        let good = std::fs::read(&path).unwrap();

        let wild = wild_offsets(&path);
        assert_eq!(parse(wild).unwrap().row_group(0).column(0).data_page_offset(), 1 << 40);

        std::fs::write(&path, &good).unwrap();
        let many = many_row_groups(&path, 300);
        assert_eq!(parse(many).unwrap().num_row_groups(), 300);

        assert!(parse(wild_footer_length(&good)).is_err());
    }
}
