"""Print which modules the statements in the argument load into a fresh interpreter."""

import sys

before = set(sys.modules)
exec(sys.argv[1])  # noqa: S102 -- it is what this program is for
print(*sorted(set(sys.modules) - before))
