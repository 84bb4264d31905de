# Changes one byte of a file as a disk does: no time of the file moves. Needs a file on tmpfs, where a page that was mapped and
# read is written without the file system being asked.
import mmap
import os
import sys

path, at = sys.argv[1], int(open(sys.argv[2]).read()) if len(sys.argv) > 2 else 100
before = os.stat(path)
with open(path, "r+b") as file:
    pages = mmap.mmap(file.fileno(), 0)
    pages[at] = pages[at] ^ 1
    pages.close()
after = os.stat(path)
assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns), "its times moved"
