# SPDX-License-Identifier: MIT
"""Prints the libraries of this process that serve malloc: those named on the command line."""
import ctypes
import sys

with open("/proc/self/maps") as maps:
    mapped = {line.split()[-1] for line in maps if "/" in line}
print(sorted(path for path in mapped if path.endswith(tuple(sys.argv[1:]))))
print(hasattr(ctypes.CDLL(None), "hak_alloc"))
