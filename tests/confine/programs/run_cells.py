"""Run cells in a Jupyter kernel, as a notebook does: run_cells.py KERNEL CELL...

Prints what the cells print, and the names of the exceptions that they raise. A cell that prints
"interrupt me" is interrupted. The client itself holds a secret in its environment.
"""

from __future__ import annotations

import sys
from typing import Any

from jupyter_client.manager import KernelManager, start_new_kernel


def show(message: dict[str, Any], manager: KernelManager) -> None:
    """Pass on what a cell prints or raises."""
    content = message["content"]
    if message["msg_type"] == "error":
        print(content["ename"], flush=True)
    if message["msg_type"] == "stream":
        print(content["text"], end="", flush=True)
        if "interrupt me" in content["text"]:
            manager.interrupt_kernel()


def main() -> None:
    """Run the cells."""
    manager, client = start_new_kernel(kernel_name=sys.argv[1])
    for cell in sys.argv[2:]:
        client.execute_interactive(
            cell, timeout=60, output_hook=lambda message: show(message, manager)
        )
    client.stop_channels()
    manager.shutdown_kernel()


if __name__ == "__main__":
    main()
