"""Print how this process was started, as it says, while Landlock keeps it from opening its file."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

# From <linux/landlock.h> and <linux/prctl.h>; the calls have one number everywhere.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PATH_BENEATH, READ_FILE = 1, 1 << 2
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38


def main() -> None:
    """Allow reading where Python's modules and libraries are, but not where its program is."""
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = struct.pack("Q", READ_FILE)
    ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    assert ruleset >= 0, os.strerror(ctypes.get_errno())
    for folder in ("/lib", "/lib64", "/usr/lib", "/etc", *sys.path[1:]):
        if not os.path.isdir(folder):
            continue
        rule = struct.pack("=Qi", READ_FILE, os.open(folder, os.O_PATH))
        assert not libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    assert not libc.syscall(RESTRICT_SELF, ruleset, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        os.open("/proc/self/exe", os.O_RDONLY)
    except PermissionError:
        from process_hardening import _native

        print(_native.STARTED)


if __name__ == "__main__":
    main()
