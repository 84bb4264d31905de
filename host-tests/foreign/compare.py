"""Rewrites every file of a directory with Skein and lets other tools read the result: compare.py REWRITE DIR

REWRITE is the example `parquet_rewrite` of skein-dataset. Columns come out reversed and named `new_...`; `filter` drops
every third row of each row group. pyarrow must see equal columns, DuckDB and Polars must be able to read them.
"""

import pathlib
import subprocess
import sys
import tempfile

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq


def kept(source):
    """Row numbers that `filter` leaves."""
    metadata = pq.ParquetFile(source).metadata
    rows, start = [], 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        rows += [start + i for i in range(count) if i % 3]
        start += count
    return rows


def plain(table):
    """Dictionaries and views as what they stand for: pyarrow compares and takes little else."""
    for place, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        kind = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}.get(kind, kind)
        if kind != field.type:
            table = table.set_column(place, field.name, table.column(place).cast(kind))
    return table


def same(before, after):
    """Columns that differ; values only, the encodings of strings may change."""
    wrong = []
    for name in before.column_names:
        new = f"new_{name}"
        if new not in after.column_names:
            wrong.append((name, "missing"))
            continue
        old, now = before[name], after[new]
        if now.type != old.type:
            try:
                now = now.cast(old.type)
            except pa.ArrowInvalid:
                old = old.cast(now.type)
            except pa.ArrowNotImplementedError:
                wrong.append((name, f"{old.type} became {now.type}"))
                continue
        if not now.combine_chunks().equals(old.combine_chunks()):
            wrong.append((name, "values"))
    return wrong


def check(rewrite, source, mode, scratch):
    out = pathlib.Path(scratch) / f"{source.stem}-{mode}.parquet"
    done = subprocess.run([rewrite, source, out, mode], capture_output=True, text=True)
    if done.returncode:
        return [("*", done.stderr.strip()[-300:])]
    before, after = plain(pq.read_table(source)), plain(pq.ParquetFile(out, page_checksum_verification=True).read())
    if mode == "filter":
        before = before.take(pa.array(kept(source), pa.int64())) if before.num_rows else before
    wrong = same(before, after)
    if duckdb.sql(f"SELECT count(*) FROM '{out}'").fetchall()[0][0] != before.num_rows:
        wrong.append(("*", "DuckDB counts other rows"))
    for name, read in (("DuckDB", lambda p: duckdb.sql(f"SELECT * FROM '{p}'").fetchall()), ("Polars", polars.read_parquet)):
        try:
            read(str(source))
        except BaseException:  # Polars panics over types it does not know
            continue
        try:
            read(str(out))
        except BaseException as error:
            wrong.append(("*", f"{name}: {error}"))
    out.unlink()
    return wrong


if __name__ == "__main__":
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for source in sorted(pathlib.Path(sys.argv[2]).glob("*.parquet")):
            for mode in ("rename", "filter", "encode"):
                for column, what in check(sys.argv[1], source, mode, scratch):
                    failed += 1
                    print(f"{source.name} {mode} {column}: {what}")
    print(f"{failed} differences")
    sys.exit(failed > 0)
