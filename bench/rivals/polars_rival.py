"""Polars as a rival: lazy scan, streaming engine, sink to Parquet."""

import os
import sys

THREADS = int(sys.argv[1])
# Read once, when the library is loaded.
os.environ["POLARS_MAX_THREADS"] = str(THREADS)

import polars  # noqa: E402

import jobs  # noqa: E402
from protocol import serve, timed  # noqa: E402


def hello(_command):
    return {"name": "Polars", "version": polars.__version__, "threads": polars.thread_pool_size()}


def run(command):
    def work():
        frame = jobs.lazy(command["job"], polars.scan_parquet(command["source"]))
        frame.sink_parquet(
            command["out"],
            compression=command["codec"],
            row_group_size=int(command["row_group_rows"]),
            maintain_order=True,
            engine="streaming",
        )

    return timed(work, command["out"])


serve({"hello": hello, "run": run})
