"""The work, once as SQL and once as Polars expressions. Each job is what a module does, column for column.

`lineitem` is the module lineitem-v2: ten columns as they are, four computed from six, six gone. Skein does it twice,
carrying the ten (`lineitem`) and with every column through the guest (`free`); for a rival both are the same work.
`rename` is the module columns with a spec that renames, drops and reorders.
"""

LINEITEM = [
    ("l_orderkey", "order_key"),
    ("l_linenumber", "line_number"),
    ("l_partkey", "part_key"),
    ("l_suppkey", "supplier_key"),
    ("l_quantity", "quantity"),
    ("l_linestatus", "line_status"),
    ("l_shipdate", "ship_date"),
    ("l_commitdate", "commit_date"),
    ("l_shipmode", "ship_mode"),
    ("l_comment", "comment"),
]

# Without l_shipinstruct and l_comment.
RENAME = [
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


def sql(job, source):
    """The query of a job over a source, which is a quoted path."""
    columns, computed = {"lineitem": (LINEITEM, LINEITEM_SQL), "rename": (RENAME, [])}[job]
    selected = [f"{old} AS {new}" for old, new in columns] + computed
    return f"SELECT {', '.join(selected)} FROM read_parquet({source})"


# Scales add up, so the products are exact; the casts only say the precision.
LINEITEM_SQL = [
    "(l_extendedprice * (1 - l_discount))::DECIMAL(18, 4) AS net_price",
    "(l_extendedprice * (1 - l_discount) * (1 + l_tax))::DECIMAL(18, 6) AS gross_price",
    "(l_receiptdate - l_shipdate)::INTEGER AS ship_delay_days",
    "CASE l_returnflag WHEN 'R' THEN 'returned' WHEN 'A' THEN 'accepted' ELSE 'open' END AS return_status",
]


def lazy(job, frame):
    """The same as Polars expressions."""
    import polars as pl

    columns, computed = {"lineitem": (LINEITEM, lineitem_lazy), "rename": (RENAME, list)}[job]
    return frame.select([pl.col(old).alias(new) for old, new in columns] + computed())


def lineitem_lazy():
    import polars as pl

    # A product of decimals keeps the wider scale, so the price gets the scale of the result first. Multiplying whole
    # numbers instead and scaling at the end takes the same time.
    price, discount, tax = (pl.col(name) for name in ("l_extendedprice", "l_discount", "l_tax"))
    net = price.cast(pl.Decimal(18, 4)) * (1 - discount)
    gross = net.cast(pl.Decimal(18, 6)) * (1 + tax)
    flag = pl.col("l_returnflag")
    status = pl.when(flag == "R").then(pl.lit("returned")).when(flag == "A").then(pl.lit("accepted"))
    return [
        net.cast(pl.Decimal(18, 4)).alias("net_price"),
        gross.cast(pl.Decimal(18, 6)).alias("gross_price"),
        (pl.col("l_receiptdate") - pl.col("l_shipdate")).dt.total_days().cast(pl.Int32).alias("ship_delay_days"),
        status.otherwise(pl.lit("open")).alias("return_status"),
    ]
