"""What DuckDB finds below a directory, or in one file: rows and columns.

    rows.py PATH...
"""

import sys
from pathlib import Path

import duckdb

for path in map(Path, sys.argv[1:]):
    glob = path / "**" / "*.parquet" if path.is_dir() else path
    table = duckdb.sql(f"select * from read_parquet('{glob}')")
    print(len(table), *table.columns)
