"""Writes a table again with one price that is too large for what is computed of it; all else stays, the schema too.

Arguments: a Parquet file and the number of a row.
"""

import os
import sys
from decimal import Decimal

import pyarrow
import pyarrow.parquet

path, row = sys.argv[1], int(sys.argv[2])
COLUMN = "l_extendedprice"
table = pyarrow.parquet.read_table(path)
place = table.schema.get_field_index(COLUMN)
prices = table.column(place).to_pylist()
prices[row] = Decimal("9999999999999.99")
field = table.schema.field(place)
table = table.set_column(place, field, pyarrow.array(prices, type=field.type))
beside = path + ".new"
pyarrow.parquet.write_table(table, beside)
os.replace(beside, path)
