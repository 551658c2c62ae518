"""What programs do all day, each in a few lines: it has to go on after hardening.

Usage: lifetime.py PROTECTION SCENE, where PROTECTION is PLAIN, PRE_MAIN, REEXEC or STRICT and
SCENE a name in SCENES. Prints what the scene returned. A scene imports what only it needs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import process_hardening as ph

SHELL = ["sh", "-c", "read line; echo child $line; exit 3"]


def run_subprocess() -> object:
    """Talk with a child program."""
    import subprocess

    result = subprocess.run(SHELL, input="hi\n", capture_output=True, text=True, check=False)
    return result.returncode, result.stdout


def run_asyncio() -> object:
    """The same in an event loop."""
    import asyncio
    import subprocess

    async def talk() -> object:
        child = await asyncio.create_subprocess_exec(
            *SHELL, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        output, _ = await child.communicate(b"hi\n")
        return child.returncode, output

    return asyncio.run(talk())


def pool(method: str) -> object:
    """Share work among processes."""
    import multiprocessing

    with multiprocessing.get_context(method).Pool(2) as workers:
        return workers.map(abs, [-1, -2, -3])


def run_threads() -> object:
    """Share work among threads."""
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(4) as workers:
        return list(workers.map(abs, [-1, -2, -3]))


def handle_signals() -> object:
    """Handle a signal, wait for another, and be woken by a timer."""
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    signal.raise_signal(signal.SIGUSR1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGALRM})
    os.kill(os.getpid(), signal.SIGUSR2)
    seen.append(signal.sigwait({signal.SIGUSR2}))
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    seen.append(signal.sigwait({signal.SIGALRM}))
    return list(map(int, seen))


def call_back() -> object:
    """Have C call a Python function: this needs executable memory."""
    import ctypes

    integers = ctypes.POINTER(ctypes.c_int)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, integers, integers)(lambda a, b: a[0] - b[0])
    array = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(array, 3, ctypes.sizeof(ctypes.c_int), compare)
    return list(array)


def use_files() -> object:
    """Write and map a file."""
    import mmap
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(b"hello")
        file.flush()
        with mmap.mmap(file.fileno(), 5) as view:
            view[:1] = b"J"
        file.seek(0)
        return file.read()


def use_sockets() -> object:
    """Wait for a socket, pass a descriptor through it."""
    import select
    import socket

    ours, theirs = socket.socketpair()
    poller = select.epoll()
    poller.register(theirs, select.EPOLLIN)
    socket.send_fds(ours, [b"hi"], [0])
    events = poller.poll(10)
    message, fds, _, _ = socket.recv_fds(theirs, 16, 1)
    return len(events), message, len(fds)


def use_terminal() -> object:
    """Make a terminal and turn its echo off, as a TUI does."""
    import termios

    master, terminal = os.openpty()
    mode = termios.tcgetattr(terminal)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, mode)
    os.write(master, b"secret\n")
    return os.read(terminal, 100), os.ttyname(terminal).startswith("/dev/")


def read_own_proc() -> object:
    """Read what the interpreter, psutil and others read of their own process."""
    names = ["status", "stat", "statm", "limits", "cmdline", "maps", "smaps", "mounts"]
    sizes = [os.path.getsize(f"/proc/self/{name}") for name in names]
    for name in names:
        with open(f"/proc/self/{name}", "rb") as file:
            assert file.read(), name
    links = [os.readlink(f"/proc/self/{name}") for name in ("exe", "cwd", "fd/0")]
    return sizes, len(os.listdir("/proc/self/fd")) > 2, all(links)


SCENES: dict[str, Callable[[], object]] = {
    "subprocess": run_subprocess,
    "asyncio": run_asyncio,
    "fork": lambda: pool("fork"),
    "spawn": lambda: pool("spawn"),
    "forkserver": lambda: pool("forkserver"),
    "threads": run_threads,
    "signals": handle_signals,
    "callback": call_back,
    "files": use_files,
    "sockets": use_sockets,
    "terminal": use_terminal,
    "proc": read_own_proc,
}

PROTECTIONS: dict[str, Callable[[], object]] = {
    "PLAIN": lambda: None,
    "PRE_MAIN": ph.pre_main_hardening,
    "REEXEC": lambda: ph.pre_main_hardening(reexec=True),
    "STRICT": lambda: ph.pre_main_hardening(ph.STRICT),
}


def main() -> None:
    """Harden, then play the scene."""
    PROTECTIONS[sys.argv[1]]()
    print(SCENES[sys.argv[2]]())


if __name__ == "__main__":
    main()
