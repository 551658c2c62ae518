"""Prints whether libmark is in its memory, its arguments and its standard input."""

import sys

with open("/proc/self/maps") as file:
    text = file.read()
print("libmark" in text, sys.argv[1:], sys.stdin.read())
