"""Writes Parquet files the way other tools do: write.py DIR

pyarrow, DuckDB, Polars and (if it is installed) fastparquet, with what each of them does differently: page versions,
dictionaries, encodings, checksums, field names of lists, INT96, missing column orders, one page per chunk.
"""

import datetime
import decimal
import pathlib
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 5_000


def table(rows=ROWS):
    n = range(rows)
    maybe = lambda make: [None if i % 7 == 3 else make(i) for i in n]
    zone = datetime.timezone.utc
    return pa.table(
        {
            "id": pa.array(n, pa.int64()),
            "small": pa.array(maybe(lambda i: i % 100), pa.int8()),
            "unsigned": pa.array(maybe(lambda i: i * 11), pa.uint32()),
            "flag": pa.array(maybe(lambda i: i % 2 == 0), pa.bool_()),
            "real": pa.array(maybe(lambda i: i / 7), pa.float32()),
            "double": pa.array(maybe(lambda i: i / 3), pa.float64()),
            "text": pa.array(maybe(lambda i: f"text {i % 40} ü"), pa.string()),
            "blob": pa.array(maybe(lambda i: bytes([i % 256]) * (i % 9)), pa.binary()),
            "day": pa.array(maybe(lambda i: datetime.date(2000, 1, 1) + datetime.timedelta(i)), pa.date32()),
            "at": pa.array(maybe(lambda i: datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=i)), pa.timestamp("us")),
            "zoned": pa.array(maybe(lambda i: datetime.datetime(2020, 1, 1, tzinfo=zone)), pa.timestamp("ms", "UTC")),
            "price": pa.array(maybe(lambda i: decimal.Decimal(i) / 100), pa.decimal128(12, 2)),
            "list": pa.array(maybe(lambda i: [None if k == 1 else k * i for k in range(i % 4)]), pa.list_(pa.int32())),
            "pair": pa.array(maybe(lambda i: {"a": i, "b": None if i % 3 else str(i)}), pa.struct([("a", pa.int64()), ("b", pa.string())])),
            "deep": pa.array(
                maybe(lambda i: [{"x": [str(i)] * (i % 3), "y": i}] * (i % 3)),
                pa.list_(pa.struct([("x", pa.list_(pa.string())), ("y", pa.int16())])),
            ),
        }
    )


def by_pyarrow(to):
    whole = table()
    extra = whole.append_column("wide", pa.array([decimal.Decimal(i) for i in range(ROWS)], pa.decimal256(50, 3)))
    extra = extra.append_column("map", pa.array([[("k", i)] if i % 3 else None for i in range(ROWS)], pa.map_(pa.string(), pa.int32())))
    extra = extra.append_column("fixed", pa.array([[i, None, i] if i % 4 else None for i in range(ROWS)], pa.list_(pa.int64(), 3)))
    extra = extra.append_column("code", pa.array([bytes([i % 256] * 6) for i in range(ROWS)], pa.binary(6)))
    extra = extra.append_column("half", pa.array([float(i % 100) for i in range(ROWS)], pa.float16()))
    extra = extra.append_column("nothing", pa.nulls(ROWS))
    extra = extra.append_column("dictionary", extra["text"].combine_chunks().dictionary_encode())
    extra = extra.append_column("large", extra["text"].cast(pa.large_string()))
    extra = extra.append_column("view", extra["text"].cast(pa.string_view()))
    extra = extra.append_column("nanos", extra["at"].cast(pa.timestamp("ns")))
    extra = extra.append_column("seconds", extra["at"].cast(pa.timestamp("s"), safe=False))
    extra = extra.append_column("time", pa.array([datetime.time(1, i % 60) for i in range(ROWS)], pa.time64("us")))
    extra = extra.append_column("span", pa.array(range(ROWS), pa.duration("us")))
    variants = {
        "plain": {},
        "v2-pages": {"data_page_version": "2.0", "compression": "zstd"},
        "v1-format": {"version": "1.0", "compression": "gzip"},
        "checksums": {"write_page_checksum": True, "write_page_index": True},
        "page-index": {"write_page_index": True, "compression": "brotli", "data_page_size": 2_000},
        "no-statistics": {"write_statistics": False, "use_dictionary": False, "compression": "lz4"},
        "tiny-dictionary": {"dictionary_pagesize_limit": 100, "row_group_size": 333},
        "no-arrow-schema": {"store_schema": False, "compression": "none"},
        "sorted": {"sorting_columns": [pq.SortingColumn(0)], "row_group_size": 1_000},
        "integers-as-decimals": {"store_decimal_as_integer": True},
        "noncompliant-lists": {"use_compliant_nested_type": False},
        "mixed-codecs": {"compression": {"id": "snappy", "text": "zstd", "double": "gzip"}},
    }
    for name, options in variants.items():
        pq.write_table(extra, to / f"pyarrow-{name}.parquet", **options)
    encodings = whole.select(["id", "text", "real", "blob"])
    kinds = {"id": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY", "real": "BYTE_STREAM_SPLIT", "blob": "DELTA_LENGTH_BYTE_ARRAY"}
    pq.write_table(encodings, to / "pyarrow-encodings.parquet", use_dictionary=False, column_encoding=kinds)
    pq.write_table(whole.select(["id", "at"]), to / "pyarrow-int96.parquet", use_deprecated_int96_timestamps=True)
    pq.write_table(whole.slice(0, 0), to / "pyarrow-no-rows.parquet")
    ids = [f.with_metadata({"PARQUET:field_id": str(100 + i)}) for i, f in enumerate(whole.schema)]
    pq.write_table(whole.cast(pa.schema(ids, {"owner": "team-a"})), to / "pyarrow-field-ids.parquet")
    with pq.ParquetWriter(to / "pyarrow-empty-groups.parquet", whole.schema) as writer:
        for at in range(0, ROWS, 1_000):
            writer.write_table(whole.slice(at, 1_000))
            writer.write_table(whole.slice(0, 0))


def by_duckdb(to):
    duckdb.register("t", table())
    variants = {
        "snappy": "COMPRESSION snappy",
        "zstd": "COMPRESSION zstd, ROW_GROUP_SIZE 2048",
        "v2": "PARQUET_VERSION v2, COMPRESSION gzip",
        "lz4": "COMPRESSION lz4_raw",
        "raw": "COMPRESSION uncompressed",
    }
    for name, options in variants.items():
        duckdb.sql(f"COPY t TO '{to}/duckdb-{name}.parquet' (FORMAT parquet, {options})")
    odd = "SELECT id, uuid() AS u, id::HUGEINT AS h, INTERVAL (id) MINUTE AS i, MAP {'k': id} AS m, 'x'::ENUM('x', 'y') AS e, TIME '01:02:03' AS t FROM t"
    duckdb.sql(f"COPY ({odd}) TO '{to}/duckdb-odd-types.parquet' (FORMAT parquet)")


def by_polars(to):
    frame = polars.from_arrow(table())
    frame = frame.with_columns(polars.col("text").cast(polars.Categorical).alias("category"))
    for codec in ["snappy", "zstd", "lz4", "gzip", "brotli", "uncompressed"]:
        frame.write_parquet(to / f"polars-{codec}.parquet", compression=codec, row_group_size=1_500)
    frame.write_parquet(to / "polars-no-statistics.parquet", statistics=False)


def by_fastparquet(to):
    try:
        import fastparquet
    except ImportError:
        return
    frame = table().select(["id", "flag", "double", "text", "at"]).to_pandas()
    fastparquet.write(str(to / "fastparquet-plain.parquet"), frame, row_group_offsets=1_700)
    fastparquet.write(str(to / "fastparquet-int96.parquet"), frame, times="int96", compression="SNAPPY")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for write in (by_pyarrow, by_duckdb, by_polars, by_fastparquet):
        write(target)
