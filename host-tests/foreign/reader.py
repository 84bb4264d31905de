"""Reads datasets in a loop, as one engine does, while others swap their versions, and says what it saw.

    reader.py ENGINE

Lines of JSON on standard input, one answer each on standard output:

    {"do": "watch", "paths": [...], "rows": [old, new], "ids": [old, new]}  starts the loop
    {"do": "count"}                                                      what was seen so far
    {"do": "read"}                                                       the same, after one more read
    {"do": "stop"}                                                       the same, and no more reads

A version says in every row which one it is: `marker` is its number, `check` is 7 * marker + 1. Version 0, the original,
has all rows and the column `old_only`; every other one has fewer rows, and `new_only` instead. So a read is one version in
full, or an error, or a mix: rows of two versions, rows of one with columns of another, or not all rows.

Two things no publisher can help, because they are between a reader's own looks at the paths; they are counted apart:

"short": DuckDB, pyarrow and Spark list a directory by reading its names and then asking for each of them, and leave out
without a word what is gone by then. So a listing during a swap can miss all files of a directory. Given the names by their
caller ("by list"), all of them answer with an error instead.

"reopened": Spark opens a file once for its columns and again for its rows. Where the dataset is a single file, which keeps
its name, the second look can find another version. The others are asked in a way that opens a single file once.
"""

import collections
import json
import os
import queue
import sys
import threading

import pyarrow.compute as pc

SHOWN = 5


def facts(table):
    """What has to be known of a read, from a pyarrow table."""
    if not {"id", "marker", "check"} <= set(table.schema.names):
        return {"columns": table.schema.names, "rows": table.num_rows, "markers": [None, None]}
    summary = pc.min_max(table["marker"]).as_py()
    wrong = pc.sum(pc.not_equal(table["check"], pc.add(pc.multiply(table["marker"], 7), 1))).as_py()
    return {
        "columns": table.schema.names,
        "rows": table.num_rows,
        "ids": pc.sum(table["id"]).as_py(),
        "markers": [summary["min"], summary["max"]],
        "torn": wrong,
        "nulls": sum(column.null_count for column in table.columns),
    }


def data_files(path):
    """The files of a dataset by their names alone. What vanishes afterwards is missed when it is opened."""
    if not os.path.isdir(path):
        return [path]

    def refuse(error):
        raise error

    found = []
    for parent, _, names in os.walk(path, onerror=refuse):
        found += [os.path.join(parent, name) for name in names if name.endswith(".parquet")]
    return sorted(found)


# A reader answers its ways to read: name, function, and what else than an error may come of a swap in between.


def duckdb_reader():
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    select = "SELECT * FROM read_parquet(?, hive_partitioning = false)"

    def read(files):
        return facts(connection.sql(select, params=[files]).to_arrow_table())

    def by_path(path):
        return read(os.path.join(path, "**", "*.parquet") if os.path.isdir(path) else path)

    return [("by list", lambda path: read(data_files(path)), ()), ("by path", by_path, ("short",))]


def polars_reader():
    import polars

    return [("by path", lambda path: facts(polars.read_parquet(path).to_arrow()), ())]


def pyarrow_reader():
    import pyarrow.dataset
    import pyarrow.parquet

    def once(path):
        return facts(pyarrow.parquet.ParquetFile(path).read())

    def by_list(path):
        if not os.path.isdir(path):
            return once(path)
        return facts(pyarrow.dataset.dataset(data_files(path), format="parquet").to_table())

    def by_path(path):
        return facts(pyarrow.parquet.read_table(path)) if os.path.isdir(path) else once(path)

    return [("by list", by_list, ()), ("by path", by_path, ("short",))]


def spark_reader():
    import spark_session

    spark = spark_session.start(threads=1)
    sums = [
        "count(*) AS rows",
        "sum(id) AS ids",
        "min(marker) AS low",
        "max(marker) AS high",
        "count_if(check <> 7 * marker + 1) AS torn",
    ]

    def read(*paths):
        frame = spark.read.parquet(*paths)
        nulls = " + ".join(f"count_if({name} IS NULL)" for name in frame.columns)
        found = frame.selectExpr(*sums, f"{nulls} AS nulls").first().asDict()
        found["markers"] = [found.pop("low"), found.pop("high")]
        return {"columns": frame.columns, **found}

    by_list = lambda path: read(*data_files(path))
    return [("by list", by_list, ("reopened",)), ("by path", read, ("short", "reopened"))]


def judge(found, rows, ids):
    """What a read is: "whole", "short", "reopened" or a "mix"; and why."""
    low, high = found["markers"]
    if found["rows"] == 0:
        return "short", f"no rows of {found['columns']}"
    if low is None or low != high:
        return "mix", f"versions {low} to {high}, {found['rows']} rows of {found['columns']}"
    which = 0 if low == 0 else 1
    columns = set(found["columns"]) - {"part"}
    own, other = ["old_only", "new_only"][which], ["new_only", "old_only"][which]
    common = {"id", "marker", "check", "amount"}
    if columns == common | {other} and found["nulls"] == found["rows"] and not found["torn"]:
        return "reopened", f"version {low} with columns {found['columns']}"
    if columns != common | {own}:
        return "mix", f"version {low} with columns {found['columns']}"
    if found["torn"] or found["nulls"]:
        return "mix", f"version {low} with {found['torn']} torn rows and {found['nulls']} nulls"
    if (found["rows"], found["ids"]) == (rows[which], ids[which]):
        return "whole", None
    return "short" if found["rows"] < rows[which] else "mix", f"version {low} with {found['rows']} rows of {rows[which]}"


class Watch:
    """What was seen so far."""

    def __init__(self, ways):
        self.ways = ways
        self.reads, self.such_as, self.versions = 0, [], set()
        self.kinds, self.errors = collections.Counter(), collections.Counter()

    def once(self, paths, rows, ids):
        way, read, excused = self.ways[self.reads % len(self.ways)]
        path = paths[self.reads // len(self.ways) % len(paths)]
        self.reads += 1
        try:
            found = read(path)
        except (AttributeError, NameError, TypeError):  # a mistake in this file
            raise
        except BaseException as error:  # a panic of Polars is not an Exception
            self.errors[type(error).__name__] += 1
            return
        kind, why = judge(found, rows, ids)
        if kind == "whole":
            self.versions.add(found["markers"][0])
            return
        kind = kind if kind in excused else "mix"
        self.kinds[kind] += 1
        self.such_as = [*self.such_as, f"{kind} {way}: {os.path.basename(path)}: {why}"][:SHOWN]

    def seen(self):
        return {
            "reads": self.reads,
            "versions": len(self.versions),
            "mixes": self.kinds["mix"],
            "short": self.kinds["short"],
            "reopened": self.kinds["reopened"],
            "such_as": self.such_as,
            "errors": dict(self.errors),
        }


def main(engine):
    questions = queue.SimpleQueue()

    def listen():
        for line in sys.stdin:
            questions.put(json.loads(line))
        questions.put(None)

    threading.Thread(target=listen, daemon=True).start()
    readers = {"duckdb": duckdb_reader, "polars": polars_reader, "pyarrow": pyarrow_reader, "spark": spark_reader}
    ways = readers[engine]()
    watching, watch = None, Watch(ways)
    while True:
        try:
            question = questions.get(block=watching is None)
        except queue.Empty:
            watch.once(watching["paths"], watching["rows"], watching["ids"])
            continue
        if question is None:
            return
        match question["do"]:
            case "watch":
                watching, watch = question, Watch(ways)
            case "read":
                watch.once(watching["paths"], watching["rows"], watching["ids"])
            case "stop":
                watching = None
        print(json.dumps(watch.seen()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
