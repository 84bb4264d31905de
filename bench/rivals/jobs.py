"""The work, once as SQL and once as Polars expressions. Each job is what a module does, column for column."""

RENAMED = [
    ("l_orderkey", "order_id"),
    ("l_linenumber", "line"),
    ("l_partkey", "part_id"),
    ("l_suppkey", "supplier_id"),
    ("l_shipdate", "shipped_on"),
    ("l_commitdate", "promised_on"),
    ("l_receiptdate", "received_on"),
    ("l_quantity", "quantity"),
    ("l_extendedprice", "price"),
    ("l_discount", "discount"),
    ("l_tax", "tax"),
    ("l_returnflag", "return_flag"),
    ("l_linestatus", "status"),
    ("l_shipmode", "ship_mode"),
]


def rename_sql(source):
    columns = ", ".join(f"{old} AS {new}" for old, new in RENAMED)
    return f"SELECT {columns} FROM read_parquet({source})"


def rename_lazy(frame):
    import polars as pl

    return frame.select([pl.col(old).alias(new) for old, new in RENAMED])


def sql(job, source):
    return {"rename": rename_sql}[job](source)


def lazy(job, frame):
    return {"rename": rename_lazy}[job](frame)
