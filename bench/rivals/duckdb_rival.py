"""DuckDB as a rival and as the judge of equal results."""

import sys

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


def run(command):
    query = jobs.sql(command["job"], text(command["source"]))
    copy = (
        f"COPY ({query}) TO {text(command['out'])} (FORMAT parquet, COMPRESSION {command['codec']}, "
        f"ROW_GROUP_SIZE {int(command['row_group_rows'])})"
    )
    return timed(lambda: connection.execute(copy), command["out"])


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


serve({"hello": hello, "run": run, "compare": compare})
