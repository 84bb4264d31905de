"""A partitioned dataset that several writers wrote over the years, and what every reader must see of it afterwards.

    evolved.py write  DIRECTORY     files by DuckDB, Polars and pyarrow: other types, columns and orders
    evolved.py expect DIRECTORY     reads the migrated dataset with all three; fails with a list of problems
"""

import decimal
import os
import sys

import duckdb
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

NULL = "__HIVE_DEFAULT_PARTITION__"
COLUMNS = ["id", "client", "price", "note", "flags", "year", "land"]


def names(count, offset):
    return [f"name {(i + offset) % 11}" for i in range(count)]


def by_duckdb(path):
    """32-bit ids; no notes, no flags."""
    query = "SELECT i::INTEGER AS id, 'name ' || (i % 11) AS name, (i / 4)::DECIMAL(9, 2) AS price FROM range(3000) t(i)"
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    prices = [float(decimal.Decimal(i) / 4) for i in range(3000)]
    return [(i, f"name {i % 11}", prices[i], None, None) for i in range(3000)]


def by_polars(path):
    """64-bit ids in another place, more digits, notes."""
    count = 500
    prices = [None if i % 5 == 0 else decimal.Decimal(i * 1_000_000_007) / 100 for i in range(count)]
    frame = polars.DataFrame(
        {
            "name": names(count, 3),
            "price": polars.Series(prices, dtype=polars.Decimal(18, 2)),
            "note": [None if i % 2 else f"note {i}" for i in range(count)],
            "id": [i + 5_000_000_000 for i in range(count)],
        }
    )
    frame.write_parquet(path, row_group_size=128)
    prices = [None if p is None else float(p) for p in prices]
    notes = [None if i % 2 else f"note {i}" for i in range(count)]
    return list(zip(range(5_000_000_000, 5_000_000_000 + count), names(count, 3), prices, notes, [None] * count))


def by_pyarrow(path, count):
    """Nothing may be null, 16-bit ids, long offsets, a list; no prices."""
    flags = [["a"] * (i % 3) for i in range(count)]
    schema = pyarrow.schema(
        [
            pyarrow.field("id", pyarrow.int16(), nullable=False),
            pyarrow.field("name", pyarrow.large_string(), nullable=False),
            pyarrow.field("flags", pyarrow.list_(pyarrow.string()), nullable=False),
        ]
    )
    table = pyarrow.table([list(range(count)), names(count, 5), flags], schema=schema)
    pyarrow.parquet.write_table(table, path, row_group_size=300)
    return [(i, name, None, None, flag) for i, name, flag in zip(range(count), names(count, 5), flags)]


def write(directory):
    """Writes the dataset and answers its rows as they must be seen."""
    seen = []
    for year, land, directory_name, writer in [
        (2022, "d'e", "d%27e", by_duckdb),
        (2023, "a b", "a%20b", by_polars),
        (2024, None, NULL, lambda path: by_pyarrow(path, 1000)),
        (2024, "empty", "empty", lambda path: by_pyarrow(path, 0)),
    ]:
        place = os.path.join(directory, f"year={year}", f"land={directory_name}")
        os.makedirs(place)
        seen += [(*row, year, land) for row in writer(os.path.join(place, "part-0.parquet"))]
    return seen


def key(row):
    return (row[5], row[0])


def readers(directory):
    files = f"{directory}/**/*.parquet"
    query = f"SELECT {', '.join(COLUMNS)} FROM read_parquet('{files}', hive_partitioning = true"
    yield "duckdb", duckdb.connect().execute(f"{query})").fetchall()
    yield "duckdb by name", duckdb.connect().execute(f"{query}, union_by_name = true)").fetchall()
    table = pyarrow.dataset.dataset(directory, format="parquet", partitioning="hive").to_table(columns=COLUMNS)
    yield "pyarrow", list(zip(*(table[name].to_pylist() for name in COLUMNS)))
    yield "polars", polars.scan_parquet(files, hive_partitioning=True).select(COLUMNS).collect().rows()


def expect(directory, wanted):
    problems = []
    paths = [os.path.join(at, name) for at, _, found in os.walk(directory) for name in found]
    schemas = {str(pyarrow.parquet.read_schema(path).remove_metadata()) for path in paths}
    if len(paths) != 4 or len(schemas) != 1:
        problems.append(f"{len(paths)} files with {len(schemas)} schemas: {schemas}")
    wanted = sorted(wanted, key=key)
    for reader, rows in readers(directory):
        rows = sorted(((*row[:5], int(row[5]), row[6]) for row in rows), key=key)
        differing = [(found, row) for found, row in zip(rows, wanted) if tuple(found) != row]
        if len(rows) != len(wanted) or differing:
            problems.append(f"{reader}: {len(rows)} rows, wanted {len(wanted)}; {differing[:3]}")
    return problems


def main(verb, directory):
    if verb == "write":
        write(directory)
        return 0
    import tempfile

    with tempfile.TemporaryDirectory() as again:
        problems = expect(directory, write(again))
    print("\n".join(problems), file=sys.stderr)
    return int(bool(problems))


sys.exit(main(*sys.argv[1:]))
