"""Creates the file that its argument names."""

import sys

with open(sys.argv[1], "w"):
    pass
