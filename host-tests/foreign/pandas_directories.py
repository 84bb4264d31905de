"""Datasets written by pandas."""

import datetime
import decimal
import os

import pandas as pd
import pyarrow.parquet as pq

import directories
from directories import ODD, ROWS, SINCE, unreadable

START = datetime.datetime(2020, 1, 1)


def numbers(part):
    return range(part * ROWS // 4, (part + 1) * ROWS // 4)


def frame(part, rows=None):
    rows = numbers(part) if rows is None else rows
    return pd.DataFrame(
        {
            "id": pd.Series(rows, dtype="int64"),
            "gone": pd.Series([i % 7 for i in rows], dtype="int32"),
            "label": pd.Series([None if i % 11 == 3 else f"Label {i % 13}" for i in rows], dtype="str"),
            "amount": pd.Series(["unreadable" if unreadable(part, i) else str(i * 3) for i in rows], dtype="str"),
            "moment": pd.Series(
                [None if i % 17 == 5 else START + datetime.timedelta(seconds=i * 61) for i in rows],
                dtype="datetime64[us]",
            ),
        }
    )


def types(rows):
    return {
        "kind": pd.Series([f"kind {i % 5}" for i in rows], dtype="category"),
        "maybe": pd.Series([None if i % 5 == 2 else i for i in rows], dtype="Int64"),
        "truth": pd.Series([None if i % 5 == 2 else i % 3 == 0 for i in rows], dtype="boolean"),
        "zoned": pd.Series([START + datetime.timedelta(hours=i) for i in rows]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        "span": pd.Series([datetime.timedelta(seconds=i) for i in rows]),
        "money": pd.Series([decimal.Decimal(i * 7 - 50).scaleb(-2) for i in rows]),
        "address": pd.Series([{"city": f"c{i % 9}", "lat": i / 2} for i in rows]),
        "items": pd.Series([[j for j in range(i % 4)] for i in rows]),
        "blob": pd.Series([b"x" * (i % 9) for i in rows]),
        "day": pd.Series([(START + datetime.timedelta(days=i)).date() for i in rows]),
        "single": pd.Series([i / 4 for i in rows], dtype="float32"),
    }


def write(root):
    def file(path, made, **options):
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        made.to_parquet(path, row_group_size=100, **options)

    # pandas writes a partition of nulls that it cannot read again.
    places = [place for place in ODD if place is not None]
    everything = frame(1, range(ROWS)).assign(
        place=[places[i % len(places)] for i in range(ROWS)], level=[i // 700 for i in range(ROWS)]
    )
    everything.to_parquet(os.path.join(root, "partitioned"), partition_cols=["place", "level"], index=False)
    for part in range(4):
        file(f"types/part-{part}.parquet", frame(part).assign(**types(numbers(part))))
        file(f"some-empty/{part}.parquet", frame(part, range(0)) if part % 2 == 0 else frame(part))
        # The index is a column of its own in the file, and pandas finds it by the metadata only.
        indexed = frame(part).assign(index=[f"row {i}" for i in numbers(part)]).set_index("index")
        file(f"indexed/part-{part}.parquet", indexed)
        file(f"other-compression/part-{part}.parquet", frame(part), compression=["zstd", "gzip", "brotli", None][part])
    for part, name in enumerate(["a b.parquet", "100%.parquet", "k=v/x=1 y/#1 ü.parquet", "Zoë.v2.parquet"]):
        file(f"odd-names/{name}", frame(part))
    number = lambda part, kind: pd.Series([i / 4 for i in numbers(part)], dtype=kind)
    file("grown/part-0.parquet", frame(0).astype({"id": "int16"}).assign(number=number(0, "float32")))
    note = [f"note {i}" for i in numbers(1)]
    file("grown/part-1.parquet", frame(1).assign(note=note, number=number(1, "float64")))
    late = frame(2).assign(note=note, number=number(2, "float64"), price=number(2, "float64"))
    file("grown/part-2.parquet", late[sorted(late.columns, reverse=True)])
    file("grown/part-3.parquet", frame(3))


def read(directory):
    names = [os.path.join(directory, name) for name in directories.parquet_files(directory)]
    if directory.rstrip("/").endswith("partitioned"):
        return pd.read_parquet(directory, dtype_backend="pyarrow")
    # What pandas remembers of the frame is about the old columns and not in the result: both sides are read without.
    tables = [pq.ParquetFile(name).read().replace_schema_metadata() for name in names]
    return pd.concat([table.to_pandas(types_mapper=pd.ArrowDtype) for table in tables], ignore_index=True)


def expect(source, result, job):
    before, after = read(source), read(result)
    if job == "tidy":
        before = before[before["amount"] != "unreadable"]
        before = before.assign(amount=before["amount"].astype("int64[pyarrow]"), label=before["label"].str.upper())
        before = before.drop(columns="gone").rename(columns={"id": "row_id"})
    else:
        before = before[before["moment"] >= pd.Timestamp(SINCE)]
    if before.empty:
        return ["nothing is left to compare"]
    key = "row_id" if job == "tidy" else "id"
    before, after = (side.sort_values(key).reset_index(drop=True) for side in (before, after))
    try:
        pd.testing.assert_frame_equal(after, before)
    except AssertionError as error:
        return [str(error).replace("\n", " ")]
    return []
