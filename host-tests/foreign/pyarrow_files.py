"""Files written by pyarrow: `write(directory)` makes them, `expect(source, result, job)` says what is wrong with a result."""

import datetime
import decimal
import os

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import cases
from cases import sparse

UTC = datetime.timezone.utc


def common(rows=cases.ROWS):
    return {
        "id": pa.array(cases.ids(rows), pa.int64()),
        "gone": pa.array(cases.gone(rows), pa.int32()),
        "label": pa.array(cases.labels(rows), pa.string()),
        "amount": pa.array(cases.amounts(rows), pa.string()),
    }


def table(rows=cases.ROWS, **columns):
    return pa.table({**common(rows), **columns})


def moment(i):
    return datetime.datetime(2020, 1, 1, tzinfo=UTC) + datetime.timedelta(seconds=i * 61, microseconds=i)


def plain():
    return table(
        text=pa.array(sparse(lambda i: f"text {i}")),
        number=pa.array(sparse(lambda i: i / 8), pa.float64()),
        truth=pa.array(sparse(lambda i: i % 3 == 0)),
    )


def nested():
    item = pa.struct([("sku", pa.string()), ("count", pa.int32())])
    return table(
        address=pa.array(
            sparse(lambda i: {"city": f"c{i % 9}", "geo": {"lat": i / 2, "lon": None if i % 4 == 0 else i / 3}}),
            pa.struct([("city", pa.string()), ("geo", pa.struct([("lat", pa.float64()), ("lon", pa.float64())]))]),
        ),
        items=pa.array(
            sparse(lambda i: [None if j == 2 else {"sku": f"s{j}", "count": j} for j in range(i % 4)]),
            pa.list_(item),
        ),
        matrix=pa.array(sparse(lambda i: [[j] * (j % 3) for j in range(i % 3)]), pa.list_(pa.list_(pa.int16()))),
        pair=pa.array(sparse(lambda i: [i, i + 1]), pa.list_(pa.int32(), 2)),
        long=pa.array(sparse(lambda i: [f"{i}"] * (i % 3)), pa.large_list(pa.string())),
    )


def maps():
    return table(
        tags=pa.array(
            sparse(lambda i: [(f"k{j}", None if j == 1 else j) for j in range(i % 4)]),
            pa.map_(pa.string(), pa.int64()),
        ),
        deep=pa.array(
            sparse(lambda i: [(i, [{"a": i}])]), pa.map_(pa.int64(), pa.list_(pa.struct([("a", pa.int64())])))
        ),
    )


def times():
    return table(
        zoned=pa.array(sparse(moment), pa.timestamp("us", tz="Europe/Berlin")),
        utc=pa.array(sparse(moment), pa.timestamp("ms", tz="UTC")),
        local=pa.array(sparse(lambda i: moment(i).replace(tzinfo=None)), pa.timestamp("us")),
        nanos=pa.array(sparse(lambda i: i * 1_000_000_007), pa.timestamp("ns")),
        day=pa.array(sparse(lambda i: i), pa.date32()),
        clock=pa.array(sparse(lambda i: i * 1_000), pa.time64("us")),
        short_clock=pa.array(sparse(lambda i: i), pa.time32("ms")),
        span=pa.array(sparse(lambda i: i * 17), pa.duration("us")),
    )


def int96():
    return table(local=pa.array(sparse(lambda i: moment(i).replace(tzinfo=None)), pa.timestamp("ns")))


def numbers():
    def money(digits, scale):
        return pa.array(
            sparse(lambda i: decimal.Decimal(i * 7 - 5000).scaleb(-scale)), pa.decimal128(digits, scale)
        )

    wide = pa.array(sparse(lambda i: decimal.Decimal(10**50 + i).scaleb(-4)), pa.decimal256(60, 4))
    return table(
        small=money(7, 2),
        medium=money(18, 4),
        large=money(38, 10),
        wide=wide,
        half=pa.array(sparse(lambda i: i / 4), pa.float16()),
        single=pa.array(sparse(lambda i: i / 4), pa.float32()),
        tiny=pa.array(sparse(lambda i: i % 100), pa.int8()),
        unsigned=pa.array(sparse(lambda i: i), pa.uint32()),
        huge=pa.array(sparse(lambda i: 2**63 + i), pa.uint64()),
    )


def binaries():
    return table(
        fixed=pa.array(sparse(lambda i: i.to_bytes(16, "big")), pa.binary(16)),
        blob=pa.array(sparse(lambda i: bytes([i % 256]) * (i % 20)), pa.binary()),
        large_text=pa.array(sparse(lambda i: f"large {i}" * 5), pa.large_string()),
        large_blob=pa.array(sparse(lambda i: b"x" * (i % 9)), pa.large_binary()),
        text_view=pa.array(sparse(lambda i: f"a view that is long enough {i}"), pa.string_view()),
    )


def dictionaries():
    words = pa.array(sparse(lambda i: f"word {i % 20}"), pa.string())
    return table(word=words.dictionary_encode(), missing=pa.nulls(cases.ROWS), nothing=pa.nulls(cases.ROWS, pa.int64()))


def bloom():
    return {"bloom_filter_options": {"text": {"ndv": 4_000, "fpp": 0.01}, "id": {"ndv": 4_000, "fpp": 0.01}}}


FILES = {
    "plain": (plain, {}),
    "uncompressed": (plain, {"compression": "none"}),
    "zstd": (plain, {"compression": "zstd", "compression_level": 6}),
    "gzip": (plain, {"compression": "gzip"}),
    "brotli": (plain, {"compression": "brotli"}),
    "lz4": (plain, {"compression": "lz4"}),
    "codec-per-column": (plain, {"compression": {"id": "zstd", "text": "gzip", "number": "none", "label": "snappy"}}),
    "page-index": (plain, {"write_page_index": True}),
    "page-v2": (plain, {"data_page_version": "2.0", "write_page_index": True, "data_page_size": 4_096}),
    "checksums": (plain, {"write_page_checksum": True}),
    "no-dictionary": (plain, {"use_dictionary": False}),
    "no-statistics": (plain, {"write_statistics": False}),
    "bloom": (plain, bloom()),
    "delta": (
        plain,
        {
            "use_dictionary": False,
            "column_encoding": {
                "id": "DELTA_BINARY_PACKED",
                "text": "DELTA_BYTE_ARRAY",
                "amount": "DELTA_LENGTH_BYTE_ARRAY",
                "number": "BYTE_STREAM_SPLIT",
            },
        },
    ),
    "sorted": (plain, {"sorting_columns": [pq.SortingColumn(0)]}),
    "old-version": (plain, {"version": "1.0"}),
    "nested": (nested, {}),
    "nested-indexed": (nested, {"write_page_index": True, "compression": "zstd"}),
    "nested-plain-names": (nested, {"use_compliant_nested_type": False}),
    "maps": (maps, {}),
    "times": (times, {}),
    "times-without-arrow": (times, {"store_schema": False}),
    "int96": (int96, {"use_deprecated_int96_timestamps": True}),
    "numbers": (numbers, {}),
    "decimals-as-integers": (numbers, {"store_decimal_as_integer": True}),
    "binaries": (binaries, {}),
    "dictionaries": (dictionaries, {}),
    "dictionaries-without-arrow": (dictionaries, {"store_schema": False}),
    "zero-rows": (lambda: plain().slice(0, 0), {}),
    "one-row": (lambda: plain().slice(0, 1), {}),
}


def write(directory):
    for name, (make, options) in FILES.items():
        pq.write_table(make(), os.path.join(directory, f"{name}.parquet"), row_group_size=cases.ROW_GROUP, **options)
    # A directory in which some files have page indexes and some have none.
    mixed = os.path.join(directory, "mixed-indexes")
    os.mkdir(mixed)
    for part, indexed in enumerate([True, False, True]):
        pq.write_table(
            plain(), os.path.join(mixed, f"part-{part}.parquet"), row_group_size=700, write_page_index=indexed
        )


def without_views(read):
    """Views as plain text: pyarrow itself cannot filter them."""
    for at, field in enumerate(read.schema):
        if field.type == pa.string_view():
            read = read.set_column(at, field.name, read[field.name].cast(pa.string()))
    return read


def expect(source, result, job):
    before, after = (pq.ParquetFile(path).read() for path in (source, result))
    views = [[field.name for field in side.schema if field.type == pa.string_view()] for side in (before, after)]
    if views[0] != views[1]:
        return [f"views are {views[1]}, wanted {views[0]}"]
    before, after = without_views(before), without_views(after)
    if job == "select":
        before = before.filter(pc.not_equal(before["amount"], "unreadable"))
        number = before["amount"].cast(pa.int64())
        before = before.set_column(before.schema.get_field_index("amount"), "amount", number)
    label = pc.utf8_upper(before["label"])
    before = before.set_column(before.schema.get_field_index("label"), "label", label)
    before = before.drop_columns(["gone"]).rename_columns({"id": "row_id"})
    problems = []
    for field in before.schema:
        if field.name not in after.schema.names:
            problems.append(f"{field.name} is missing")
        elif after.schema.field(field.name).type != field.type:
            problems.append(f"{field.name} is {after.schema.field(field.name).type}, was {field.type}")
        elif not after[field.name].combine_chunks().equals(before[field.name].combine_chunks()):
            problems.append(f"{field.name} has other values")
    if after.schema.names != before.schema.names:
        problems.append(f"columns are {after.schema.names}, wanted {before.schema.names}")
    return problems
