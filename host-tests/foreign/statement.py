"""Runs a statement that `skein export --for` printed and says what it read: rows, and the sum of `id`.

    python statement.py READER FILE
"""

import sys
from pathlib import Path


def table(reader, statement):
    """What a statement answers, as an Arrow table."""
    if reader == "duckdb":
        import duckdb

        return duckdb.sql(statement).to_arrow_table()
    if reader == "polars":
        import polars

        return eval(statement, {"polars": polars}).to_arrow()
    import pyarrow.dataset

    return eval(statement, {"pyarrow": pyarrow}).to_table()


def main():
    reader, file = sys.argv[1:]
    found = table(reader, Path(file).read_text(encoding="utf-8").strip())
    print(found.num_rows, sum(found["id"].to_pylist()), ",".join(sorted(found.column_names)))


main()
