"""Datasets written by pyarrow."""

import datetime
import decimal
import os

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

import directories
from directories import ODD, ROWS, SINCE, unreadable

START = datetime.datetime(2020, 1, 1)
UTC = datetime.timezone.utc
ITEM = pa.struct([("sku", pa.string()), ("count", pa.int32())])
# Keys of the file's metadata that describe what is no longer so after a change.
ABOUT_THE_OLD = {b"ARROW:schema", b"pandas"}


def numbers(part):
    return range(part * ROWS // 4, (part + 1) * ROWS // 4)


def table(part, rows=None, **columns):
    rows = numbers(part) if rows is None else rows
    common = {
        "id": pa.array(rows, pa.int64()),
        "gone": pa.array([i % 7 for i in rows], pa.int32()),
        "label": pa.array([None if i % 11 == 3 else f"Label {i % 13}" for i in rows], pa.string()),
        "amount": pa.array(["unreadable" if unreadable(part, i) else str(i * 3) for i in rows], pa.string()),
        "moment": pa.array(
            [None if i % 17 == 5 else START + datetime.timedelta(seconds=i * 61) for i in rows], pa.timestamp("us")
        ),
    }
    return pa.table({**common, **{name: make(rows) for name, make in columns.items()}})


def types(rows):
    return {
        "word": pa.array([None if i % 5 == 2 else f"word {i % 20}" for i in rows]).dictionary_encode(),
        "large": pa.array([f"large {i}" * 3 for i in rows], pa.large_string()),
        "blob": pa.array([b"x" * (i % 9) for i in rows], pa.large_binary()),
        "fixed": pa.array([i.to_bytes(16, "big") for i in rows], pa.binary(16)),
        "items": pa.array([[None if j == 2 else {"sku": f"s{j}", "count": j} for j in range(i % 4)] for i in rows], pa.list_(ITEM)),
        "long": pa.array([[f"{i}"] * (i % 3) for i in rows], pa.large_list(pa.string())),
        "tags": pa.array([[(f"k{j}", j) for j in range(i % 3)] for i in rows], pa.map_(pa.string(), pa.int64())),
        "money": pa.array([decimal.Decimal(i * 7 - 50).scaleb(-4) for i in rows], pa.decimal128(38, 4)),
        "wide": pa.array([decimal.Decimal(10**50 + i).scaleb(-4) for i in rows], pa.decimal256(60, 4)),
        "zoned": pa.array([START.replace(tzinfo=UTC) + datetime.timedelta(i) for i in rows], pa.timestamp("ms", "Europe/Berlin")),
        "half": pa.array([i / 4 for i in rows], pa.float16()),
        "huge": pa.array([2**63 + i for i in rows], pa.uint64()),
        "nothing": pa.nulls(len(rows)),
    }


def write(root):
    def file(path, made, **options):
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pq.write_table(made, path, row_group_size=100, **options)

    everything = table(
        1,
        range(ROWS),
        place=lambda rows: pa.array([ODD[i % len(ODD)] for i in rows]),
        level=lambda rows: pa.array([i // 700 for i in rows], pa.int32()),
    ).replace_schema_metadata({"owner": "orders team"})
    # With the summaries that pyarrow can leave beside the data: wrong as soon as the data is another.
    written = []
    partitioned = os.path.join(root, "partitioned")
    pq.write_to_dataset(everything, partitioned, partition_cols=["place", "level"], metadata_collector=written)
    inside = everything.schema
    for name in ("place", "level"):
        inside = inside.remove(inside.get_field_index(name))
    pq.write_metadata(inside, os.path.join(partitioned, "_common_metadata"))
    pq.write_metadata(inside, os.path.join(partitioned, "_metadata"), metadata_collector=written)
    for part in range(4):
        rows = numbers(part)
        made = pa.table({**{n: c for n, c in zip(table(part).schema.names, table(part).columns)}, **types(rows)})
        made = made.replace_schema_metadata({"owner": "orders team", "unit": "euro\u00fc"})
        file(f"types/part-{part}.parquet", made, write_page_index=part == 2)
        file(f"some-empty/{part}.parquet", table(part, range(0) if part % 2 == 0 else None))
        file(f"int96/part-{part}.parquet", table(part), use_deprecated_int96_timestamps=True)
    for part, name in enumerate(["a b.parquet", "100%.parquet", "k=v/x=1 y/#1 ü.parquet", "Zoë.v2.parquet"]):
        file(f"odd-names/{name}", table(part))
    number = lambda kind: lambda rows: pa.array([i / 4 for i in rows], kind)
    note = lambda kind: lambda rows: pa.array([f"note {i}" for i in rows], kind)
    price = lambda digits: lambda rows: pa.array([decimal.Decimal(i).scaleb(-2) for i in rows], pa.decimal128(digits, 2))
    narrow = table(0, number=number(pa.float32()), note=lambda rows: pa.nulls(len(rows)), price=price(9))
    narrow = narrow.set_column(0, "id", narrow["id"].cast(pa.int16()))
    file("grown/part-0.parquet", narrow)
    file("grown/part-1.parquet", table(1, note=note(pa.string()), number=number(pa.float64())))
    late = table(2, price=price(30), note=note(pa.string()), extra=number(pa.float64()))
    file("grown/part-2.parquet", late.select(sorted(late.schema.names, reverse=True)))
    file("grown/part-3.parquet", table(3))


def read(directory):
    names = directories.parquet_files(directory)
    if directory.rstrip("/").endswith("partitioned"):
        return ds.dataset(directory, format="parquet", partitioning="hive").to_table()
    tables = [pq.ParquetFile(os.path.join(directory, name)).read() for name in names]
    return pa.concat_tables(tables, promote_options="permissive")


def plain(column):
    """Without its dictionary, which may hold more words than are used."""
    column = column.combine_chunks()
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def keys(directory):
    """Keys of all files' metadata with their values."""
    found = set()
    for name in directories.parquet_files(directory):
        found |= set((pq.ParquetFile(os.path.join(directory, name)).metadata.metadata or {}).items())
    return {(key, value) for key, value in found if key not in ABOUT_THE_OLD}


def expect(source, result, job):
    problems = compare(read(source), read(result), job)
    if keys(source) != keys(result):
        problems.append(f"metadata is {keys(result)}, was {keys(source)}")
    return problems


def compare(before, after, job):
    """What is wrong with a table, which is the source's after the job."""
    if job == "tidy":
        before = before.filter(pc.not_equal(before["amount"], "unreadable"))
        for name, value in [("amount", before["amount"].cast(pa.int64())), ("label", pc.utf8_upper(before["label"]))]:
            before = before.set_column(before.schema.get_field_index(name), name, value)
        before = before.drop_columns(["gone"]).rename_columns({"id": "row_id"})
    else:
        moment = before["moment"]
        since = pa.scalar(datetime.datetime.fromisoformat(SINCE), moment.type)
        before = before.filter(pc.greater_equal(moment, since))
    if before.schema.names != after.schema.names:
        return [f"columns are {after.schema.names}, wanted {before.schema.names}"]
    if not before.num_rows:
        return ["nothing is left to compare"]
    key = "row_id" if job == "tidy" else "id"
    before, after = (side.take(pc.sort_indices(side[key])) for side in (before, after))
    problems = []
    for field in before.schema:
        name, found = field.name, after.schema.field(field.name)
        if found.type != field.type:
            problems.append(f"{name} is {found.type}, was {field.type}")
        elif not plain(after[name]).equals(plain(before[name])):
            problems.append(f"{name} has other values")
    return problems
