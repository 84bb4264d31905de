"""One directory with everything that the years leave in one: thousands of files in partitions three levels deep, odd names,
four schemas, files without rows, sidecars, hidden files and directories, summaries and checksums.

    nasty.py write DIRECTORY SEED FILES     makes it; prints how many rows and files of which kind it has
    nasty.py compare SOURCE RESULT JOB      counts and compares through DuckDB and pyarrow; fails with a list of problems
"""

import json
import os
import random
import sys
import urllib.parse

import pyarrow as pa
import pyarrow.parquet as pq

import directories
import duckdb_directories
import pyarrow_directories
from directories import ODD

NULL = "__HIVE_DEFAULT_PARTITION__"
REGIONS = [NULL if value is None else urllib.parse.quote(value, safe=" #ü") for value in ODD]
NAMES = ["part-{}", "part {} of many", "100%-{}", "k=v;{}", "#{}", "Zoë-{}", "x.y.{}", "{}", "ÆØÅ {}", "({})"]
SIDECARS = ["_SUCCESS", "README.md", "notes.txt", "schema.json", ".owner", "_started_123", "old.parquet.bak"]
DROPPED = ["_metadata", "_common_metadata", ".part-0.parquet.crc"]


def schemas(table, number):
    """The four that there are: as it is; narrow types; other order and a column more; a column less."""
    match number:
        case 0:
            return table
        case 1:
            narrow = table.set_column(0, "id", table["id"].cast(pa.int32()))
            return narrow.set_column(1, "gone", narrow["gone"].cast(pa.int8()))
        case 2:
            more = table.append_column("extra", pa.array([f"extra {i}" for i in range(table.num_rows)], pa.string()))
            return more.select(sorted(more.schema.names, reverse=True))
        case _:
            return table.drop_columns(["note"])


def write(root, seed, files):
    chance = random.Random(seed)
    rows, empty, first = 0, 0, 0
    places = [
        f"region={region}/year={year}/kind={kind}" for region in REGIONS for year in (2019, 2020, 2021) for kind in "ab"
    ]
    for number in range(files):
        place = os.path.join(root, chance.choice(places))
        os.makedirs(place, exist_ok=True)
        count = chance.choice([0, 1, 5, 20])
        made = pyarrow_directories.table(
            number % 2, range(first, first + count), note=lambda ids: pa.array([f"note {i}" for i in ids], pa.string())
        )
        made = schemas(made, 0 if number == 0 else chance.randrange(4))
        name = chance.choice(NAMES).format(number) + chance.choice([".parquet", ".parquet", ".snappy.parquet"])
        pq.write_table(made, os.path.join(place, name), row_group_size=7)
        rows, empty, first = rows + count, empty + (count == 0), first + count
    beside = sidecars(root, chance, places)
    print(json.dumps({"files": files, "rows": rows, "empty": empty, **beside}))


def sidecars(root, chance, places):
    """What is not data: copied, except for what describes files that are no longer there."""
    kept, dropped = 0, 0
    there = [place for place in places if os.path.isdir(os.path.join(root, place))]
    for number, place in enumerate(["", *there]):
        for name in chance.sample(SIDECARS, 2):
            with open(os.path.join(root, place, name), "w") as file:
                file.write(f"{name} of {place}, {chance.random()}")
            kept += 1
        if number % 5 == 0:
            with open(os.path.join(root, place, chance.choice(DROPPED)), "wb") as file:
                file.write(b"of what was here before")
            dropped += 1
    os.makedirs(os.path.join(root, "_temporary/0/nothing here"))
    os.makedirs(os.path.join(root, ".staging"))
    for hidden in ("_temporary/0/part-0.parquet", ".staging/half.parquet"):
        with open(os.path.join(root, hidden), "wb") as file:
            file.write(b"PAR1 not finished")
        kept += 1
    return {"sidecars": kept, "dropped": dropped}


def others(root):
    """Everything that is no data file, by path."""
    data = set(directories.parquet_files(root))
    found = {}
    for parent, below, names in os.walk(root):
        for name in names:
            path = os.path.relpath(os.path.join(parent, name), root)
            if path not in data and not path.endswith(".crc") and name not in DROPPED:
                with open(os.path.join(parent, name), "rb") as file:
                    found[path] = file.read()
        if not names and not below:
            found[os.path.relpath(parent, root)] = None
    return found


def read(root):
    """All rows with the partitions that they lie in, through pyarrow."""
    tables = []
    for name in directories.parquet_files(root):
        table = pq.ParquetFile(os.path.join(root, name)).read()
        for part in name.split("/")[:-1]:
            key, value = part.split("=", 1)
            value = None if value == NULL else urllib.parse.unquote(value)
            table = table.append_column(key, pa.array([value] * table.num_rows, pa.string()))
        tables.append(table)
    return pa.concat_tables(tables, promote_options="permissive")


def compare(source, result, job):
    problems = directories.same_places(source, result)
    problems += [f"DuckDB: {problem}" for problem in duckdb_directories.expect(source, result, job)]
    before, after = read(source), read(result)
    # Which column comes first is the first file's affair on both sides, and not the same file has to be the first.
    after = after.select(sorted(after.schema.names))
    before = before.select(sorted(before.schema.names))
    if job == "tidy":
        names = sorted("row_id" if name == "id" else name for name in before.schema.names if name != "gone")
        before = before.select(["id" if name == "row_id" else name for name in names] + ["gone"])
    problems += [f"pyarrow: {problem}" for problem in pyarrow_directories.compare(before, after, job)]
    if others(source) != others(result):
        problems.append("sidecars differ")
    return problems


def main(verb, *arguments):
    if verb == "write":
        directory, seed, files = arguments
        write(directory, int(seed), int(files))
        return 0
    problems = compare(*arguments)
    print("\n".join(problems), file=sys.stderr)
    return int(bool(problems))


sys.exit(main(*sys.argv[1:]))
