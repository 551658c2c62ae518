"""A program whose child holds a canary in its memory: the child is the victim.

Usage: children.py PROTECTION START [PROGRAM], where PROTECTION is a name in PROTECTIONS and START
one in STARTS; PROGRAM holds a canary as `hold` below does, and START "program" starts it. The
child says its pid, where in its memory the canary is, and the canary, and waits for its parent.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import process_hardening as ph

PROTECTIONS: dict[str, Callable[[], object]] = {
    "PLAIN": lambda: None,
    "ITSELF": ph.pre_main_hardening,
    "POLICY": lambda: ph.pre_main_hardening(ph.Policy(children="harden")),
    "CALL": lambda: (ph.pre_main_hardening(), ph.harden_children()),
    "TWICE": lambda: [ph.pre_main_hardening(ph.Policy(children="harden")) for _ in range(2)],
    "REEXEC": lambda: ph.pre_main_hardening(ph.Policy(children="harden"), reexec=True),
}


def hold() -> None:
    """Hold a canary until the parent ends."""
    canary = os.urandom(16).hex().encode()
    line = f"{os.getpid()} {id(canary) + sys.getsizeof(b'') - 1} {canary.decode()}\n"
    os.write(1, line.encode())
    multiprocessing: Any = sys.modules.get("multiprocessing")
    parent = multiprocessing and multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(0)  # a worker of a pool would wait for more work
    else:
        sys.stdin.read()


HOLD = f"import os, sys\n{inspect.getsource(hold)}\nhold()"
"""The same as a program of its own."""


def by_multiprocessing(method: str) -> None:
    """As a worker of one start method."""
    import multiprocessing

    context: Any = multiprocessing.get_context(method)
    process = context.Process(target=hold)
    process.start()
    process.join()


def by_pool() -> None:
    """In a pool of spawned workers."""
    import concurrent.futures
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(hold).result()


def by_python(*flags: str, env: dict[str, str] | None = None) -> None:
    """As a Python of its own, started with flags."""
    subprocess.run([sys.executable, *flags, "-c", HOLD], env=env, check=True)


def by_middleman() -> None:
    """As a grandchild, below a program that hardens itself and knows nothing of its children."""
    subprocess.run([sys.executable, __file__, "ITSELF", "python"], check=True)


STARTS: dict[str, Callable[[], object]] = {
    "fork": lambda: by_multiprocessing("fork"),
    "spawn": lambda: by_multiprocessing("spawn"),
    "forkserver": lambda: by_multiprocessing("forkserver"),
    "pool": by_pool,
    "python": by_python,
    "python -I": lambda: by_python("-I"),
    "python -E": lambda: by_python("-E"),
    "python -S": lambda: by_python("-S"),
    "python, no environment": lambda: by_python(env={}),
    "python -S, no environment": lambda: by_python("-S", env={}),
    "grandchild": by_middleman,
    "program": lambda: subprocess.run([sys.argv[3]], check=True),
    "shell": lambda: subprocess.run(["sh", "-c", f"{sys.argv[3]}; :"], check=True),
    "unhardened": lambda: ph.popen_unhardened([sys.argv[3]]).wait(),
}


if __name__ == "__main__":
    PROTECTIONS[sys.argv[1]]()
    STARTS[sys.argv[2]]()
