"""Writes strangers' files, and has their writer read them back.

    strangers.py write  WRITER DIRECTORY            prints one name per line: a file, or a directory of files
    strangers.py expect WRITER SOURCE RESULT JOB    compares every dataset of two directories; fails with a list of problems
"""

import importlib
import os
import sys


def parquet_files(path):
    """Stem -> file. In a directory, results carry eight digits of their content's hash behind the stem."""
    if os.path.isfile(path):
        return {"": path}
    return {name: os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".parquet")}


def result_of(name, results):
    if name in results:
        return results[name]
    stem = name.removesuffix(".parquet")
    found = [path for other, path in results.items() if other.rsplit("-", 1)[0] == stem]
    return found[0] if len(found) == 1 else None


def compare(writer, source, result, job):
    sources, results = parquet_files(source), parquet_files(result)
    if len(sources) != len(results):
        return [f"{len(results)} files, wanted {len(sources)}"]
    problems = []
    for name, path in sources.items():
        matching = result_of(name, results)
        if matching is None:
            problems.append(f"no result for {name} among {sorted(results)}")
        else:
            problems += writer.expect(path, matching, job)
    return problems


def main(verb, name, *arguments):
    writer = importlib.import_module(f"{name}_files")
    if verb == "write":
        (directory,) = arguments
        writer.write(directory)
        print("\n".join(sorted(os.listdir(directory))))
        return 0
    source, result, job = arguments
    failed = False
    for dataset in sorted(os.listdir(source)):
        try:
            problems = compare(writer, os.path.join(source, dataset), os.path.join(result, dataset), job)
        except Exception as error:  # a file that its writer cannot read is a finding like any other
            problems = [f"{type(error).__name__}: {error}"]
        for problem in problems:
            failed = True
            print(f"{name}/{dataset}: {problem}", file=sys.stderr)
    return int(failed)


sys.exit(main(*sys.argv[1:]))
