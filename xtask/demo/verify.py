"""Lets DuckDB run the verify.sql of datasets.

Arguments: the skein binary, and a file with the place of a dataset in each line.
Prints one JSON object: how many agree, how many numbers these are, and what the others said.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb

skein, listed = sys.argv[1:]


def verified(place):
    export = [skein, "export", place, "--verify-sql"]
    sql = subprocess.run(export, capture_output=True, text=True, check=False)
    if sql.returncode != 0:
        return 0, f"{place}: {sql.stderr.strip()}"
    try:
        verdict = duckdb.connect(config={"threads": 1}).execute(sql.stdout).fetchone()[0]
    except duckdb.Error as error:
        return 0, f"{place}: {error}"
    return int(re.search(r"verified: (\d+) numbers", verdict).group(1)), None


with open(listed, encoding="utf-8") as text:
    places = text.read().splitlines()
with ThreadPoolExecutor(os.cpu_count()) as threads:
    answers = list(threads.map(verified, places))
print(
    json.dumps(
        {
            "agree": sum(why is None for _, why in answers),
            "numbers": sum(numbers for numbers, _ in answers),
            "others": [why for _, why in answers if why is not None],
        }
    )
)
