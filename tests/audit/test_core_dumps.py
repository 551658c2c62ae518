"""Where a crash puts the memory of a process."""

from __future__ import annotations

from pathlib import Path

import pytest

import support
from machines import HARDENED
from process_hardening.audit.core_dumps import (
    FILE,
    NOWHERE,
    PIPE,
    SOCKET,
    core_rules_of,
    crash_of,
    describe_crash,
)
from process_hardening.state import UNLIMITED
from zoo import in_mounts

NEW, FIRST, LAST, OLD = (6, 18), (6, 16), (6, 15), (5, 20)


# FACTS, "Core dumps": RLIMIT_CORE and dumpable, for a file, a pipe and a socket.
@pytest.mark.parametrize(
    ("limit", "dumpable", "of_file", "of_pipe", "of_socket"),
    [
        ((0, 0), 0, NOWHERE, NOWHERE, NOWHERE),
        ((UNLIMITED, UNLIMITED), 0, NOWHERE, NOWHERE, NOWHERE),
        ((0, 0), 1, NOWHERE, PIPE, SOCKET),
        ((1, 1), 1, NOWHERE, NOWHERE, SOCKET),
        ((4095, UNLIMITED), 1, NOWHERE, PIPE, SOCKET),
        ((4096, UNLIMITED), 1, FILE, PIPE, SOCKET),
        ((UNLIMITED, UNLIMITED), 1, FILE, PIPE, SOCKET),
        ((UNLIMITED, UNLIMITED), 2, FILE, PIPE, SOCKET),
        ((0, UNLIMITED), 2, NOWHERE, PIPE, SOCKET),
        (None, 1, None, None, SOCKET),
        ((0, 0), None, None, None, None),
    ],
    ids=str,
)
def test_where_a_crash_puts_the_memory(
    limit: tuple[int, int] | None,
    dumpable: int | None,
    of_file: str | None,
    of_pipe: str | None,
    of_socket: str | None,
) -> None:
    """Core limit, dumpable and pattern decide together."""
    one = HARDENED.replace(core_limit=limit, dumpable=dumpable, inspectable=dumpable == 1)
    expected = {"/var/core/%p": of_file, "|/usr/lib/handler %p": of_pipe, "@/run/s": of_socket}
    for pattern, destination in expected.items():
        crash = crash_of(one, core_rules_of(pattern, False, NEW))
        assert crash.destination == destination, pattern
        if destination not in (None, NOWHERE):
            assert crash.reader == {1: "owner", 2: "root"}[dumpable or 0]


PATTERNS = pytest.mark.parametrize(
    ("pattern", "uses_pid", "kernel", "kind", "target"),
    [
        ("core", False, NEW, FILE, "core"),
        ("core", True, NEW, FILE, "core"),
        ("", False, NEW, NOWHERE, ""),
        ("", True, NEW, FILE, ".PID"),
        ("|/bin/false", False, NEW, NOWHERE, "/bin/false"),
        ("|/usr/share/apport/apport -p%p", False, NEW, PIPE, "/usr/share/apport/apport"),
        ("|", False, NEW, NOWHERE, ""),
        ("@/run/coredump.socket", False, NEW, SOCKET, "/run/coredump.socket"),
        ("@@/run/coredump.socket", False, NEW, SOCKET, "/run/coredump.socket"),
        ("@/run/coredump.socket", False, FIRST, SOCKET, "/run/coredump.socket"),
        ("@/run/coredump.socket", False, LAST, FILE, "@/run/coredump.socket"),
        ("@/run/coredump.socket", False, OLD, FILE, "@/run/coredump.socket"),
        (None, False, NEW, None, ""),
    ],
)


@PATTERNS
def test_the_pattern(
    pattern: str | None, uses_pid: bool, kernel: tuple[int, int], kind: str | None, target: str
) -> None:
    """The pattern is parsed as core(5) says; before Linux 6.16, @ begins the name of a file."""
    rules = core_rules_of(pattern, uses_pid, kernel)
    assert (rules.kind, rules.target) == (kind, target)


@PATTERNS
def test_confine_explains_the_pattern_by_the_same_rules(
    user_tmp: Path,
    pattern: str | None,
    uses_pid: bool,
    kernel: tuple[int, int],
    kind: str | None,
    target: str,
) -> None:
    """In C; it shows the arguments of a program as well, and does not know which ones discard."""
    contents = {
        "core_pattern": f"{pattern}\n",
        "core_uses_pid": f"{uses_pid:d}\n",
        "osrelease": f"{kernel[0]}.{kernel[1]}.0-1-generic\n",
    }
    for name, text in contents.items():
        (user_tmp / name).write_text(text)
        (user_tmp / name).chmod(0o600 if text == "None\n" else 0o644)
    mounts = [f"mount --bind {user_tmp}/{name} /proc/sys/kernel/{name}" for name in contents]
    argv = [*in_mounts(" && ".join(mounts)), support.find_tool("confine"), "--explain", "true"]
    explained = support.run(argv, check=True).stdout
    (line,) = (line for line in explained.splitlines() if line.startswith("crashed process:"))
    piped = f"its core is piped to {(pattern or '')[1:]}"
    expected = {
        None: "where its core goes is unknown",
        NOWHERE: piped if target else "its core is discarded",
        FILE: f'its core is written to "{target}"',
        PIPE: piped,
        SOCKET: f"its core is sent to the socket {target}",
    }
    assert line.partition(":")[2].strip().startswith(expected[kind])
    assert ("core limit" in line) is (kind == FILE)


def test_root_s_core_goes_to_absolute_paths_only() -> None:
    """With suid_dumpable 2 a relative pattern leaves nothing (proc_sys_fs(5))."""
    one = HARDENED.replace(dumpable=2, core_limit=(UNLIMITED, UNLIMITED))
    assert crash_of(one, core_rules_of("core", False, NEW)).destination == NOWHERE
    assert crash_of(one, core_rules_of("/core", False, NEW)).destination == FILE


def test_a_soft_limit_is_no_lock() -> None:
    """Any process of the user can raise a soft limit of 0, and the sentence says so."""
    one = HARDENED.replace(dumpable=1, inspectable=True, core_limit=(0, UNLIMITED))
    crash = crash_of(one, core_rules_of("core", False, NEW))
    assert (crash.destination, crash.can_be_raised) == (NOWHERE, True)
    assert "raises the core limit" in describe_crash(crash)
