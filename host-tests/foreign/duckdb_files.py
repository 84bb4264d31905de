"""Files written by DuckDB: `write(directory)` makes them, `expect(source, result, job)` says what is wrong with a result."""

import os

import duckdb

import cases

COMMON = f"""
    i AS id,
    (i % 7)::INTEGER AS gone,
    CASE WHEN i % 11 <> 3 THEN 'Label ' || (i % 13) END AS label,
    CASE WHEN i % {cases.UNREADABLE} = {cases.UNREADABLE - 1} THEN 'unreadable' ELSE (i * 3)::VARCHAR END AS amount
"""


def sparse(value, name):
    return f"CASE WHEN i % 5 <> 2 THEN {value} END AS {name}"


PLAIN = [sparse("'text ' || i", "text"), sparse("i / 8.0::DOUBLE", "number"), sparse("i % 3 = 0", "truth")]

NESTED = [
    sparse("{'city': 'c' || (i % 9), 'geo': {'lat': i / 2.0::DOUBLE, 'lon': NULL::DOUBLE}}", "address"),
    sparse("[{'sku': 's' || j, 'count': j} for j in range(i % 4)]", "items"),
    sparse("[[k for k in range(j)] for j in range(i % 3)]", "matrix"),
    sparse("MAP {'a': i, 'b': NULL}", "tags"),
]

SCALARS = [
    sparse("(i * 7 - 5000)::DECIMAL(9, 2)", "small"),
    sparse("(i * 7 - 5000)::DECIMAL(38, 10)", "large"),
    sparse("TIMESTAMPTZ '2020-01-01 00:00:00+00' + to_seconds(i % 80000)", "zoned"),
    sparse("TIMESTAMP '2020-01-01' + to_seconds(i % 80000)", "local"),
    sparse("make_timestamp_ns(i * 1000000007)", "nanos"),
    sparse("DATE '2020-01-01' + (i % 900)::INTEGER", "day"),
    sparse("TIME '00:00:00' + to_seconds(i % 80000)", "clock"),
    sparse("to_days((i % 40)::INTEGER)", "span"),
    sparse("uuid_of(i)", "id128"),
    sparse("i::UBIGINT", "unsigned"),
    sparse("(i % 100)::TINYINT", "tiny"),
    sparse("('\\x' || printf('%02X', i % 256))::BLOB", "blob"),
    sparse("(['red', 'green', 'blue'])[(i % 3 + 1)::BIGINT]::colour", "colour"),
]

FILES = {
    "plain": (PLAIN, ""),
    "uncompressed": (PLAIN, "COMPRESSION uncompressed"),
    "zstd": (PLAIN, "COMPRESSION zstd"),
    "gzip": (PLAIN, "COMPRESSION gzip"),
    "brotli": (PLAIN, "COMPRESSION brotli"),
    "lz4": (PLAIN, "COMPRESSION lz4_raw"),
    "version-2": (PLAIN, "PARQUET_VERSION v2"),
    "no-bloom": (PLAIN, "WRITE_BLOOM_FILTER false"),
    "metadata": (PLAIN, "KV_METADATA {owner: 'orders team'}"),
    "nested": (NESTED, ""),
    "nested-zstd-2": (NESTED, "COMPRESSION zstd, PARQUET_VERSION v2"),
    "scalars": (SCALARS, ""),
    "zero-rows": (PLAIN, "", 0),
}


def connect():
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE TYPE colour AS ENUM ('red', 'green', 'blue')")
    connection.execute("CREATE MACRO uuid_of(n) AS md5(n::VARCHAR)::UUID")
    return connection


def write(directory):
    connection = connect()
    for name, (columns, options, *rows) in FILES.items():
        path = os.path.join(directory, f"{name}.parquet")
        query = f"SELECT {', '.join([COMMON, *columns])} FROM range({rows[0] if rows else cases.ROWS}) t(i)"
        settings = ", ".join(filter(None, ["FORMAT parquet", "ROW_GROUP_SIZE 1000", options]))
        connection.execute(f"COPY ({query}) TO '{path}' ({settings})")


def expect(source, result, job):
    connection = connect()
    before, after = (f"read_parquet('{path}')" for path in (source, result))
    replaced = "upper(label) AS label"
    where = ""
    if job == "select":
        replaced += ", amount::BIGINT AS amount"
        where = "WHERE amount <> 'unreadable'"
    wanted = (
        f"SELECT * EXCLUDE (gone) REPLACE ({replaced}) RENAME (id AS row_id) FROM {before} {where} ORDER BY id"
    )
    schema = [connection.execute(f"DESCRIBE {q}").fetchall() for q in (wanted, f"SELECT * FROM {after}")]
    names = [[row[:2] for row in side] for side in schema]
    if names[0] != names[1]:
        return [f"columns are {names[1]}, wanted {names[0]}"]
    counts = [connection.execute(f"SELECT count(*) FROM ({q})").fetchone()[0] for q in (wanted, f"SELECT * FROM {after}")]
    if counts[0] != counts[1]:
        return [f"{counts[1]} rows, wanted {counts[0]}"]
    # Inside DuckDB: rows side by side, in order. Python has no value for some of its types.
    differing = ", ".join(f'count(*) FILTER (w."{name}" IS DISTINCT FROM r."{name}")' for name, _ in names[0])
    found = connection.execute(f"SELECT {differing} FROM ({wanted}) w POSITIONAL JOIN {after} r").fetchone()
    return [f"{name} has {count} other values" for (name, _), count in zip(names[0], found) if count]
