"""Datasets of small files, and whether two of them are the same to readers.

    compaction.py write   DIRECTORY        the datasets `small`, `kinds`, `int96` and `orders`
    compaction.py compare BEFORE AFTER     directory by directory, files in order of name, rows in order; fails with a list
                                           of problems
"""

import datetime
import decimal
import os
import random
import sys

import duckdb
import pyarrow
import pyarrow.parquet

DAYS = {"day=2024-01-01": 100, "day=2024-01-02": 60, "day=2024-01-03": 40}
START = datetime.datetime(2020, 1, 1)


def rows(first, count, seed):
    """Of many types; some with nulls, and one column whose values are in a dictionary."""
    dice = random.Random(seed)
    numbers = range(first, first + count)
    maybe = lambda i, value: None if i % 7 == 0 else value
    lines = pyarrow.list_(pyarrow.struct([("sku", pyarrow.string()), ("n", pyarrow.int32())]))
    return pyarrow.table(
        {
            "id": pyarrow.array(numbers, pyarrow.int64()),
            "noise": pyarrow.array([dice.random() for _ in numbers]),
            "text": pyarrow.array([maybe(i, f"text {i} é") for i in numbers]),
            "kind": pyarrow.array([f"kind {i % 5}" for i in numbers]).dictionary_encode(),
            "price": pyarrow.array([maybe(i, decimal.Decimal(i) / 4) for i in numbers], pyarrow.decimal128(12, 2)),
            "moment": pyarrow.array([START + datetime.timedelta(hours=i) for i in numbers], pyarrow.timestamp("us")),
            "lines": pyarrow.array(
                [maybe(i, [{"sku": f"s{n}", "n": maybe(n, n)} for n in range(i % 4)]) for i in numbers], lines
            ),
            "pairs": pyarrow.array(
                [[(f"k{n}", n) for n in range(i % 3)] for i in numbers], pyarrow.map_(pyarrow.string(), pyarrow.int32())
            ),
        }
    )


def small(root):
    """200 files in three directories, and a large one between them."""
    first = 0
    for day, files in DAYS.items():
        os.makedirs(f"{root}/{day}")
        for number in range(files):
            table = rows(first, 100, first).replace_schema_metadata({"origin": "shop", "number": str(number)})
            pyarrow.parquet.write_table(table, f"{root}/{day}/part-{number:03}.parquet")
            first += 100
    table = rows(first, 9_000, first).replace_schema_metadata({"origin": "shop"})
    pyarrow.parquet.write_table(table, f"{root}/day=2024-01-02/part-029large.parquet", row_group_size=2_500)


def kinds(root):
    """What DuckDB knows by annotations that Arrow has not."""
    os.makedirs(root)
    for number in range(12):
        query = f"""SELECT i AS id, md5(i::VARCHAR)::UUID AS uuid, i::DECIMAL(4, 1) AS d4, i::DECIMAL(18, 3) AS d18,
            i::DECIMAL(38, 2) AS d38, ('{{"n":' || i || '}}')::JSON AS doc, DATE '2020-01-01' + i::INTEGER AS day,
            TIME '10:00:00' AS at, TIMESTAMPTZ '2024-05-05 10:00:00+00' AS zoned, 'x'::BLOB AS bytes,
            {{'a': i, 'b': [i, NULL]}} AS nested, i::UTINYINT AS tiny, i % 2 = 0 AS even, i::FLOAT AS single
            FROM range({number * 20}, {number * 20 + 20}) t(i)"""
        duckdb.connect().execute(f"COPY ({query}) TO '{root}/part-{number:02}.parquet' (FORMAT parquet)")


def int96(root):
    """Timestamps as they were written long ago, beyond what nanoseconds can say."""
    os.makedirs(root)
    for number in range(3):
        far = [datetime.datetime(2024, 1, 1), datetime.datetime(1800, 1, 1 + number)]
        table = pyarrow.table({"at": pyarrow.array(far, pyarrow.timestamp("us"))})
        path = f"{root}/part-{number}.parquet"
        pyarrow.parquet.write_table(table, path, use_deprecated_int96_timestamps=True)


def orders(root):
    """For `flatten-nested`: each order has lines."""
    os.makedirs(root)
    for number in range(9):
        table = rows(number * 50, 50, number).select(["id", "lines", "text"])
        pyarrow.parquet.write_table(table, f"{root}/part-{number}.parquet", row_group_size=20)


def files(root):
    """Data files by directory, in byte order."""
    found = {}
    for directory, _, names in os.walk(root):
        below = os.path.relpath(directory, root)
        names = sorted(name.encode() for name in names if name.endswith(".parquet"))
        if names and not below.startswith(".skein"):
            found[below] = [os.path.join(directory, name.decode()) for name in names]
    return found


def by_pyarrow(paths):
    tables = [pyarrow.parquet.ParquetFile(path).read().replace_schema_metadata() for path in paths]
    table = pyarrow.concat_tables(tables, promote_options="permissive")
    return table.schema, table.unify_dictionaries().to_pylist()


def by_duckdb(paths):
    query = "SELECT * FROM read_parquet(?, union_by_name = true, hive_partitioning = false)"
    answer = duckdb.connect().execute(query, [paths])
    return [column[:2] for column in answer.description], answer.fetchall()


def compare(before, after):
    before, after = files(before), files(after)
    problems = [] if before.keys() == after.keys() else [f"directories {sorted(before)} became {sorted(after)}"]
    for directory in before.keys() & after.keys():
        for read in (by_pyarrow, by_duckdb):
            (types, old), (new_types, new) = read(before[directory]), read(after[directory])
            if types != new_types:
                problems.append(f"{directory}: {read.__name__}: types {types} became {new_types}")
            if old != new:
                at = next((i for i, pair in enumerate(zip(old, new)) if pair[0] != pair[1]), min(len(old), len(new)))
                problems.append(f"{directory}: {read.__name__}: row {at}: {old[at:at + 1]} became {new[at:at + 1]}")
    return problems


def main():
    if sys.argv[1] == "write":
        for dataset in (small, kinds, int96, orders):
            dataset(os.path.join(sys.argv[2], dataset.__name__))
        return
    problems = compare(sys.argv[2], sys.argv[3])
    if problems:
        sys.exit("\n".join(problems))


main()
