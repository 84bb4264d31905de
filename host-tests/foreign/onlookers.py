"""How many rows each reader finds in a directory above a dataset, of which a thousand are the dataset's own."""

import sys

import duckdb
import polars
import pyarrow.dataset

above = sys.argv[1]
counts = {
    "duckdb": duckdb.sql(f"SELECT count(*) FROM read_parquet('{above}/**/*.parquet', union_by_name=true)").fetchall()[0][0],
    "polars": polars.scan_parquet(f"{above}/**/*.parquet", missing_columns="insert", extra_columns="ignore")
    .select(polars.len())
    .collect()
    .item(),
    "pyarrow": pyarrow.dataset.dataset(above, format="parquet").count_rows(),
}
print(", ".join(f"{reader} {rows}" for reader, rows in counts.items()))
