"""A supervisor that starts its tasks as Airflow does: supervisor.py fork|exec.

Airflow forks a runner and executes the task in it, or starts a new interpreter
(execute_tasks_new_python_interpreter).

process-hardening run --children -- python supervisor.py exec
"""

from __future__ import annotations

import os
import subprocess
import sys

import task


def main() -> None:
    """Start a task and wait for its end."""
    if sys.argv[1] == "exec":
        subprocess.run([sys.executable, task.__file__], check=True)
        return
    runner = os.fork()
    if runner == 0:
        task.main()
        os._exit(0)
    os.waitpid(runner, 0)


if __name__ == "__main__":
    main()
