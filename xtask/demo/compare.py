"""Compares a result with a query over its source: columns, and rows as multisets both ways.

Arguments: source, result (Parquet files or directories of them) and a file with one SELECT over a table that is called
as the source's file or directory: `lineitem`, `orders`.
Prints one JSON object.
"""

import json
import os
import sys

import duckdb

source, result, sql = sys.argv[1:]
connection = duckdb.connect()


def files(path):
    pattern = os.path.join(path, "**", "*.parquet") if os.path.isdir(path) else path
    return "read_parquet('" + pattern.replace("'", "''") + "')"


def count(query):
    return connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]


def columns(table):
    return [f"{name} {kind}" for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]


with open(sql, encoding="utf-8") as text:
    query = text.read().strip().rstrip(";")
table = os.path.splitext(os.path.basename(source))[0]
connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {files(source)}")
connection.execute(f"CREATE TABLE expected AS {query}")
connection.execute(f"CREATE TABLE found AS SELECT * FROM {files(result)}")
print(
    json.dumps(
        {
            "expected_columns": columns("expected"),
            "found_columns": columns("found"),
            "rows": count("SELECT 1 FROM expected"),
            "missing": count("SELECT * FROM expected EXCEPT ALL SELECT * FROM found"),
            "unexpected": count("SELECT * FROM found EXCEPT ALL SELECT * FROM expected"),
        }
    )
)
