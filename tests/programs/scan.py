"""Search the memory of another process for a text, as any process of its user may try.

Usage: scan.py PID TEXT. Prints a JSON object: for each way to read memory "leaked", "not found", or
the name of the error that the kernel gave. A process whose map is kept from us is read at its
lowest possible address: the kernel decides whether we may (EPERM) before it looks there (EFAULT).
"""

from __future__ import annotations

import errno
import json
import sys

import attack  # type: ignore[import-not-found]  # it lies beside this program

WAYS = ("process_vm_readv", "mem")
LOWEST = 1 << 16


def writable(pid: int) -> list[tuple[int, int]]:
    """Address and size of the areas that hold data."""
    try:
        lines = attack.read(pid, "maps").decode().splitlines()
    except PermissionError:
        return [(LOWEST, 8)]
    fields = [line.split() for line in lines]
    ends = [area.split("-") for area, flags, *_ in fields if flags.startswith("rw")]
    return [(int(start, 16), int(end, 16) - int(start, 16)) for start, end in ends]


def search(way: str, pid: int, text: bytes) -> str:
    """What a way to read memory gives."""
    found = False
    for address, size in writable(pid):
        try:
            found |= text in attack.ATTACKS[way](pid, address, size)
        except OSError as error:
            name = errno.errorcode[error.errno or 0]
            if name not in ("EIO", "EFAULT") or size == 8:  # special areas cannot be read
                return name
    return "leaked" if found else "not found"


def main() -> None:
    """Search in each way."""
    pid, text = int(sys.argv[1]), sys.argv[2].encode()
    print(json.dumps({way: search(way, pid, text) for way in WAYS}))


if __name__ == "__main__":
    main()
