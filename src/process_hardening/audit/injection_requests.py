"""The libraries that users ask the dynamic loader to inject (ld.so(8)). Pure."""

from __future__ import annotations

PRELOAD_FILE = "etc/ld.so.preload"
"""The file that asks for libraries in every process, below the root directory."""


def parse_requests(name: bytes, value: bytes) -> list[bytes]:
    """Return the libraries named by a value of LD_PRELOAD or LD_AUDIT, or by ld.so.preload.

    name -- the variable's name, or PRELOAD_FILE
    """
    if name == b"LD_AUDIT":
        return [path for path in value.split(b":") if path]
    lines = value.split(b"\n") if name == PRELOAD_FILE.encode() else [value]
    return [path for line in lines for path in line.split(b"#")[0].replace(b":", b" ").split()]
