//! Files that lie, are cut off or are no files at all: a code each, and never a panic.

use std::sync::Arc;

use arrow_schema::DataType;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use proptest::prelude::*;
use skein_dataset::parquet::{FileError, FileSealer, FragmentEncoder, OutputPlan, SourceFile};
use skein_types::{Code, Selection, codes};

use crate::arbitrary::{Dice, batch_of, nested_types};
use crate::heap::largest;
use crate::support::{To, grouped, open, parquet_of, try_plan};

fn code_of(bytes: &[u8]) -> Code {
    open(bytes).unwrap_err().code()
}

fn sample() -> Vec<u8> {
    let types = [DataType::Int64, DataType::Utf8, DataType::Boolean];
    parquet_of(&batch_of(9, &types, 300), grouped(100))
}

/// Bytes with this Thrift as their footer.
fn with_footer(thrift: &[u8]) -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    bytes.extend_from_slice(thrift);
    bytes.extend_from_slice(&u32::try_from(thrift.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(b"PAR1");
    bytes
}

/// A sound file whose row groups were changed.
fn with_groups(change: impl Fn(RowGroupMetaData) -> RowGroupMetaData) -> Vec<u8> {
    let bytes = sample();
    let metadata: ParquetMetaData =
        ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(bytes.clone())).unwrap();
    let mut builder = metadata.into_builder();
    let groups = builder.take_row_groups().into_iter().map(change).collect();
    let metadata = builder.set_row_groups(groups).build();
    let mut all = bytes;
    let mut tail = Vec::new();
    ParquetMetaDataWriter::new(&mut tail, &metadata).finish().unwrap();
    all.extend_from_slice(&tail);
    all
}

fn with_chunk(
    change: impl Fn(
        parquet::file::metadata::ColumnChunkMetaDataBuilder,
    ) -> parquet::file::metadata::ColumnChunkMetaDataBuilder,
) -> Vec<u8> {
    with_groups(|group| {
        let mut columns = group.columns().to_vec();
        columns[0] = change(columns[0].clone().into_builder()).build().unwrap();
        group.into_builder().set_column_metadata(columns).build().unwrap()
    })
}

/// Everything that a run does with a file, as far as it gets.
fn use_up(source: SourceFile) -> Result<(), FileError> {
    let source = Arc::new(source);
    let names: Vec<To> =
        source.view().fields().iter().map(|f| To::Carry(f.name().clone(), f.name().clone())).collect();
    let leaves: Vec<usize> = (0..source.tree().leaves().len()).collect();
    for group in 0..source.row_groups() {
        source.read(group, &leaves, 128)?.try_for_each(|batch| batch.map(drop))?;
    }
    // Names that no output may have are refused before anything is written.
    let Ok(plan) = try_plan(&source, &names, "filtered") else { return Ok(()) };
    let output = Arc::new(OutputPlan::new(&source, &plan)?);
    let mut sealer = FileSealer::new(Arc::clone(&output), std::io::sink())?;
    for group in 0..source.row_groups() {
        let encoder = FragmentEncoder::new(Arc::clone(&output), Arc::clone(&source), group)?;
        let rows = source.row_group_rows(group);
        let selection = if group == 0 {
            Selection::all(rows)
        } else {
            Selection::from_bits(arrow_buffer::BooleanBuffer::collect_bool(rows, |row| row % 3 != 0))
        };
        sealer.append(&source, encoder.finish(&selection)?)?;
    }
    sealer.finish().map(drop)
}

#[test]
fn files_that_are_not_parquet_are_called_so() {
    for bytes in [&b""[..], b"PAR1", b"id,name\n1,one\n2,two\n", &[0; 64]] {
        assert_eq!(code_of(bytes), codes::FILE_NOT_PARQUET);
    }
}

#[test]
fn a_file_cut_off_anywhere_is_damaged() {
    let whole = sample();
    for length in (12..whole.len()).step_by(97) {
        assert_eq!(code_of(&whole[..length]), codes::FILE_TRUNCATED, "{length}");
    }
    let mut long = with_footer(&[0]);
    let at = long.len() - 8;
    long[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
    assert_eq!(code_of(&long), codes::FILE_TRUNCATED);
}

#[test]
fn encrypted_footers_and_columns_are_refused() {
    let mut footer = sample();
    let end = footer.len();
    footer[end - 4..].copy_from_slice(b"PARE");
    assert_eq!(code_of(&footer), codes::FILE_ENCRYPTED);
    // Field 8 of the file's metadata: the algorithm of encrypted columns.
    assert_eq!(code_of(&with_footer(&[0x8c, 0x00, 0x00])), codes::FILE_ENCRYPTED);
    // Field 8 of a column chunk: its key.
    let chunk = [0x49, 0x1c, 0x19, 0x1c, 0x8c, 0x00, 0x00, 0x00, 0x00];
    assert_eq!(code_of(&with_footer(&chunk)), codes::FILE_ENCRYPTED);
}

#[test]
fn more_row_groups_than_an_output_can_have_are_refused() {
    // 33,000 empty structs in field 4.
    let mut thrift = vec![0x49, 0xfc, 0xe8, 0x81, 0x02];
    thrift.resize(thrift.len() + 33_000, 0);
    thrift.push(0);
    assert_eq!(code_of(&with_footer(&thrift)), codes::FILE_TOO_MANY_ROW_GROUPS);
}

#[test]
fn bottomless_schemas_are_refused_before_they_are_built() {
    let mut thrift = vec![0x29, 0xfc, 0xa0, 0x8d, 0x06];
    for _ in 0..100_000 {
        // Name "g", one child.
        thrift.extend_from_slice(&[0x48, 0x01, b'g', 0x15, 0x02, 0x00]);
    }
    thrift.push(0);
    assert_eq!(code_of(&with_footer(&thrift)), codes::FILE_TOO_MANY_ROW_GROUPS);
}

#[test]
fn offsets_outside_the_file_are_refused_before_they_are_followed() {
    assert!(open(&with_groups(|group| group)).is_ok());
    let wild = [
        with_chunk(|c| c.set_data_page_offset(i64::MAX - 5)),
        with_chunk(|c| c.set_data_page_offset(-4).set_dictionary_page_offset(None)),
        with_chunk(|c| c.set_dictionary_page_offset(Some(i64::MAX))),
        with_chunk(|c| c.set_total_compressed_size(1 << 40)),
        with_chunk(|c| c.set_total_compressed_size(-1)),
        with_chunk(|c| c.set_data_page_offset(0).set_dictionary_page_offset(Some(0))),
    ];
    for (place, bytes) in wild.iter().enumerate() {
        assert_eq!(code_of(bytes), codes::FILE_WILD_OFFSETS, "{place}");
    }
}

#[test]
fn row_groups_without_rows_may_point_anywhere() {
    let source = with_groups(|group| {
        let columns = group.columns().iter().map(|c| {
            c.clone()
                .into_builder()
                .set_num_values(0)
                .set_data_page_offset(0)
                .set_dictionary_page_offset(Some(4))
                .build()
        });
        let columns = columns.collect::<Result<_, _>>().unwrap();
        group.into_builder().set_num_rows(0).set_column_metadata(columns).build().unwrap()
    });
    let source = open(&source).unwrap();
    assert!(source.read(1, &[0, 1], 10).unwrap().next().is_none());
    use_up(source).unwrap();
}

#[test]
fn counts_that_do_not_add_up_are_damage() {
    assert_eq!(code_of(&with_chunk(|c| c.set_num_values(1 << 40))), codes::FILE_TRUNCATED);
    assert_eq!(code_of(&with_chunk(|c| c.set_num_values(99))), codes::FILE_TRUNCATED);
    let negative = with_groups(|g| g.into_builder().set_num_rows(-1).build().unwrap());
    assert_eq!(code_of(&negative), codes::FILE_TRUNCATED);
    // The footer is consistent, its pages do not have as many rows.
    let more = with_groups(|g| {
        let columns =
            g.columns().iter().map(|c| c.clone().into_builder().set_num_values(1000).build().unwrap());
        let columns = columns.collect();
        g.into_builder().set_num_rows(1000).set_column_metadata(columns).build().unwrap()
    });
    let lied = open(&more).and_then(use_up).unwrap_err();
    assert_eq!(lied.code(), codes::FILE_TRUNCATED);
}

#[test]
fn chunks_that_share_their_bytes_cannot_fill_the_disk() {
    let half = i64::try_from(sample().len() / 2).unwrap();
    let bytes = with_groups(|group| {
        let columns = group.columns().iter().map(|column| {
            let builder = column.clone().into_builder().set_data_page_offset(4);
            builder.set_dictionary_page_offset(None).set_total_compressed_size(half).build().unwrap()
        });
        let columns = columns.collect();
        group.into_builder().set_column_metadata(columns).build().unwrap()
    });
    let refused = open(&bytes).unwrap_err();
    assert_eq!(refused.code(), codes::FILE_WILD_OFFSETS);
    assert!(refused.to_string().ends_with("the chunks are larger than the file together"), "{refused}");
}

/// A small file of any codec, encoding and version of pages that the writer knows.
fn any_file(dice: &mut Dice) -> Vec<u8> {
    let nested = nested_types();
    let types = [DataType::Int32, DataType::Utf8, nested[dice.below(nested.len())].clone()];
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    let strings = [Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY];
    let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(40))
        .set_compression(codecs[dice.below(codecs.len())])
        .set_writer_version(versions[dice.below(2)])
        .set_dictionary_enabled(dice.below(2) == 0)
        .set_column_encoding(ColumnPath::from("c2"), strings[dice.below(3)])
        .set_column_encoding(ColumnPath::from("c3"), strings[dice.below(3)])
        .set_bloom_filter_enabled(dice.below(3) == 0)
        .build();
    parquet_of(&batch_of(dice.next(), &types, 90), properties)
}

/// Where to change bytes: the metadata, a page header, or anywhere.
fn target(bytes: &[u8], dice: &mut Dice) -> std::ops::Range<usize> {
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let metadata = ParquetMetaDataReader::new();
    let metadata = metadata.parse_and_finish(&bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let group = metadata.row_group(dice.below(metadata.num_row_groups()));
    let chunk = group.column(dice.below(group.num_columns()));
    let page =
        if dice.below(2) == 0 { chunk.byte_range().0 as usize } else { chunk.data_page_offset() as usize };
    match dice.below(3) {
        0 => bytes.len() - 8 - footer..bytes.len() - 8,
        1 => page..(page + 48).min(bytes.len() - 8),
        _ => 0..bytes.len(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// A panic of ours would fail the test; one of the crate is answered as damage. A page may claim a gibibyte.
    #[test]
    fn no_changed_bytes_panic_or_exhaust_the_host(seed in any::<u64>(), flips in 1_usize..6) {
        let mut dice = Dice(seed);
        let mut bytes = any_file(&mut dice);
        let range = target(&bytes, &mut dice);
        for _ in 0..flips {
            let at = range.start + dice.below(range.len());
            bytes[at] = dice.next() as u8;
        }
        let (used, largest) = largest(|| open(&bytes).and_then(use_up));
        prop_assert!(largest <= 1 << 30, "{largest} bytes at once");
        if let Err(error) = used {
            prop_assert!(error.code() != codes::BUG, "{error}");
        }
    }
}
