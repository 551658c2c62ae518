"""Asks the kernel, as another process of the same user, whether processes are hardened.

Reads pids, one a line. Answers each with a line of JSON: whether its memory can be opened, whether
its files in /proc belong to its own user, and its core limit, soft and hard.
"""

import json
import os
import sys

print("ready", flush=True)
for line in sys.stdin:
    pid = int(line)
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))
        opens = True
    except PermissionError:
        opens = False
    with open(f"/proc/{pid}/status") as file:
        fields = dict(row.split(":", 1) for row in file)
        owner = os.fstat(file.fileno()).st_uid
    with open(f"/proc/{pid}/limits") as file:
        (limit,) = (row.split()[4:6] for row in file if row.startswith("Max core file size"))
    is_own = owner == int(fields["Uid"].split()[0])
    print(json.dumps({"opens": opens, "own": is_own, "core": limit}), flush=True)
