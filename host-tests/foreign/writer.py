"""Appends files to a dataset all the time. File n has the ids 3n, 3n + 1 and 3n + 2, so that whoever counts in the end knows
every row that there should be.

Lines of JSON on standard input, one answer each on standard output:

    {"do": "start", "into": DATASET, "beside": DIRECTORY}   says where
    {"do": "go", "burst": COUNT}   so many files as fast as it can, then one now and then, until further notice
    {"do": "pause"}
    {"do": "count"}                -> {"files": how many there are}

Most files are written beside the dataset and renamed into it; every seventh is written in place, in two pieces, so that it
is there and not whole for a moment.
"""

import io
import json
import os
import queue
import random
import sys
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq

FAST = 0.003
# The mean of waits that are of any length: sooner or later a run finds a moment in which nobody writes.
SLOW = 0.4
HALF_WRITTEN = 0.004


def content(number):
    ids = [3 * number + i for i in range(3)]
    table = pa.table({"id": pa.array(ids, pa.int64()), "text": [f"row {i}" for i in ids]})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def write(number, into, beside):
    name, data = f"w-{number:06}.parquet", content(number)
    if number % 7 == 6:
        with open(os.path.join(into, name), "wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            time.sleep(HALF_WRITTEN)
            file.write(data[len(data) // 2 :])
    else:
        partial = os.path.join(beside, name)
        with open(partial, "wb") as file:
            file.write(data)
        os.rename(partial, os.path.join(into, name))


def main():
    questions = queue.SimpleQueue()

    def listen():
        for line in sys.stdin:
            questions.put(json.loads(line))
        questions.put(None)

    threading.Thread(target=listen, daemon=True).start()
    place, writing, number, burst = None, False, 0, 0
    chance = random.Random(7)
    while True:
        try:
            wait = FAST if burst else chance.expovariate(1 / SLOW)
            question = questions.get(timeout=wait if writing else None)
        except queue.Empty:
            write(number, *place)
            number += 1
            burst = max(0, burst - 1)
            continue
        if question is None:
            return
        match question["do"]:
            case "start":
                place = question["into"], question["beside"]
            case "go":
                writing, burst = True, question["burst"]
            case "pause":
                writing = False
        print(json.dumps({"files": number}), flush=True)


main()
