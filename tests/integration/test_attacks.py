"""Attacks by another process of the same user: each gets a secret out of an unhardened victim.

A hardened victim discloses nothing. What counts is whether the secret got out and whether the
victim still works, not a tool's exit status. The attacks are written apart from those of verify.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import support
import victims
from programs.attack import ATTACKS
from victims import METHODS, Chat, make_chat_argv

TOOLS = ("gdb", "gcore", "strace", "py-spy")

REFUSALS = (
    victims.NOT_PERMITTED,
    "Permission denied",
    "Permission Denied",  # py-spy
    "Failed to get process executable name",  # py-spy, where it may not read /proc/PID/exe
    "No such file or directory",  # /proc is mounted with hidepid=2: it hides such processes
)


def run_gdb(victim: Chat) -> str:
    """Print the string at the address with gdb."""
    argv = [support.find_tool("gdb"), "-nx", "-batch", "-p", str(victim.pid)]
    result = support.run_as_user([*argv, "-ex", f"x/s {victim.address}"])
    return result.stdout + result.stderr


def run_gcore(victim: Chat, folder: Path) -> str:
    """Write a core file with gdb's gcore and read it."""
    argv = [support.find_tool("gcore"), "-o", str(folder / "gcore"), str(victim.pid)]
    result = support.run_as_user(argv)
    core = folder / f"gcore.{victim.pid}"
    found = core.exists() and victim.key.encode() in core.read_bytes()
    return (victim.key if found else "") + result.stdout + result.stderr


def run_strace(victim: Chat) -> str:
    """Watch the system calls of the victim while it writes its key to its user."""
    argv = [support.find_tool("strace"), "-e", "trace=write", "-s", "200", "-p", str(victim.pid)]
    process = subprocess.Popen(
        argv, text=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, **support.user_options()
    )
    with support.ending(process) as tracer:
        output = tracer.stderr.readline()
        assert victim.ask("/key") == f"key: {victim.key}"
        if "attached" in output:
            while "key: " not in output:
                output += tracer.stderr.readline()
            tracer.terminate()
        return str(output + tracer.stderr.read())


def run_py_spy(victim: Chat) -> str:
    """Print the local variables of every frame with py-spy."""
    argv = [support.find_tool("py-spy"), "dump", "--locals", "--pid", str(victim.pid)]
    result = support.run_as_user(argv)
    return result.stdout + result.stderr


def run_built_in(name: str, victim: Chat, program: Path) -> str:
    """Run an attack of programs/attack.py."""
    argv = [sys.executable, str(program), name, str(victim.pid), str(victim.address)]
    result = support.run_as_user([*argv, str(len(victim.key))], errors="replace")
    return result.stdout + result.stderr


def attack(name: str, victim: Chat, programs: Path, folder: Path) -> str:
    """Attack a victim. Returns all output of the attacker."""
    if name == "gdb":
        return run_gdb(victim)
    if name == "gcore":
        return run_gcore(victim, folder)
    if name == "strace":
        return run_strace(victim)
    if name == "py-spy":
        return run_py_spy(victim)
    return run_built_in(name, victim, programs / "attack.py")


def secret_of(name: str, victim: Chat) -> str:
    """The secret that an attack looks for."""
    return {"environ": victim.token, "maps": "[heap]"}.get(name, victim.key)


@pytest.mark.parametrize("name", [*TOOLS, *ATTACKS])
def test_an_attack_is_refused(name: str, chat: str, programs: Path, user_tmp: Path) -> None:
    """An unhardened victim leaks, one hardened by any method refuses, and all still work."""
    with Chat(make_chat_argv("plain", chat)) as control:
        from_control = attack(name, control, programs, user_tmp)
        assert secret_of(name, control) in from_control, f"inconclusive: {from_control}"
        assert control.still_works()

    for method in METHODS:
        with Chat(make_chat_argv(method, chat)) as victim:
            from_victim = attack(name, victim, programs, user_tmp)
            assert secret_of(name, victim) not in from_victim, method
            assert any(words in from_victim for words in REFUSALS), (method, from_victim)
            assert victim.still_works(), method


@pytest.mark.parametrize("name", ["fd", "pidfd_getfd", "environ", "mem"])
def test_root_reads_a_hardened_process(name: str, chat: str, programs: Path) -> None:
    """Hardening does not stop root: SECURITY.md says so."""
    support.require_root()
    with Chat(make_chat_argv("pre_main", chat)) as victim:
        argv = [sys.executable, str(programs / "attack.py"), name, str(victim.pid)]
        argv += [str(victim.address), str(len(victim.key))]
        assert secret_of(name, victim) in support.run(argv, errors="replace").stdout
