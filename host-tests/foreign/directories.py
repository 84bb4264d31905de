"""Writes strangers' datasets of many files, and has their writer read them back. One process per writer, because Spark
takes long to start: it answers each line of JSON on its standard input with one on its standard output.

    directories.py WRITER

    {"do": "write", "into": DIRECTORY}                        -> {"answer": [names of datasets]}
    {"do": "expect", "source": ..., "result": ..., "job": ...}  -> {"answer": [problems]}

Every dataset has the columns `id` (unique), `gone`, `label`, `amount` and `moment`, and others of its case. The job `tidy`
renames `id` to `row_id`, drops `gone`, writes `label` in capitals and casts `amount` to a whole number, which rejects each
row whose amount is unreadable: in the files that have such rows every column is selected natively, in the others it is
spliced. The job `recent` keeps the rows whose `moment` is not before `SINCE`, and no row without.

What a result should be is computed by the writer, with its own operations, from the dataset as it was.
"""

import importlib
import json
import os
import sys

ROWS = 1_200
SINCE = "2020-01-01T12:00:00"
# What names and values of partitions may hold. A slash is escaped by every writer, or it would be a directory.
ODD = ["plain", "with space", "100%", "a=b", "#1", "Zoë", "50% = #ü / x", None]


def unreadable(part, i):
    """Only the odd parts of a dataset have them."""
    return part % 2 == 1 and i % 50 == 49


def parquet_files(directory):
    """Relative paths of a dataset's data files, in byte order."""
    found = []
    for parent, _, names in os.walk(directory):
        found += [os.path.relpath(os.path.join(parent, name), directory) for name in names]
    hidden = lambda path: any(part.startswith((".", "_")) and "=" not in part for part in path.split("/"))
    return sorted((path for path in found if path.endswith(".parquet") and not hidden(path)), key=str.encode)


def same_places(source, result):
    """Each file has one successor, in the same directory, called as it was and the hash of its content."""
    wanted = [os.path.splitext(path)[0] for path in parquet_files(source)]
    found = [os.path.splitext(path)[0].rsplit("-", 1)[0] for path in parquet_files(result)]
    return [] if sorted(found) == sorted(wanted) else [f"files are {found}, wanted {wanted}"]


def expect(writer, source, result, job):
    problems = []
    for dataset in sorted(os.listdir(source)):
        before, after = os.path.join(source, dataset), os.path.join(result, dataset)
        try:
            found = same_places(before, after) + writer.expect(before, after, job)
        except Exception as error:  # a dataset that its writer cannot read is a finding like any other
            found = [f"{type(error).__name__}: {error}"]
        problems += [f"{dataset}: {problem}" for problem in found]
    return problems


def main(name):
    writer = importlib.import_module(f"{name}_directories")
    for line in sys.stdin:
        command = json.loads(line)
        match command.pop("do"):
            case "write":
                writer.write(command["into"])
                answer = sorted(os.listdir(command["into"]))
            case "expect":
                answer = expect(writer, **command)
        print(json.dumps({"answer": answer}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(__file__))
    main(sys.argv[1])
