"""DuckDB as a rival and as the judge of equal results."""

import os
import sys
import time

import duckdb

import jobs
from protocol import serve, timed

THREADS = int(sys.argv[1])

connection = duckdb.connect(config={"threads": THREADS})
# The order of rows is part of what Skein keeps; this is the default, said aloud.
connection.execute("SET preserve_insertion_order = true")


def text(value):
    return "'" + value.replace("'", "''") + "'"


def hello(_command):
    return {"name": "DuckDB", "version": duckdb.__version__, "threads": THREADS}


def copy(command, source, out):
    query = jobs.sql(command["job"], text(source))
    return (
        f"COPY ({query}) TO {text(out)} (FORMAT parquet, COMPRESSION {command['codec']}, "
        f"ROW_GROUP_SIZE {int(command['row_group_rows'])})"
    )


def run(command):
    statement = copy(command, command["source"], command["out"])
    return timed(lambda: connection.execute(statement), command["out"])


def run_all(command):
    """The same over many sources, one after the other."""
    outs = [os.path.join(command["out"], os.path.basename(source)) for source in command["sources"]]
    statements = [copy(command, source, out) for source, out in zip(command["sources"], outs)]
    started = time.perf_counter()
    for statement in statements:
        connection.execute(statement)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": sum(os.stat(out).st_size for out in outs)}


def compare(command):
    """Both differences as multisets, and the names and types of both sides."""
    left, right = (f"read_parquet({text(command[side])})" for side in ("left", "right"))

    def schema(table):
        rows = connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
        return [f"{name} {kind}" for name, kind, *_ in rows]

    def count(query):
        return connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]

    return {
        "left_schema": schema(left),
        "right_schema": schema(right),
        "rows": count(f"SELECT 1 FROM {left}"),
        "only_left": count(f"SELECT * FROM {left} EXCEPT ALL SELECT * FROM {right}"),
        "only_right": count(f"SELECT * FROM {right} EXCEPT ALL SELECT * FROM {left}"),
    }


serve({"hello": hello, "run": run, "compare": compare, "run-all": run_all})
