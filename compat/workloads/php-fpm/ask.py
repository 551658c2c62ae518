"""Ask a FastCGI server for a page: ask.py SCRIPT."""

import os
import socket
import struct
import sys


def record(kind: int, content: bytes) -> bytes:
    """Return a record of the one request."""
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


variables = {
    "SCRIPT_FILENAME": os.path.realpath(sys.argv[1]),
    "REQUEST_METHOD": "GET",
    "QUERY_STRING": "n=9",
}
pairs = b"".join(
    bytes([len(name), len(value)]) + name.encode() + value.encode()
    for name, value in variables.items()
)
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect("fpm.sock")
    begin = struct.pack(">HB5x", 1, 0)
    connection.sendall(record(1, begin) + record(4, pairs) + record(4, b"") + record(5, b""))
    with connection.makefile("rb") as answer:
        while header := answer.read(8):
            _, kind, _, length, padding = struct.unpack(">BBHHBx", header)
            content = answer.read(length)
            answer.read(padding)
            if kind == 6:
                sys.stdout.write(content.decode().rpartition("\r\n")[2])
