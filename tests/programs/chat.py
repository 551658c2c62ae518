"""A chat that keeps an API key and a conversation in memory, as a TUI does: the victim.

Usage: chat.py PROTECTION, where PROTECTION is a name in PROTECTIONS. Says STARTED before it reads
its secrets, the key and a message, from standard input, then READY and where in its memory the
key is. Echoes every further line, except for the commands in COMMANDS. SIGTERM ends it with a
farewell and status 0.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

import process_hardening as ph

NOBODY = 65534


def limit_softly() -> None:
    """Do what applications write that know of core dumps, and not of prlimit(1)."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def wait_in_a_thread() -> None:
    """Start a thread that does nothing, for as long as this process lives."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def harden_with_threads() -> None:
    """Harden late: a thread is there, and another one does it."""
    wait_in_a_thread()
    thread = threading.Thread(target=ph.pre_main_hardening)
    thread.start()
    thread.join()


def harden_then_drop() -> None:
    """Harden as root, then become nobody: the wrong order."""
    ph.pre_main_hardening()
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


PROTECTIONS: dict[str, Callable[[], object]] = {
    "PLAIN": lambda: None,
    "PRE_MAIN": ph.pre_main_hardening,
    "REEXEC": lambda: ph.pre_main_hardening(reexec=True),
    "SOFT_ONLY": limit_softly,
    "LIMIT_ONLY": lambda: ph.harden(ph.Policy(inspection=False)),
    "THREADS": harden_with_threads,
    "DROP": harden_then_drop,
}


def say(line: str) -> None:
    """Answer with one line, in one system call."""
    os.write(1, f"{line}\n".encode())


def crash() -> None:
    """Read what is not there."""
    ctypes.string_at(0)


def fail() -> None:
    """Raise what nobody catches."""
    raise RuntimeError("asked to fail")


def fork() -> None:
    """Leave the rest to a child, and tell its pid."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os._exit(0)
    say(str(os.getpid()))


def start_thread() -> None:
    """Start a thread and tell the ids of all."""
    wait_in_a_thread()
    say(" ".join(str(thread.native_id) for thread in threading.enumerate()))


def harden() -> None:
    """Harden, perhaps again, and tell what it took."""
    say(ph.harden().inspection)


def tell_loader_variables() -> None:
    """Tell the loader variables that this process has, and those that its children get."""
    import subprocess

    child = subprocess.run(["env"], capture_output=True, text=True, check=True)
    names = [*os.environ, *(line.partition("=")[0] for line in child.stdout.splitlines())]
    say(f"loader variables: {' '.join(name for name in names if name.startswith('LD_'))}")


COMMANDS: dict[str, Callable[[], object]] = {
    "/abort": os.abort,
    "/crash": crash,
    "/fail": fail,
    "/fork": fork,
    "/thread": start_thread,
    "/harden": harden,
    "/loader": tell_loader_variables,
    "/status": lambda: say(f"{ph.status()} verdict={ph.status().verdict}"),
}


def leave(_number: int, _frame: FrameType | None) -> None:
    """End as a program should that is asked to."""
    say("bye")
    sys.exit(0)


def main() -> None:
    """Harden, load the secrets, chat."""
    PROTECTIONS[sys.argv[1]]()

    signal.signal(signal.SIGTERM, leave)
    say("STARTED")
    key = sys.stdin.readline().strip()
    message = sys.stdin.readline().strip()
    conversation = os.memfd_create("conversation")
    os.write(conversation, f"{key}: {message}\n".encode())
    # A string of ASCII has its characters at its end, and a NUL.
    say(f"READY {id(key) + sys.getsizeof(key) - len(key) - 1}")
    for line in sys.stdin:
        text = line.strip()
        if text == "/key":
            say(f"key: {key}")
        elif text in COMMANDS:
            COMMANDS[text]()
        else:
            say(f"echo: {text}")


if __name__ == "__main__":
    main()
