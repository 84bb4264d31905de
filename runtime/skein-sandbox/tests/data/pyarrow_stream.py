"""Writes `pyarrow_stream.arrows`: what the reference implementation sends, for the tests of the preflight.

Slices, empty batches, columns without nulls and all of nulls: wherever a writer has a choice, so that the preflight
is not held against our own writer alone. Run by hand: `python pyarrow_stream.py pyarrow_stream.arrows`.
"""

import decimal
import sys

import pyarrow as pa

ROWS = 9


def columns():
    present = [row % 3 != 0 for row in range(ROWS)]
    pick = lambda values: [value if there else None for value, there in zip(values, present)]
    texts = ["ä" * row for row in range(ROWS)]
    pairs = [{"x": row, "y": texts[row]} for row in range(ROWS)]
    yield "numbers", pa.array(pick(range(ROWS)), pa.int64())
    yield "full", pa.array(range(ROWS), pa.int16())
    yield "texts", pa.array(pick(texts), pa.string())
    yield "flags", pa.array(pick([True] * ROWS), pa.bool_())
    yield "lists", pa.array(pick([texts[:row % 4] for row in range(ROWS)]), pa.list_(pa.string()))
    yield "maps", pa.array(pick([[("key", row)] * (row % 2) for row in range(ROWS)]), pa.map_(pa.string(), pa.int32()))
    yield "fixed", pa.array(pick([b"abc"] * ROWS), pa.binary(3))
    yield "triples", pa.array(pick([[row] * 3 for row in range(ROWS)]), pa.list_(pa.int16(), 3))
    yield "pair", pa.array(pick(pairs), pa.struct([("x", pa.int64()), ("y", pa.string())]))
    yield "decimals", pa.array(pick([decimal.Decimal("0.12")] * ROWS), pa.decimal128(9, 2))
    yield "nothing", pa.nulls(ROWS)
    yield "all_null", pa.nulls(ROWS, pa.large_string())


def main(path):
    batch = pa.record_batch(dict(columns()))
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, batch.schema) as writer:
        for part in (batch, batch.slice(2, 4), batch.slice(0, 0), batch.slice(5)):
            writer.write_batch(part)


main(sys.argv[1])
