"""The victim: a program that holds canaries and answers questions.

    python victim.py [--harden] [--reexec] [--without STEP]... [--undo] [--plain]
                     [--daemon] [--again PATH | --worker METHOD]

It reads a seed from the first line of its standard input, derives canaries from the seed and holds
them in a bytes object, a str object, a thread's stack and an unnamed open file. The process that
starts it sets another canary in its environment. Then it writes "victim: ready ..." with the
addresses of the canaries, and answers each further line with one line. It exits when its standard
input ends. It imports little, because it is started often. With --plain, it imports even less, and
holds no canary in a stack. With --again, it first executes PATH, which runs this program again.
With --daemon, it does so in the background. With --worker, a process that multiprocessing starts
does all this.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from typing import Any

ANSWER = "victim: "
"""The prefix of the victim's own lines: injected code may print other lines."""

PLAIN = "--plain"

FAR = 1 << 30
"""The offset at which the victim writes on request: past the end of its file, which is sparse."""

_MARKER = b"untouched"
_PR_SET_DUMPABLE, _PR_SET_PTRACER = 4, 0x59616D61
_ANY = 2**64 - 1


def harden(arguments: list[str]) -> None:
    """Harden this process according to the arguments. Must be the first call."""
    if "--harden" not in arguments and "--reexec" not in arguments:
        return
    from process_hardening import pre_main_hardening

    policy = None
    places = [i for i, flag in enumerate(arguments) if flag == "--without"]
    excluded: dict[str, Any] = {arguments[i + 1]: False for i in places}
    if excluded:
        from process_hardening.policy import DEFAULT

        policy = DEFAULT.replace(**excluded)
    pre_main_hardening(policy, reexec="--reexec" in arguments)


def become_again(arguments: list[str]) -> None:
    """Re-execute this program through the path after --again, in the background for --daemon.

    Like the boot loaders of frozen programs, this sets LD_LIBRARY_PATH for the new program.
    """
    if "--again" not in arguments:
        return
    import os

    at = arguments.index("--again")
    rest = [word for word in arguments[:at] + arguments[at + 2 :] if word != "--daemon"]
    if "--daemon" in arguments:
        if os.fork():
            os._exit(0)
        os.setsid()
    os.environ["LD_LIBRARY_PATH"] = "/nonexistent"
    os.execv(
        arguments[at + 1].replace("SELF", sys.executable), [sys.executable, sys.argv[0], *rest]
    )


def let_attackers_attach() -> None:
    """Allow debuggers to attach, because Yama would otherwise refuse them."""
    import os

    if os.path.exists("/proc/sys/kernel/yama"):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(_ANY), 0, 0, 0)


class Secrets:
    """The canaries in this process and their addresses."""

    def __init__(self, seed: str) -> None:
        from process_hardening.verify.lab import canary

        self.addresses: dict[str, int] = {}
        self.data = canary.make_canary(seed, canary.HEAP)
        # In CPython, the content of a bytes object follows its header, whose size includes a NUL.
        self.addresses[canary.HEAP] = id(self.data) + bytes.__basicsize__ - 1
        self.text = canary.make_canary(seed, canary.TEXT).decode()
        self.addresses[canary.TEXT] = id(self.text) + sys.getsizeof("") - 1
        self.stack = canary.make_canary(seed, canary.STACK)
        self.descriptor = canary.open_file_canary(seed, ".")
        self.marker = bytearray(_MARKER)

    def make_marker(self) -> None:
        """Keep a marker at a known address."""
        import ctypes

        marker = (ctypes.c_char * len(self.marker)).from_buffer(self.marker)
        self.addresses["marker"] = ctypes.addressof(marker)


def with_stack_canary(secrets: Secrets, serve: Callable[[], None]) -> None:
    """Call serve() in this thread while the canary is on its stack."""
    import ctypes

    class OnStack(ctypes.Structure):
        # Larger than two registers, so passing it by value copies it to the caller's stack.
        _fields_ = (("text", ctypes.c_char * 64),)

    def called(_: OnStack) -> None:
        address = _find_in_stack(secrets.stack)
        if address:
            secrets.addresses["stack"] = address
        serve()

    callback = ctypes.CFUNCTYPE(None, OnStack)(called)
    callback(OnStack(secrets.stack))


def _find_in_stack(needle: bytes) -> int | None:
    """Return the highest address of needle on this thread's stack: the copy that lasts longest."""
    import ctypes

    libc = ctypes.CDLL(None)
    try:
        get_attributes, get_stack = libc.pthread_getattr_np, libc.pthread_attr_getstack
    except AttributeError:
        return None
    libc.pthread_self.restype = ctypes.c_void_p
    attributes = ctypes.create_string_buffer(256)
    base, size = ctypes.c_void_p(), ctypes.c_size_t()
    if get_attributes(ctypes.c_void_p(libc.pthread_self()), attributes):
        return None
    if get_stack(attributes, ctypes.byref(base), ctypes.byref(size)) or not base.value:
        return None
    offset = ctypes.string_at(base.value, size.value).rfind(needle)
    return base.value + offset if offset >= 0 else None


def run_child(request: str) -> str:
    """Start a child that attacks us, and return the line that it prints.

    request -- the child's argv and standard input, as JSON
    """
    import json
    import subprocess

    options = json.loads(request)
    done = subprocess.run(
        options["argv"],
        input=json.dumps(options["input"]).encode(),
        env={},
        stdout=subprocess.PIPE,
        check=False,
    )
    return done.stdout.decode().strip()


def write_far(descriptor: int) -> str:
    """Write at FAR, where a file size limit makes the kernel kill this process."""
    import os
    from signal import SIG_DFL, SIGXFSZ, signal

    signal(SIGXFSZ, SIG_DFL)  # Python ignores this signal by default
    return str(os.pwrite(descriptor, b"x", FAR))


def share_descriptor(path: str) -> str:
    """Send a socket that we own, and its other end, to the listener at path."""
    import fcntl
    import os
    import socket

    ours, theirs = socket.socketpair()
    fcntl.fcntl(ours, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    with ours, theirs, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [b"x"], [ours.fileno(), theirs.fileno()])
    return "shared"


def _read_thread_id() -> int:
    import _thread

    return _thread.get_native_id()


class Server:
    """Answers questions from standard input, one line each: a word, a blank and details."""

    def __init__(self) -> None:
        self.buffer = b""
        self.secrets: Secrets | None = None

    def read(self, timeout: float | None = None) -> str | None:
        """Return the next question; None if there is none in time. Exits when the input ends."""
        import os
        import select

        while b"\n" not in self.buffer:
            if not select.select([0], [], [], timeout)[0]:
                return None
            part = os.read(0, 65536)
            if not part:
                os._exit(0)
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def write(self, answer: str) -> None:
        """Answer."""
        import os

        os.write(1, f"{ANSWER}{answer}\n".encode())

    def serve(self) -> None:
        """Report that we are ready, then answer questions; between questions, use the secret."""
        import os

        secrets = self.secrets
        assert secrets is not None
        data, text = secrets.data, secrets.text
        facts = {
            "thread": _read_thread_id(),
            "descriptor": secrets.descriptor,
            "pid": os.getpid(),
            **secrets.addresses,
        }
        self.write(" ".join(["ready", *(f"{name}={value}" for name, value in facts.items())]))
        answers: dict[str, Callable[[str], str]] = {
            "ping": lambda _: "pong",
            "marker": lambda _: secrets.marker.decode("ascii", "replace"),
            "child": run_child,
            "share": share_descriptor,
            "write": lambda _: write_far(secrets.descriptor),
        }
        while True:
            question = self.read(timeout=0.02)
            if question is None:
                # Work like a real program: a sampler can see it run, and a tracer can see it write.
                for _ in range(200):
                    sum(data)
                os.pwrite(secrets.descriptor, text.encode(), 100)
                continue
            word, _, details = question.partition(" ")
            self.write(answers[word](details))

    def run(self) -> None:
        """Hold the canaries and serve in a thread, until the input ends."""
        seed = self.read()
        assert seed is not None
        secrets = self.secrets = Secrets(seed)
        if PLAIN in sys.argv:
            self.serve()
        import os
        import threading

        secrets.make_marker()
        threading.stack_size(1 << 18)
        thread = threading.Thread(target=with_stack_canary, args=(secrets, self.serve))
        thread.start()
        while thread.is_alive():
            thread.join(0.05)  # only a running main thread executes a debugger's code
        os._exit(1)


def serve_in_worker(method: str) -> None:
    """Do everything in a process that multiprocessing starts. method -- the start method."""
    import multiprocessing
    import os
    import tempfile
    from multiprocessing.connection import Connection

    # The victim's folder, removed with it; by a name that is short enough for a socket's path.
    tempfile.tempdir = "/proc/self/cwd"
    ends = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    multiprocessing.set_start_method(method)
    process = multiprocessing.Process(target=serve_on, args=ends)
    process.start()
    process.join()
    os._exit(1)


def serve_on(source: Connection, sink: Connection) -> None:
    """In the worker: serve on these ends of pipes."""
    import os

    os.dup2(source.fileno(), 0)
    os.dup2(sink.fileno(), 1)
    let_attackers_attach()
    Server().run()


def main() -> None:
    """Run the victim. The first statement hardens it, which is what verify tests."""
    harden(sys.argv[1:])
    become_again(sys.argv[1:])
    del sys.path[0]  # remove this directory: its modules are not top-level modules
    if "--undo" in sys.argv:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    if "--worker" in sys.argv:
        serve_in_worker(sys.argv[sys.argv.index("--worker") + 1])
    let_attackers_attach()
    Server().run()


if __name__ == "__main__":
    main()
