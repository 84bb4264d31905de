//! Small files that ask for much: shared bytes, wide values, values that repeat.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, FixedSizeListBuilder, Int64Builder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_buffer::BooleanBuffer;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::FixedLenByteArrayType;
use parquet::file::metadata::{
    ParquetMetaDataBuilder, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use skein_dataset::parquet::OutputPlan;
use skein_types::{Selection, codes};

use crate::heap;
use crate::support::{all, batch, carry, grouped, no_guest, open, parquet_of, plan, run};
use crate::wire::{data, data_v2, i32s, page, varint, with_pages, zigzag};

fn numbers(rows: i64) -> RecordBatch {
    batch(vec![("a", Arc::new(Int64Array::from_iter_values(0..rows)), false)])
}

/// A file whose metadata was changed, with more bytes before it.
pub(crate) fn rewritten(
    mut bytes: Vec<u8>,
    more: &[u8],
    change: impl FnOnce(Vec<RowGroupMetaData>) -> Vec<RowGroupMetaData>,
) -> Vec<u8> {
    let metadata = ParquetMetaDataReader::new();
    let metadata = metadata.parse_and_finish(&bytes::Bytes::from(bytes.clone())).unwrap();
    let rows = metadata.file_metadata().num_rows();
    let mut builder: ParquetMetaDataBuilder = metadata.into_builder();
    let groups = change(builder.take_row_groups());
    assert_eq!(groups.iter().map(RowGroupMetaData::num_rows).sum::<i64>(), rows);
    let metadata = builder.set_row_groups(groups).build();
    bytes.extend_from_slice(more);
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().unwrap();
    bytes
}

fn has_index(bytes: &[u8]) -> bool {
    let source = open(bytes).unwrap();
    OutputPlan::new(&source, &plan(&source, &[carry("a")], "same")).unwrap().has_page_index()
}

#[test]
fn page_indexes_that_share_their_bytes_count_as_absent() {
    let bytes = parquet_of(&numbers(100), grouped(100));
    assert!(has_index(&bytes));
    // Empty row groups may point anywhere, so these are sound but for their number.
    let shared = rewritten(bytes, b"", |groups| {
        let empty = groups[0].clone().into_builder().set_num_rows(0).build().unwrap();
        groups.into_iter().chain(std::iter::repeat_n(empty, 50)).collect()
    });
    assert!(!has_index(&shared));
}

#[test]
fn page_indexes_that_contradict_each_other_count_as_absent() {
    let properties = WriterProperties::builder().set_data_page_row_count_limit(100).set_write_batch_size(100);
    let properties = properties.set_max_row_group_row_count(Some(200)).set_dictionary_enabled(false).build();
    let bytes = parquet_of(&numbers(300), properties);
    let crossed = rewritten(bytes.clone(), b"", |mut groups| {
        let range = |group: &RowGroupMetaData| {
            let chunk = group.column(0);
            (chunk.column_index_offset(), chunk.column_index_length())
        };
        let (first, second) = (range(&groups[0]), range(&groups[1]));
        for (group, (at, length)) in groups.iter_mut().zip([second, first]) {
            let chunk = group.column(0).clone().into_builder();
            let chunk = chunk.set_column_index_offset(at).set_column_index_length(length).build().unwrap();
            *group = group.clone().into_builder().set_column_metadata(vec![chunk]).build().unwrap();
        }
        groups
    });
    assert!(has_index(&bytes));
    assert!(!has_index(&crossed));
}

#[test]
fn page_indexes_that_are_much_larger_in_memory_count_as_absent() {
    let pages = 5_000_000;
    let list = |kind: u8, element: u8| {
        [vec![0x19, 0xf0 | kind], varint(pages), vec![element; pages as usize]].concat()
    };
    // Of each page whether it is all nulls, and two bounds without a byte.
    let index = [list(1, 1), list(8, 0), list(8, 0), vec![0x15, 0, 0]].concat();
    let bytes = parquet_of(&numbers(100), grouped(100));
    let at = i64::try_from(bytes.len()).unwrap();
    let length = i32::try_from(index.len()).unwrap();
    let bytes = rewritten(bytes, &index, |groups| {
        let chunk = groups[0].column(0).clone().into_builder();
        let chunk = chunk.set_column_index_offset(Some(at)).set_column_index_length(Some(length));
        let columns = vec![chunk.build().unwrap()];
        vec![groups[0].clone().into_builder().set_column_metadata(columns).build().unwrap()]
    });
    let (indexed, largest) = heap::largest(|| has_index(&bytes));
    assert!(!indexed && largest < bytes.len() * 2, "{largest} bytes at once for {}", bytes.len());
}

/// A file whose footer has so many keys without a letter.
fn with_keys(count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new().with_skip_arrow_metadata(true);
    let rows = numbers(3);
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, rows.schema(), options).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    // The struct goes on where it ended.
    let end = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap());
    let start = end - length as usize;
    bytes.truncate(end - 1);
    bytes.extend(
        [&[0x09, 0x0a, 0xfc][..], &varint(count), &[0x18, 0, 0].repeat(count as usize), &[0]].concat(),
    );
    let length = u32::try_from(bytes.len() - start).unwrap();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(b"PAR1");
    bytes
}

#[test]
fn footers_that_are_much_larger_in_memory_are_refused_before_they_are_decoded() {
    assert!(open(&with_keys(1_000)).is_ok());
    let bytes = with_keys((1 << 30) / 256);
    let (refused, largest) = heap::largest(|| open(&bytes).unwrap_err());
    assert_eq!(refused.code(), codes::FILE_TOO_MANY_ROW_GROUPS);
    assert!(
        refused.to_string().contains("bytes of metadata in memory, the limit is 1073741824"),
        "{refused}"
    );
    assert!(largest < bytes.len() * 2, "{largest} bytes at once for {}", bytes.len());
}

#[test]
fn readers_that_need_much_memory_take_turns() {
    let wide = nulls("fixed_len_byte_array (1048576) a", 700);
    let (one, other) = (open(&wide).unwrap(), open(&wide).unwrap());
    let mut first = one.read(0, &[0], 600).unwrap();
    assert_eq!(first.batch_rows(), 600);
    assert!(first.next().unwrap().is_ok());
    let (said, heard) = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut second = other.read(0, &[0], 600).unwrap();
            said.send(second.next().unwrap().unwrap().num_rows()).unwrap();
        });
        let waited = heard.recv_timeout(std::time::Duration::from_millis(300));
        assert!(waited.is_err(), "600 MiB more were decoded beside the first 600");
        // As narrow as most: not asked to wait.
        let narrow = open(&parquet_of(&numbers(100), grouped(100))).unwrap();
        let rows =
            scope.spawn(move || narrow.read(0, &[0], 100).unwrap().next().unwrap().unwrap().num_rows());
        assert_eq!(rows.join().unwrap(), 100);
        drop(first);
        assert_eq!(heard.recv().unwrap(), 600);
    });
}

#[test]
fn bloom_filters_that_share_their_bytes_cannot_fill_the_disk() {
    let bytes = parquet_of(&numbers(200), grouped(1));
    let at = i64::try_from(bytes.len()).unwrap();
    // A header for 64 KiB, then as many zeros.
    let header = [vec![0x15], zigzag(65_536), [0x1c, 0x1c, 0, 0].repeat(3), vec![0]].concat();
    let filter = [header, vec![0; 65_536]].concat();
    let bytes = rewritten(bytes, &filter, |groups| {
        let groups = groups.into_iter().map(|group| {
            let chunk = group.columns()[0].clone().into_builder().set_bloom_filter_offset(Some(at));
            let columns = vec![chunk.build().unwrap()];
            group.into_builder().set_column_metadata(columns).build().unwrap()
        });
        groups.collect()
    });
    let source = Arc::new(open(&bytes).unwrap());
    let output = run(&source, &plan(&source, &[carry("a")], "same"), &all, &no_guest);
    assert!(output.bytes.len() < 2 * bytes.len(), "{} bytes from {}", output.bytes.len(), bytes.len());
    // The first ones are copied as they are.
    let written = ParquetMetaDataReader::new();
    let written = written.parse_and_finish(&bytes::Bytes::from(output.bytes.clone())).unwrap();
    let copied: Vec<usize> = (0..200)
        .filter_map(|group| {
            let at = written.row_group(group).column(0).bloom_filter_offset()?;
            let at = usize::try_from(at).unwrap();
            assert_eq!(output.bytes[at..at + filter.len()], filter);
            Some(group)
        })
        .collect();
    assert_eq!(copied, [0]);
}

fn wide(width: i32) -> Vec<u8> {
    let mut builder = FixedSizeBinaryBuilder::new(width);
    (0..3).for_each(|_| builder.append_null());
    parquet_of(&batch(vec![("a", Arc::new(builder.finish()), true)]), WriterProperties::default())
}

#[test]
fn fixed_widths_beyond_any_use_are_refused_when_a_file_is_opened() {
    assert!(open(&wide(1 << 20)).is_ok());
    let refused = open(&wide((1 << 20) + 1)).unwrap_err();
    assert_eq!(refused.code(), codes::FILE_UNSUPPORTED);
    assert!(refused.to_string().contains("column \"a\" of 1048577 bytes a row"), "{refused}");
    let list = |items: i32| {
        let mut builder = FixedSizeListBuilder::new(Int64Builder::new(), items);
        builder.values().append_nulls(usize::try_from(items).unwrap());
        builder.append(false);
        parquet_of(&batch(vec![("a", Arc::new(builder.finish()), true)]), WriterProperties::default())
    };
    assert!(open(&list(131_071)).is_ok());
    assert_eq!(open(&list(131_073)).unwrap_err().code(), codes::FILE_UNSUPPORTED);
}

/// `rows` nulls of a column of such a type: a few bytes.
fn nulls(column: &str, rows: usize) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ optional {column}; }}")).unwrap());
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<FixedLenByteArrayType>().write_batch(&[], Some(&vec![0; rows]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

#[test]
fn batches_of_wide_values_have_fewer_rows() {
    let batch_rows = |width: usize| {
        let bytes = nulls(&format!("fixed_len_byte_array ({width}) a"), 5000);
        open(&bytes).unwrap().read(0, &[0], 5000).unwrap().batch_rows()
    };
    assert_eq!(batch_rows(16), 5000);
    assert_eq!(batch_rows(1 << 20), 625);
}

#[test]
fn batches_of_long_lists_of_fixed_size_have_fewer_rows() {
    let mut builder = FixedSizeListBuilder::new(Int64Builder::new(), 100_000);
    builder.values().append_nulls(100_000);
    builder.append(false);
    let one = batch(vec![("a", Arc::new(builder.finish()), true)]);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, one.schema(), None).unwrap();
    (0..2000).for_each(|_| writer.write(&one).unwrap());
    writer.close().unwrap();
    assert!(bytes.len() < 10_000, "{}", bytes.len());
    let source = open(&bytes).unwrap();
    assert_eq!(source.read(0, &[0], 2000).unwrap().batch_rows(), 1000);
}

/// Pages of `rows` strings, each the only entry of a dictionary.
fn repeated(length: usize, rows: usize) -> Vec<u8> {
    let entry = [&u32::try_from(length).unwrap().to_le_bytes()[..], &vec![b'x'; length]].concat();
    let entries = [vec![0x4c], i32s(&[1, 0]), vec![0]].concat();
    let dictionary = page(2, entry.len() as i64, &entries, &entry);
    // One run of zeros of one bit each.
    let references = [vec![1], varint(rows as u64 * 2), vec![0]].concat();
    let references = page(0, references.len() as i64, &data(rows as i64, 8), &references);
    let column: ArrayRef = Arc::new(StringArray::from(vec!["a"; rows]));
    with_pages(column, Compression::UNCOMPRESSED, &[dictionary, references].concat())
}

#[test]
fn batches_of_long_dictionary_entries_have_fewer_rows() {
    let source = open(&repeated(100_000, 60_000)).unwrap();
    assert_eq!(source.read(0, &[0], 60_000).unwrap().batch_rows(), 7500);
    let few = source.read(0, &[0], 9).unwrap().next().unwrap().unwrap();
    assert_eq!(few.column(0).as_string::<i32>().value(8).len(), 100_000);
    // A large dictionary of short entries is no reason.
    let texts = (0..40_000).map(|i| format!("{i:0>40}"));
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(1 << 30).build();
    let source = open(&parquet_of(&batch(vec![("a", column, false)]), properties)).unwrap();
    assert_eq!(source.read(0, &[0], 40_000).unwrap().batch_rows(), 40_000);
}

/// Size of the output that loses the first row.
fn size_without_a_row(bytes: &[u8]) -> usize {
    let source = Arc::new(open(bytes).unwrap());
    let plan = plan(&source, &[carry("a")], "filtered");
    let select = |_, rows| Selection::from_bits(BooleanBuffer::collect_bool(rows, |row| row > 0));
    run(&source, &plan, &select, &no_guest).bytes.len()
}

#[test]
fn values_that_are_encoded_again_take_no_more_than_before() {
    // 400 MiB of strings from two.
    let dictionary = repeated(2 << 20, 200);
    let output = size_without_a_row(&dictionary);
    assert!(output < dictionary.len() + (1 << 20), "{output}");
    // 300 MiB of strings that share all but their last byte.
    let text = "x".repeat(1 << 20);
    let texts = (0..300_u32).map(|i| format!("{text}{}", char::from(b'a' + (i % 26) as u8)));
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let properties = WriterProperties::builder().set_dictionary_enabled(false);
    let properties = properties.set_encoding(Encoding::DELTA_BYTE_ARRAY).build();
    let delta = parquet_of(&batch(vec![("a", column, false)]), properties);
    let output = size_without_a_row(&delta);
    assert!(output < 2 * delta.len(), "{output} from {}", delta.len());
}

#[test]
fn batches_of_strings_that_share_their_beginning_have_fewer_rows() {
    // One page: a string of 256 KiB, then 40,000 times the same.
    let (length, rows) = (1_u64 << 18, 40_001_u64);
    // Shared lengths: nothing, then 2^18 for ever.
    let shared = {
        let head = [varint(128), vec![4], varint(rows), zigzag(0)].concat();
        let mut bytes = head;
        bytes.extend_from_slice(&[0, 19, 0, 0, 0]);
        let mut packed = vec![0; 19 * 32 / 8];
        packed[..4].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        bytes.extend_from_slice(&packed);
        bytes.extend_from_slice(&[0; 5].repeat((rows as usize - 1).div_ceil(128) - 1));
        bytes
    };
    // Rests: 2^18, then nothing. The smallest difference is -2^18, all others are 2^18 above it.
    let rests = {
        let head = [varint(128), vec![4], varint(rows), zigzag(length as i64)].concat();
        let mut bytes = head;
        bytes.extend_from_slice(&zigzag(-(length as i64)));
        bytes.extend_from_slice(&[19; 4]);
        let mut packed = vec![0_u8; 19 * 128 / 8];
        for bit in (1..128).map(|value| value * 19 + 18) {
            packed[bit / 8] |= 1 << (bit % 8);
        }
        bytes.extend_from_slice(&packed);
        bytes.extend_from_slice(&[0; 5].repeat((rows as usize - 1).div_ceil(128) - 1));
        bytes
    };
    let body = [shared, rests, vec![b'x'; length as usize]].concat();
    let pages = page(0, body.len() as i64, &data(rows as i64, 7), &body);
    let column: ArrayRef = Arc::new(StringArray::from(vec!["a"; rows as usize]));
    let bytes = with_pages(column, Compression::UNCOMPRESSED, &pages);
    let source = open(&bytes).unwrap();
    assert_eq!(source.read(0, &[0], rows as usize).unwrap().batch_rows(), 2500);
    let few = source.read(0, &[0], 9).unwrap().next().unwrap().unwrap();
    assert_eq!(few.column(0).as_string::<i32>().value(8).len(), 1 << 18);
}

#[test]
fn pages_that_are_held_together_are_bounded() {
    let rows = 4;
    let columns = 7;
    // Each column claims a page of half a gibibyte.
    let names: Vec<String> = (0..columns).map(|i| format!("c{i}")).collect();
    let array: ArrayRef = Arc::new(StringArray::from_iter_values(["a"; 4]));
    let batch = batch(names.iter().map(|name| (name.as_str(), Arc::clone(&array), false)).collect());
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let bytes = parquet_of(&batch, properties);
    let claimed = page(0, 1 << 29, &data(rows, 0), &[0; 8]);
    let start = bytes.len();
    let pages = claimed.repeat(columns);
    let bytes = rewritten(bytes, &pages, |groups| {
        let groups = groups.into_iter().map(|group| {
            let chunks = group.columns().iter().enumerate().map(|(i, chunk)| {
                let at = i64::try_from(start + i * claimed.len()).unwrap();
                let chunk = chunk.clone().into_builder().set_data_page_offset(at);
                let chunk = chunk.set_dictionary_page_offset(None);
                chunk.set_total_compressed_size(claimed.len() as i64).build().unwrap()
            });
            let chunks = chunks.collect();
            group.into_builder().set_column_metadata(chunks).build().unwrap()
        });
        groups.collect()
    });
    let source = open(&bytes).unwrap();
    assert!(source.read(0, &[0, 1, 2], 100).is_ok());
    let refused = source.read(0, &[0, 1, 2, 3, 4, 5, 6], 100).unwrap_err();
    assert_eq!(refused.code(), codes::FILE_UNSUPPORTED);
    assert!(refused.to_string().contains("its pages take 3758096440 bytes at once"), "{refused}");
}

fn delta_strings(encoding: i64, counts: &[u64]) -> Vec<u8> {
    // Blocks of 128 in 4 parts, the count, the first value 1.
    let mut body = Vec::new();
    for count in counts {
        body.extend_from_slice(&[0x80, 0x01, 0x04]);
        let mut left = *count;
        while left > 0x7f {
            body.push(left as u8 | 0x80);
            left >>= 7;
        }
        body.extend_from_slice(&[left as u8, 0x02]);
    }
    body.push(b'x');
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(["a"]));
    let pages = page(0, body.len() as i64, &data(1, encoding), &body);
    with_pages(column, Compression::UNCOMPRESSED, &pages)
}

#[test]
fn counts_inside_pages_are_checked_before_memory_is_reserved_for_them() {
    let first = |bytes: &[u8]| open(bytes)?.read(0, &[0], 10)?.next().unwrap();
    let read = first(&delta_strings(6, &[1])).unwrap();
    assert_eq!(read.column(0).as_ref(), &StringArray::from(vec!["x"]) as &dyn Array);
    for bytes in [
        delta_strings(6, &[1 << 44]),
        delta_strings(7, &[1 << 44]),
        delta_strings(7, &[1, 1 << 44]),
        delta_strings(6, &[2]),
    ] {
        assert_eq!(first(&bytes).unwrap_err().code(), codes::FILE_TRUNCATED);
    }
}

#[test]
fn strings_in_delta_encodings_are_read() {
    let texts: Vec<Option<String>> =
        (0..3000).map(|i| (i % 5 != 0).then(|| format!("https://example.org/{i:06}"))).collect();
    let column: ArrayRef = Arc::new(StringArray::from(texts));
    for (encoding, version) in [
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, parquet::file::properties::WriterVersion::PARQUET_1_0),
        (Encoding::DELTA_BYTE_ARRAY, parquet::file::properties::WriterVersion::PARQUET_1_0),
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, parquet::file::properties::WriterVersion::PARQUET_2_0),
        (Encoding::DELTA_BYTE_ARRAY, parquet::file::properties::WriterVersion::PARQUET_2_0),
    ] {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_dictionary_enabled(false)
            .set_encoding(encoding)
            .set_data_page_row_count_limit(700)
            .set_write_batch_size(100)
            .set_compression(Compression::SNAPPY)
            .build();
        let source = open(&parquet_of(&batch(vec![("a", Arc::clone(&column), true)]), properties)).unwrap();
        let read: Vec<_> = source.read(0, &[0], 3000).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].column(0), &column);
    }
}

#[test]
fn pages_that_unpack_to_more_than_they_say_are_stopped() {
    use std::io::Write;
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 9, 22);
    for _ in 0..16 {
        member.write_all(&[0; 1 << 16]).unwrap();
        brotli.write_all(&[0; 1 << 16]).unwrap();
    }
    // More than a gibibyte of zeros, one member after another.
    let gzip = member.finish().unwrap().repeat(1100);
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..4));
    for (compression, body) in [
        (Compression::GZIP(Default::default()), gzip),
        (Compression::BROTLI(Default::default()), brotli.into_inner()),
    ] {
        // The second form begins with levels that are never compressed.
        let with_levels = [&[2, 1], body.as_slice()].concat();
        for pages in [page(0, 32, &data(4, 0), &body), page(3, 34, &data_v2(4, 2), &with_levels)] {
            let bytes = with_pages(Arc::clone(&column), compression, &pages);
            let refused = open(&bytes).unwrap().read(0, &[0], 10).unwrap_err();
            assert!(refused.to_string().ends_with("a page that unpacks to more than it says"), "{refused}");
        }
    }
}
