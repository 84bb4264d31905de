"""Datasets written by Polars."""

import datetime
import os

import polars as pl
from polars.testing import assert_frame_equal

import directories
from directories import ODD, ROWS, SINCE, unreadable

START = datetime.datetime(2020, 1, 1)


def numbers(part):
    return range(part * ROWS // 4, (part + 1) * ROWS // 4)


def frame(part, rows=None, **columns):
    rows = numbers(part) if rows is None else rows
    common = {
        "id": pl.Series(rows, dtype=pl.Int64),
        "gone": pl.Series([i % 7 for i in rows], dtype=pl.Int32),
        "label": pl.Series([None if i % 11 == 3 else f"Label {i % 13}" for i in rows], dtype=pl.String),
        "amount": pl.Series(["unreadable" if unreadable(part, i) else str(i * 3) for i in rows], dtype=pl.String),
        "moment": pl.Series(
            [None if i % 17 == 5 else START + datetime.timedelta(seconds=i * 61) for i in rows],
            dtype=pl.Datetime("us"),
        ),
    }
    return pl.DataFrame(common).with_columns(**{name: make(rows) for name, make in columns.items()})


def types(rows):
    word = [None if i % 5 == 2 else f"word {i % 20}" for i in rows]
    return {
        "category": pl.Series(word, dtype=pl.Categorical),
        "choice": pl.Series(word, dtype=pl.Enum([f"word {i}" for i in range(20)])),
        "money": pl.Series([str(i / 100) for i in rows], dtype=pl.String).cast(pl.Decimal(18, 4)),
        "zoned": pl.Series([START + datetime.timedelta(hours=i) for i in rows]).dt.replace_time_zone("Asia/Tokyo"),
        "address": pl.Series([{"city": f"c{i % 9}", "geo": {"lat": i / 2, "lon": None}} for i in rows]),
        "items": pl.Series([[{"sku": f"s{j}", "count": j} for j in range(i % 4)] for i in rows]),
        "matrix": pl.Series([[[j] * (j % 3) for j in range(i % 3)] for i in rows], dtype=pl.List(pl.List(pl.Int16))),
        "clock": pl.Series([datetime.time(i % 24, i % 60) for i in rows], dtype=pl.Time),
        "span": pl.Series([datetime.timedelta(seconds=i) for i in rows], dtype=pl.Duration("ms")),
        "blob": pl.Series([bytes([i % 256]) * (i % 20) for i in rows], dtype=pl.Binary),
        "nothing": pl.Series([None] * len(rows), dtype=pl.Null),
    }


def write(root):
    def file(path, made, **options):
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        made.write_parquet(path, row_group_size=100, **options)

    everything = frame(1, range(ROWS)).with_columns(
        place=pl.Series([ODD[i % len(ODD)] for i in range(ROWS)]),
        day=pl.Series([(START + datetime.timedelta(days=i // 700)).date() for i in range(ROWS)]),
    )
    everything.write_parquet(os.path.join(root, "partitioned"), partition_by=["place", "day"], mkdir=True)
    for part in range(4):
        rows = numbers(part)
        file(f"types/part-{part}.parquet", frame(part).with_columns(**types(rows)), metadata={"owner": "orders team"})
        file(f"some-empty/{part}.parquet", frame(part).clear() if part % 2 == 0 else frame(part))
    for part, name in enumerate(["a b.parquet", "100%.parquet", "k=v/x=1 y/#1 ü.parquet", "Zoë.v2.parquet"]):
        file(f"odd-names/{name}", frame(part))
    single = lambda kind: lambda rows: pl.Series([i / 4 for i in rows], dtype=kind)
    note = lambda rows: pl.Series([f"note {i}" for i in rows])
    file("grown/part-0.parquet", frame(0, number=single(pl.Float32)).with_columns(pl.col("id").cast(pl.Int16)))
    file("grown/part-1.parquet", frame(1, note=note, number=single(pl.Float64)))
    late = frame(2, number=single(pl.Float64), note=note, price=lambda rows: pl.Series(rows, dtype=pl.UInt32))
    file("grown/part-2.parquet", late.select(sorted(late.columns, reverse=True)))
    file("grown/part-3.parquet", frame(3))


def read(directory):
    names = directories.parquet_files(directory)
    partitioned = directory.rstrip("/").endswith("partitioned")
    frames = [
        pl.read_parquet(os.path.join(directory, name), hive_partitioning=partitioned, glob=False) for name in names
    ]
    if partitioned:
        return pl.read_parquet(directory, hive_partitioning=True)
    return pl.concat(frames, how="diagonal_relaxed")


def expect(source, result, job):
    before, after = read(source), read(result)
    if job == "tidy":
        before = before.filter(pl.col("amount") != "unreadable").with_columns(pl.col("amount").cast(pl.Int64))
        before = before.with_columns(pl.col("label").str.to_uppercase()).drop("gone").rename({"id": "row_id"})
    else:
        before = before.filter(pl.col("moment") >= datetime.datetime.fromisoformat(SINCE))
    key = before.columns[before.columns.index("row_id" if job == "tidy" else "id")]
    if before.is_empty():
        return ["nothing is left to compare"]
    try:
        assert_frame_equal(after.sort(key), before.sort(key))
    except AssertionError as error:
        return [str(error).replace("\n", " ")]
    return []
