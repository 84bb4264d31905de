"""Datasets written by Spark: with `_SUCCESS`, a checksum beside each file, and INT96 timestamps where it is asked."""

import directories
import spark_session
from directories import ODD, ROWS, SINCE

COMMON = [
    "id",
    "CAST(id % 7 AS INT) AS gone",
    "IF(id % 11 <> 3, concat('Label ', id % 13), NULL) AS label",
    "IF({part} % 2 = 1 AND id % 50 = 49, 'unreadable', CAST(id * 3 AS STRING)) AS amount",
    "IF(id % 17 <> 5, timestamp_seconds(1577836800 + id * 61), NULL) AS moment",
]
TYPES = [
    "named_struct('city', concat('c', id % 9), 'geo', named_struct('lat', id / 2.0D, 'lon', CAST(NULL AS DOUBLE))) AS address",
    "transform(sequence(0, CAST(id % 4 AS INT)), j -> named_struct('sku', concat('s', j), 'count', j)) AS items",
    "map('a', id, 'b', CAST(NULL AS BIGINT)) AS tags",
    "CAST((id * 7 - 5000) / 100 AS DECIMAL(9, 2)) AS small",
    "CAST(id * 7 - 5000 AS DECIMAL(38, 10)) AS large",
    "CAST(id % 100 AS TINYINT) AS tiny",
    "CAST(id AS SHORT) AS short",
    "CAST(id AS FLOAT) AS single",
    "date_add(DATE '2020-01-01', CAST(id % 900 AS INT)) AS day",
    "CAST(timestamp_seconds(id) AS TIMESTAMP_NTZ) AS local",
    "CAST(concat('x', id) AS BINARY) AS blob",
    "id % 3 = 0 AS truth",
    "CAST(NULL AS INT) AS nothing",
]

_spark = None


def spark():
    global _spark
    _spark = _spark or spark_session.start(threads=1)
    return _spark


def part(number, *more, rows=None):
    share = ROWS // 4
    first, last = rows or (number * share, (number + 1) * share)
    columns = [column.replace("{part}", str(number)) for column in [*COMMON, *more]]
    return spark().range(first, last, numPartitions=1).selectExpr(*columns)


def write(root):
    def append(name, frame, *partitions):
        frame.write.mode("append").partitionBy(*partitions).parquet(f"{root}/{name}")

    quoted = ", ".join("CAST(NULL AS STRING)" if value is None else f"'{value}'" for value in ODD)
    place = f"element_at(array({quoted}), CAST(id % {len(ODD)} AS INT) + 1) AS place"
    append("partitioned", part(1, place, "CAST(id DIV 700 AS INT) AS level", rows=(0, ROWS)), "place", "level")
    for number in range(4):
        append("types", part(number, *TYPES))
    for number in (2, 3):
        append("some-empty", part(number, rows=(0, 0) if number % 2 == 0 else None))
    for kind in ("INT96", "TIMESTAMP_MILLIS"):
        spark().conf.set("spark.sql.parquet.outputTimestampType", kind)
        append(f"moments-{kind.lower()}", part(1, rows=(0, ROWS)))
    spark().conf.unset("spark.sql.parquet.outputTimestampType")
    # Days and instants as the Julian calendar counts them: only the file's metadata says so.
    old = ["make_date(CAST(1000 + id AS INT), 1, 1) AS day", "make_timestamp(CAST(1000 + id AS INT), 1, 1, 0, 0, 0) AS local"]
    for mode in ("datetime", "int96"):
        spark().conf.set(f"spark.sql.parquet.{mode}RebaseModeInWrite", "LEGACY")
    for number, kind in enumerate(["TIMESTAMP_MICROS", "INT96"]):
        spark().conf.set("spark.sql.parquet.outputTimestampType", kind)
        append(f"ancient-{kind.lower()}", part(number, *old, rows=(300, 900)))
    for setting in ("datetimeRebaseModeInWrite", "int96RebaseModeInWrite", "outputTimestampType"):
        spark().conf.unset(f"spark.sql.parquet.{setting}")
    append("grown", part(0, "CAST(id AS FLOAT) / 4 AS number"))
    append("grown", part(1, "CAST(id AS DOUBLE) / 4 AS number", "concat('note ', id) AS note"))
    append("grown", part(2, "CAST(id AS DECIMAL(18, 2)) AS price", "concat('late ', id) AS note").select("price", "note", "id", "gone", "moment", "amount", "label"))


def read(directory):
    return spark().read.option("mergeSchema", "true").parquet(directory)


def expect(source, result, job):
    before, after = read(source), read(result)
    if job == "tidy":
        before = before.where("amount <> 'unreadable'").withColumnRenamed("id", "row_id").drop("gone")
        before = before.selectExpr(*(
            {"label": "upper(label) AS label", "amount": "CAST(amount AS BIGINT) AS amount"}.get(name, f"`{name}`")
            for name in before.columns
        ))
    else:
        before = before.where(f"moment >= TIMESTAMP '{SINCE}'")
    if sorted(before.dtypes) != sorted(after.dtypes):
        return [f"columns are {after.dtypes}, wanted {before.dtypes}"]
    # Maps cannot be compared, their entries can.
    plain = [f"map_entries(`{n}`) AS `{n}`" if kind.startswith("map") else f"`{n}`" for n, kind in before.dtypes]
    before, after = before.selectExpr(*plain).cache(), after.selectExpr(*plain).cache()
    counts = before.count(), after.count()
    if counts[0] != counts[1] or not counts[0]:
        return [f"{counts[1]} rows, wanted {counts[0]}"]
    missing, extra = before.exceptAll(after), after.exceptAll(before)
    return [f"{what} {frame.first()}" for what, frame in (("missing", missing), ("extra", extra)) if frame.count()]
