"""Run each argument as a cell of a Jupyter kernel, and print what it shows."""

from __future__ import annotations

import queue
import sys

from jupyter_client.manager import start_new_kernel


def main(cells: list[str]) -> None:
    """Stop at the end of the kernel."""
    manager, client = start_new_kernel()
    for cell in cells:
        client.execute(cell)
        while manager.is_alive():
            try:
                message = client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["msg_type"] == "stream":
                print(message["content"]["text"], end="", flush=True)
            if message["content"].get("execution_state") == "idle":
                break
    print("alive" if manager.is_alive() else "gone")
    client.stop_channels()
    manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main(sys.argv[1:])
