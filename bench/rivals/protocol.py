"""The loop of a rival: one JSON command per line on stdin, one JSON answer per line on stdout.

A rival stays alive over a whole benchmark, so that neither the start of Python nor the import of a library is ever
inside a measured time. What is measured: from opening the source to the output file closed, without fsync, exactly
the query; removing the file of the round before is not part of it.
"""

import json
import os
import sys
import time


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def timed(work, out):
    """Runs `work` and says how long it took and how large its output is."""
    remove(out)
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": os.stat(out).st_size}


def serve(operations):
    """Answers commands until stdin ends. `operations` maps the value of `op` to a function of the command."""
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = operations[command["op"]](command)
        except Exception as error:  # the driver prints it and stops the benchmark
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
