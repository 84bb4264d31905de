"""What `skein export --verify-sql` printed, in DuckDB; and files of the same rows in other encodings.

    python verify.py check SQL_FILE              prints `verified` or what DuckDB says
    python verify.py change FILE COLUMN VALUE    puts another value into the first row
    python verify.py drop FILE COLUMN            takes a column out
    python verify.py retype FILE COLUMN TYPE     gives a column another type
    python verify.py rename FILE COLUMN NAME     gives a column another name
    python verify.py encodings DIRECTORY         writes one dataset for each encoding, named after it
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def check(file):
    import duckdb

    connection = duckdb.connect()
    try:
        answer = None
        for statement in connection.extract_statements(Path(file).read_text(encoding="utf-8")):
            answer = connection.execute(statement).fetchall()
        print(answer[0][0])
    except duckdb.Error as error:
        print(str(error).splitlines()[0])


def change(file, column, value):
    table = pq.read_table(file)
    place = table.schema.get_field_index(column)
    kind = table.schema.field(place).type
    values = table[column].to_pylist()
    values[0] = pa.scalar(value).cast(kind).as_py()
    table = table.set_column(place, table.schema.field(place), pa.array(values, type=kind))
    pq.write_table(table, file)


def drop(file, column):
    pq.write_table(pq.read_table(file).drop_columns([column]), file)


def retype(file, column, kind):
    table = pq.read_table(file)
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, table[column].cast(kind)), file)


def rename(file, column, name):
    pq.write_table(pq.read_table(file).rename_columns({column: name}), file)


def rows(text):
    """Two columns: numbers and, in this type, texts with nulls and repetitions."""
    count = 5000
    numbers = pa.array(range(count), type=pa.int64())
    texts = [None if n % 7 == 0 else "text %d" % (n % 50) for n in range(count)]
    fields = [pa.field("n", pa.int64(), nullable=False), pa.field("s", text, nullable=True)]
    values = pa.array(texts, type=pa.string())
    if pa.types.is_dictionary(text):
        values = values.dictionary_encode()
    return pa.table([numbers, values.cast(text)], schema=pa.schema(fields))


def encodings(directory):
    plain = rows(pa.string())
    through_ipc = pa.BufferOutputStream()
    with pa.ipc.new_file(through_ipc, plain.schema) as out:
        out.write_table(plain, max_chunksize=77)
    back = pa.ipc.open_file(through_ipc.getvalue()).read_all()
    variants = {
        "snappy": (plain, {}),
        "zstd": (plain, {"compression": "zstd"}),
        "none": (plain, {"compression": "none"}),
        "no-dictionary": (plain, {"use_dictionary": False}),
        "small-pages": (plain, {"data_page_size": 512, "write_batch_size": 64}),
        "small-row-groups": (plain, {"row_group_size": 333}),
        "pages-v2": (plain, {"data_page_version": "2.0", "use_dictionary": False}),
        "delta": (plain, {"use_dictionary": False, "column_encoding": {"n": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY"}}),
        "dictionary-type": (rows(pa.dictionary(pa.int32(), pa.string())), {}),
        "large-text": (rows(pa.large_string()), {}),
        "text-view": (rows(pa.string_view()), {}),
        "through-ipc": (back, {"row_group_size": 1234}),
    }
    for name, (table, options) in variants.items():
        place = Path(directory) / name
        place.mkdir(parents=True)
        pq.write_table(table, place / "a.parquet", **options)
    two = Path(directory) / "two-files"
    two.mkdir()
    pq.write_table(plain.slice(0, 1999), two / "a.parquet")
    pq.write_table(plain.slice(1999), two / "b.parquet")
    print(" ".join(sorted([*variants, "two-files"])))


def main():
    what, *arguments = sys.argv[1:]
    known = {f.__name__: f for f in (check, change, drop, retype, rename, encodings)}
    known[what](*arguments)


main()
