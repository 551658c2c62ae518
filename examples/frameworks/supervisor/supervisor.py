"""A supervisor that starts its tasks as Airflow does: supervisor.py fork|exec.

Airflow forks a runner and executes the task in it, or starts a new interpreter
(execute_tasks_new_python_interpreter).
"""

from __future__ import annotations

import os
import subprocess
import sys

import task

import process_hardening as ph


def main() -> None:
    """Harden this process and its tasks, start a task, and wait until it exits."""
    ph.pre_main_hardening(ph.Policy(children="harden"))
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
