"""Datasets written by DuckDB."""

import os

import duckdb

import directories
from directories import ODD, ROWS, SINCE

COMMON = """
    i AS id,
    (i % 7)::INTEGER AS gone,
    CASE WHEN i % 11 <> 3 THEN 'Label ' || (i % 13) END AS label,
    CASE WHEN {part} % 2 = 1 AND i % 50 = 49 THEN 'unreadable' ELSE (i * 3)::VARCHAR END AS amount,
    CASE WHEN i % 17 <> 5 THEN TIMESTAMP '2020-01-01' + to_seconds(i * 61) END AS moment
"""

TYPES = [
    "{'city': 'c' || (i % 9), 'geo': {'lat': i / 2.0::DOUBLE, 'lon': NULL::DOUBLE}} AS address",
    "[{'sku': 's' || j, 'count': j} for j in range(i % 4)] AS items",
    "MAP {'a': i, 'b': NULL} AS tags",
    "(i * 7 - 5000)::DECIMAL(38, 10) AS large",
    "TIMESTAMPTZ '2020-01-01 00:00:00+00' + to_seconds(i) AS zoned",
    "DATE '2020-01-01' + (i % 900)::INTEGER AS day",
    "md5(i::VARCHAR)::UUID AS uuid",
    "(['red', 'green', 'blue'])[(i % 3 + 1)::BIGINT]::colour AS colour",
    "('\\x' || printf('%02X', i % 256))::BLOB AS blob",
    "NULL::INTEGER AS nothing",
]


def connect():
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE TYPE colour AS ENUM ('red', 'green', 'blue')")
    return connection


def select(columns, part, rows=None):
    """A part's rows."""
    share = ROWS // 4
    first, last = (part * share, (part + 1) * share) if rows is None else rows
    columns = [column.replace("{part}", str(part)) for column in columns]
    return f"SELECT {', '.join(columns)} FROM range({first}, {last}) t(i)"


def quoted(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def write(root):
    connection = connect()

    def file(path, query, options=""):
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        settings = ", ".join(filter(None, ["FORMAT parquet, ROW_GROUP_SIZE 100", options]))
        connection.execute(f"COPY ({query}) TO {quoted(os.path.join(root, path))} ({settings})")

    odd = f"([{', '.join(map(quoted, ODD))}])[(i % {len(ODD)} + 1)::BIGINT] AS place"
    partitioned = select([COMMON, odd, "DATE '2020-01-01' + (i // 700)::INTEGER AS day"], 1, (0, ROWS))
    connection.execute(
        f"COPY ({partitioned}) TO '{root}/partitioned' (FORMAT parquet, PARTITION_BY (place, day), ROW_GROUP_SIZE 100)"
    )
    for part in range(4):
        file(f"types/part-{part}.parquet", select([COMMON, *TYPES], part), "KV_METADATA {owner: 'orders team'}")
        rows = (0, 0) if part % 2 == 0 else None
        file(f"some-empty/{part}.parquet", select([COMMON], part, rows))
    for part, name in enumerate(["a b.parquet", "100%.parquet", "k=v/x=1 y/#1 ü.parquet", "Zoë.v2.parquet"]):
        file(f"odd-names/{name}", select([COMMON], part))
    grown = [
        [COMMON.replace("i AS id", "i::INTEGER AS id"), "i::REAL AS number"],
        [COMMON, "i / 4.0::DOUBLE AS number", "'note ' || i AS note"],
        ["'late ' || i AS note", "i / 8.0::DOUBLE AS number", COMMON, "i::DECIMAL(18, 2) AS price"],
        ["i::SMALLINT AS number2", COMMON],
    ]
    for part, columns in enumerate(grown):
        file(f"grown/part-{part}.parquet", select(columns, part))


def expect(source, result, job):
    connection = connect()
    before, after = (
        "read_parquet([{}], hive_partitioning = {}, union_by_name = true)".format(
            ", ".join(quoted(os.path.join(path, name)) for name in directories.parquet_files(path)),
            "odd-names" not in path,
        )
        for path in (source, result)
    )
    if job == "tidy":
        changed = "* EXCLUDE (gone) REPLACE (upper(label) AS label, amount::BIGINT AS amount) RENAME (id AS row_id)"
        wanted, key = f"SELECT {changed} FROM {before} WHERE amount <> 'unreadable'", "row_id"
    else:
        wanted, key = f"SELECT * FROM {before} WHERE moment >= TIMESTAMP '{SINCE}'", "id"
    found = f"SELECT * FROM {after}"
    schema = [connection.execute(f"DESCRIBE {query}").fetchall() for query in (wanted, found)]
    names = [[row[:2] for row in side] for side in schema]
    if names[0] != names[1]:
        return [f"columns are {names[1]}, wanted {names[0]}"]
    counts = [connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0] for query in (wanted, found)]
    if counts[0] != counts[1] or counts[0] == 0:
        return [f"{counts[1]} rows, wanted {counts[0]}"]
    differing = ", ".join(f'count(*) FILTER (w."{name}" IS DISTINCT FROM r."{name}")' for name, _ in names[0])
    sides = [f"(SELECT * FROM ({query}) ORDER BY {key})" for query in (wanted, found)]
    counted = connection.execute(f"SELECT {differing} FROM {sides[0]} w POSITIONAL JOIN {sides[1]} r").fetchone()
    return [f"{name} has {count} other values" for (name, _), count in zip(names[0], counted) if count]
