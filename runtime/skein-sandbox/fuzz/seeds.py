"""Writes sound answers for each schema that the fuzz target knows: `python seeds.py corpus/preflight`.

From nothing the fuzzer would have to guess verified flatbuffers. Types in the order of `schema` in the target.
"""

import pathlib
import sys
from decimal import Decimal

import pyarrow as pa

PAIR = pa.struct([pa.field("key", pa.string(), False), pa.field("value", pa.int32())])
TYPES = [
    (pa.int64(), 7),
    (pa.string(), "text"),
    (pa.large_binary(), b"bytes"),
    (pa.bool_(), True),
    (pa.null(), None),
    (pa.decimal128(20, 3), Decimal("1.234")),
    (pa.binary(5), b"12345"),
    (pa.timestamp("us", "UTC"), 1),
    (pa.list_(pa.string()), ["a", None, "bc"]),
    (pa.large_list(pa.float64()), [0.5, None]),
    (pa.list_(pa.int16(), 3), [1, None, 3]),
    (PAIR, {"key": "k", "value": None}),
    (pa.map_(pa.string(), pa.int32()), [("k", 1), ("l", None)]),
]


def answers(data_type, value, nullable, second):
    fields = [pa.field("a", data_type, nullable or data_type == pa.null())]
    rows = [value, value, None if nullable else value, value, value]
    arrays = [pa.array(rows, data_type)]
    if second:
        fields.append(pa.field("b", pa.string()))
        arrays.append(pa.array(["x", None, "", "yz", "ä"]))
    batch = pa.record_batch(arrays, schema=pa.schema(fields))
    for batches in ([batch], [batch.slice(1, 3), batch.slice(0, 0), batch]):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            for part in batches:
                writer.write_batch(part)
        yield sink.getvalue().to_pybytes()


def main(directory):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for kind, (data_type, value) in enumerate(TYPES):
        for flags in (0x00, 0x40, 0x80, 0xC0):
            pick = next(n for n in range(flags, flags + 0x40) if n % len(TYPES) == kind)
            for number, answer in enumerate(answers(data_type, value, bool(flags & 0x40), bool(flags & 0x80))):
                (directory / f"{kind:02}-{flags:02x}-{number}").write_bytes(bytes([pick]) + answer)


main(sys.argv[1])
