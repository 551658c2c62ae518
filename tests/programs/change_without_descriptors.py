"""Make an interpreter (argument) execute-only, then readable, with a single free descriptor.

Print the error of each, then how many descriptors stayed open.
"""

import os
import resource
import sys

from process_hardening import interpreter
from process_hardening.errors import CommandError


def lowest() -> int:
    """The lowest descriptor that is free."""
    os.close(fd := os.open("/", os.O_RDONLY))
    return fd


names = interpreter.find_names(sys.argv[1], True)
before, limits = lowest(), resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (before + 1, limits[1]))
for change in (interpreter.make_execute_only, interpreter.make_readable):
    try:
        change(names)
    except CommandError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
print(lowest() - before)
