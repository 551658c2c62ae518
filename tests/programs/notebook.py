"""Start a Jupyter kernel and run a cell that loads a secret: notebook.py KERNEL.

Prints the pid that the cell prints, and ends the kernel when standard input ends.
"""

from __future__ import annotations

import sys
from typing import Any

from jupyter_client.manager import start_new_kernel

CELL = """
import os
secret = open(os.environ["SECRET_FILE"]).read()
print(os.getpid())
"""


def show(message: dict[str, Any]) -> None:
    """Pass on what the cell prints."""
    if message["msg_type"] == "stream":
        sys.stdout.write(message["content"]["text"])
        sys.stdout.flush()


def main() -> None:
    """Run the cell in a kernel."""
    manager, client = start_new_kernel(kernel_name=sys.argv[1])
    client.execute_interactive(CELL, timeout=60, output_hook=show)
    sys.stdin.read()
    client.stop_channels()
    manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
