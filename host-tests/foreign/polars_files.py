"""Files written by Polars: `write(directory)` makes them, `expect(source, result, job)` says what is wrong with a result."""

import datetime
import os

import polars as pl
from polars.testing import assert_frame_equal

import cases
from cases import sparse

UTC = datetime.timezone.utc


def frame(rows=cases.ROWS, **columns):
    common = {
        "id": pl.Series(cases.ids(rows), dtype=pl.Int64),
        "gone": pl.Series(cases.gone(rows), dtype=pl.Int32),
        "label": pl.Series(cases.labels(rows), dtype=pl.String),
        "amount": pl.Series(cases.amounts(rows), dtype=pl.String),
    }
    return pl.DataFrame({**common, **columns})


def moment(i):
    return datetime.datetime(2020, 1, 1, tzinfo=UTC) + datetime.timedelta(seconds=i * 61, microseconds=i)


def plain():
    return frame(
        text=pl.Series(sparse(lambda i: f"text {i}")),
        number=pl.Series(sparse(lambda i: i / 8)),
        truth=pl.Series(sparse(lambda i: i % 3 == 0)),
    )


def nested():
    return frame(
        address=pl.Series(sparse(lambda i: {"city": f"c{i % 9}", "geo": {"lat": i / 2, "lon": None}})),
        items=pl.Series(sparse(lambda i: [{"sku": f"s{j}", "count": j} for j in range(i % 4)])),
        matrix=pl.Series(sparse(lambda i: [[j] * (j % 3) for j in range(i % 3)]), dtype=pl.List(pl.List(pl.Int16))),
        pair=pl.Series(sparse(lambda i: [i, i + 1]), dtype=pl.Array(pl.Int32, 2)),
    )


def scalars():
    word = sparse(lambda i: f"word {i % 20}")
    return frame(
        category=pl.Series(word, dtype=pl.Categorical),
        choice=pl.Series(word, dtype=pl.Enum([f"word {i}" for i in range(20)])),
        money=pl.Series(sparse(lambda i: str(i / 100)), dtype=pl.String).cast(pl.Decimal(18, 4)),
        zoned=pl.Series(sparse(moment), dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone("Asia/Tokyo"),
        local=pl.Series(sparse(lambda i: moment(i).replace(tzinfo=None)), dtype=pl.Datetime("ns")),
        day=pl.Series(sparse(lambda i: moment(i).date())),
        clock=pl.Series(sparse(lambda i: datetime.time(i % 24, i % 60)), dtype=pl.Time),
        span=pl.Series(sparse(lambda i: datetime.timedelta(seconds=i)), dtype=pl.Duration("ms")),
        blob=pl.Series(sparse(lambda i: bytes([i % 256]) * (i % 20)), dtype=pl.Binary),
        tiny=pl.Series(sparse(lambda i: i % 100), dtype=pl.UInt8),
        nothing=pl.Series([None] * cases.ROWS, dtype=pl.Null),
    )


FILES = {
    "plain": (plain, {}),
    "uncompressed": (plain, {"compression": "uncompressed"}),
    "snappy": (plain, {"compression": "snappy"}),
    "gzip": (plain, {"compression": "gzip"}),
    "brotli": (plain, {"compression": "brotli"}),
    "lz4": (plain, {"compression": "lz4"}),
    "full-statistics": (plain, {"statistics": "full"}),
    "no-statistics": (plain, {"statistics": False}),
    "small-pages": (plain, {"data_page_size": 2_048}),
    "nested": (nested, {}),
    "scalars": (scalars, {}),
    "zero-rows": (lambda: plain().clear(), {}),
}


def write(directory):
    for name, (make, options) in FILES.items():
        path = os.path.join(directory, f"{name}.parquet")
        make().write_parquet(path, row_group_size=cases.ROW_GROUP, **options)


def expect(source, result, job):
    before, after = (pl.read_parquet(path) for path in (source, result))
    if job == "select":
        before = before.filter(pl.col("amount") != "unreadable").with_columns(pl.col("amount").cast(pl.Int64))
    before = before.with_columns(pl.col("label").str.to_uppercase()).drop("gone").rename({"id": "row_id"})
    try:
        assert_frame_equal(after, before)
    except AssertionError as error:
        return [str(error).replace("\n", " ")]
    return []
