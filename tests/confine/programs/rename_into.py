"""Make a file, and move it into a folder."""

import os

os.mkdir("a")
open("f", "w").close()
os.rename("f", "a/f")
