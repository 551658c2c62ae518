"""A confined attacker gets nothing out of other processes, however it is started."""

from __future__ import annotations

import errno
import json
import platform
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import support
from process_hardening.verify import TOOL, list_attacks
from process_hardening.verify.attacks import suits
from process_hardening.verify.model import CHANGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outsider import Outsider

ATTACK = str(Path(__file__).parents[1] / "programs" / "attack.py")
ATTACKS = (
    *("process_vm_readv", "ptrace-attach", "ptrace-seize", "mem", "environ", "fd"),
    "pidfd_getfd",
)
DOUBLE_FORK = str(Path(__file__).with_name("programs") / "double_fork.py")
OLD_LANDLOCK = str(Path(__file__).with_name("programs") / "old_landlock.py")
POPEN_CONFINED = str(Path(__file__).with_name("programs") / "popen_confined.py")
CONFINED_ITSELF = str(Path(__file__).with_name("programs") / "confined_itself.py")

CONFINE = "CONFINE"
"""Stands for the command in the table below."""
SHAPES: dict[str, tuple[str, ...]] = {
    "itself": (CONFINE,),
    "a child": (CONFINE, "sh", "-c", '"$@"; exit $?', "sh"),
    "a grandchild": (CONFINE, "sh", "-c", 'sh -c "\\"\\$@\\"; exit \\$?" sh "$@"; exit $?', "sh"),
    "after exec": (CONFINE, "env", "-i"),
    "in a session of its own": (CONFINE, "setsid", "--wait"),
    "after a double fork": (CONFINE, sys.executable, DOUBLE_FORK),
    "confined twice": (CONFINE, CONFINE),
    "in a user namespace": (CONFINE, "unshare", "-U"),
    "with signals allowed": (CONFINE, "--allow-signals", "--"),
    "by popen_confined() in Python": (sys.executable, POPEN_CONFINED),
    "after confine() in Python": (sys.executable, CONFINED_ITSELF),
    "by process-hardening confine": (sys.executable, "-m", "process_hardening", "confine"),
}


def attack(
    victim: Outsider, prefix: Sequence[str] = (), run: Callable[..., object] = support.run_as_user
) -> dict[str, str]:
    """Make every attack; returns what each one printed, by name."""
    found = {}
    for name in ATTACKS:
        result = run([*prefix, sys.executable, ATTACK, name, *victim.place])
        found[name] = result.stdout  # type: ignore[attr-defined]
    return found


def leaks(victim: Outsider, found: dict[str, str]) -> list[str]:
    """The attacks that got the secret."""
    return [name for name, output in found.items() if victim.secret in output]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_confined_attacker_gets_nothing_however_it_is_started(
    confine: str, start_victim: Callable[..., Outsider], shape: str
) -> None:
    prefix = [confine if word == CONFINE else word for word in SHAPES[shape]]
    with start_victim() as victim:
        assert leaks(victim, attack(victim)) == list(ATTACKS)
        assert leaks(victim, attack(victim, prefix)) == []


def test_a_hardened_victim_outside_stays_protected(
    confine: str, start_victim: Callable[..., Outsider]
) -> None:
    with start_victim(support.find_tool("harden")) as victim:
        assert leaks(victim, attack(victim, [confine])) == []


def test_roots_confined_tool_gets_nothing_from_a_process_of_a_user(
    confine: str, start_victim: Callable[..., Outsider]
) -> None:
    """Root may use perf, which since Linux 6.14 is enough to read /proc/PID/environ."""
    support.require_root()
    with start_victim() as victim:
        assert leaks(victim, attack(victim, run=support.run)) == list(ATTACKS)
        assert leaks(victim, attack(victim, [confine], run=support.run)) == []


READ_CHILD = """
import subprocess
with subprocess.Popen(["cat"], env={"INSIDE": "here"}, stdin=-1, stdout=-1) as child:
    child.stdin.write(b"x")
    child.stdin.flush()
    child.stdout.read(1)  # now it runs: its environment is not there before
    print(open(f"/proc/{child.pid}/environ").read())
    child.kill()
"""


def test_what_is_inside_may_read_what_is_inside(confine: str) -> None:
    result = support.run_as_user([confine, sys.executable, "-c", READ_CHILD])
    assert "INSIDE=here" in result.stdout


def test_what_is_outside_may_still_read_what_is_confined(
    confine: str, start_victim: Callable[..., Outsider]
) -> None:
    with start_victim(confine) as victim:
        assert leaks(victim, attack(victim)) == list(ATTACKS)


def calls_on(
    victim: Outsider,
    calls: Path,
    prefix: Sequence[str] = (),
    run: Callable[..., object] = support.run_as_user,
) -> dict[str, str]:
    """What came of each call of calls.c on a victim: "done" or an error's number.

    Its parent is a process of the same user, outside too.
    """
    parent = ["sh", "-c", '"$@"; exit $?', "sh"]
    result = run([*parent, *prefix, str(calls), str(victim.pid)])
    lines: list[str] = result.stdout.splitlines()  # type: ignore[attr-defined]
    return dict(line.rsplit(" ", 1) for line in lines)


def test_every_call_on_a_process_outside_is_refused(
    confine: str, start_victim: Callable[..., Outsider], make: support.Compiler
) -> None:
    """In every ABI of this kernel. What the kernel refuses everybody proves nothing."""
    refused = {str(errno.EPERM), str(errno.EACCES)}
    with start_victim() as victim:
        free = calls_on(victim, make("calls.c"))
        confined = calls_on(victim, make("calls.c"), [confine])

    allowed = {name for name, result in free.items() if result not in refused}
    possible = {name for name, result in free.items() if result == "done"}
    assert len(possible) >= 30
    assert {"F_SETSIG", "SESSION_TO_PARENT"} <= possible
    assert {name: confined[name] for name in allowed if confined[name] not in refused} == {}


IN_A_CONTAINER = """
mount -t tmpfs none /mnt && read -r secret && echo "$secret" >/mnt/secret && echo ready && exec cat
"""


class Way(NamedTuple):
    """A way of enters.c into the namespaces of a process.

    without -- the kernels that have no such way; answer -- their answer, "" if the program crashes
    by_handle -- whether it needs file handles of namespaces
    """

    without: str = ""
    answer: str = ""
    by_handle: bool = False


WAYS = {
    "/proc/PID/ns": Way(),
    "setns of a pidfd": Way(),
    "PIDFD_GET_MNT_NAMESPACE": Way("Linux before 6.11", str(errno.ENOTTY)),
    "open_by_handle_at": Way(by_handle=True),
    "open_by_handle_at below a descriptor": Way(by_handle=True),
}
if platform.machine() == "x86_64":
    WAYS |= {
        "x32 open_by_handle_at": Way(
            "a kernel without CONFIG_X86_X32_ABI", str(errno.ENOSYS), by_handle=True
        ),
        "i386 open_by_handle_at": Way("a kernel without CONFIG_IA32_EMULATION", by_handle=True),
    }


def try_ways(
    container: support.Running, argv: Sequence[str], handles: Sequence[str]
) -> dict[str, str]:
    """What each way got: the file in the namespaces, or an error."""
    result = support.run_as_user([*argv, str(container.pid), *handles])
    return dict(line.split(": ", 1) for line in result.stdout.splitlines())


@pytest.mark.parametrize("name", WAYS)
def test_no_namespace_of_a_process_outside_can_be_entered(
    confine: str, make: support.Compiler, name: str
) -> None:
    """Its user owns the user namespace, so the kernel lets him do everything there.

    A way that leads nowhere without us proves nothing, unless this kernel is known not to have it.
    """
    support.find_tool("unshare")
    way = WAYS[name]
    enters = str(make("enters.c"))
    argv = ["unshare", "-Urm", "sh", "-c", f"echo up; {IN_A_CONTAINER}"]
    with support.Running(argv) as container:
        secret = f"secret-{secrets.token_hex(16)}"
        assert container.ask(secret) == "ready"
        handles = support.run_as_user([enters, "handles", str(container.pid)]).stdout.split()
        free = try_ways(container, [enters], handles).get(name, "")
        confined = try_ways(container, [confine, enters], handles).get(name, "")

    without = "Linux before 6.18" if way.by_handle and "-" in handles else ""
    if not without and free == way.answer:
        without = way.without
    if free != secret and not without:
        support.fail_or_skip(f"a control: unconfined, {name} got {free!r}")
    refused = {str(errno.EPERM), str(errno.EACCES)}
    assert confined in refused or (without and confined == free == "")
    if without and free in {"", *refused}:
        pytest.skip(f"{without} lets nobody in this way")


def test_the_calls_that_list_mount_namespaces_are_refused(
    confine: str, make: support.Compiler
) -> None:
    """Even where the kernel lets only root list them, which would hide a missing filter.

    The calls are made on no descriptor, so that the kernel itself answers them all alike.
    """
    argv = [str(make("enters.c")), "calls"]
    free, confined = (
        dict(line.split(": ", 1) for line in support.run_as_user(words).stdout.splitlines())
        for words in (argv, [confine, *argv])
    )
    assert len(free) >= 3
    assert set(free.values()) == {str(errno.EBADF)}
    assert confined == dict.fromkeys(free, str(errno.EPERM))


def test_root_gives_no_process_outside_a_deadline(
    confine: str, start_victim: Callable[..., Outsider], make: support.Compiler
) -> None:
    """SCHED_FLAG_DL_OVERRUN has the kernel send SIGXCPU."""
    support.require_root()
    with start_victim() as victim:
        free = calls_on(victim, make("calls.c"), run=support.run)
        confined = calls_on(victim, make("calls.c"), [confine], run=support.run)
    assert free["sched_setattr"] == "done"
    assert confined["sched_setattr"] == str(errno.EPERM)


def test_allowed_signals_are_the_only_difference(
    confine: str, start_victim: Callable[..., Outsider], make: support.Compiler
) -> None:
    with start_victim() as victim:
        strict = calls_on(victim, make("calls.c"), [confine])
        allowed = calls_on(victim, make("calls.c"), [confine, "--allow-signals"])

    assert {name for name in strict if strict[name] != allowed[name]} == {
        *("kill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo"),
    }


def test_where_signals_cannot_be_refused_verify_says_why_a_crash_leaks(command: str) -> None:
    """And nothing else leaks there."""
    attacks = ["--attack", "core-segv", "--attack", "core-sigio", "--attack", "proc-mem"]
    argv = [sys.executable, OLD_LANDLOCK, "5", command, "verify", "--confined", "--json", *attacks]
    report = json.loads(support.run(argv, timeout=300).stdout)

    outcomes = {row["name"]: row["victims"]["confined"]["outcome"] for row in report["attacks"]}
    expected = {"core-segv": "leaked", "core-sigio": "blocked", "proc-mem": "blocked"}
    assert outcomes == expected
    assert any("Linux before 6.12 cannot block signals" in note for note in report["notes"])


def test_verify_finds_no_leak_to_a_confined_attacker(command: str) -> None:
    """At least 20 attacks, 8 of them by tools that others wrote, leak to an unconfined one.

    Tools that run code in a process are those of test_disclosure.py.
    """
    chosen = [one for one in list_attacks() if (one.kind, one.effect) != (TOOL, CHANGES)]
    names = [word for one in chosen if suits(one, ()) for word in ("--attack", one.name)]
    result = support.run([command, "verify", "--confined", "--json", *names], timeout=300)
    attacks = json.loads(result.stdout)["attacks"]
    leaked = [row for row in attacks if row["control"] == "leaked"]

    outcomes = {row["name"]: row["victims"]["confined"]["outcome"] for row in leaked}
    assert {name for name, outcome in outcomes.items() if outcome != "blocked"} == set()
    others = [row for row in attacks if row["control"] not in ("leaked", "unavailable")]
    assert [(row["name"], row["control"], row["control_run"]) for row in others] == []
    assert result.returncode == 0
    assert len(leaked) >= 20
    assert sum(row["kind"] == "tool" for row in leaked) >= 8
