"""Read third-party programs that hold the user's secrets, the usual target of a malicious tool.

Nothing protects these programs, so the attacks are meaningful only for a confined attacker.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from functools import partial

from process_hardening.verify.attacks.proc import open_files
from process_hardening.verify.attacks.reading import (
    PTRACE_ACCESS,
    find_nothing_missing,
    read_memory_file,
)
from process_hardening.verify.attacks.tools.running import find_missing_program
from process_hardening.verify.lab import bystander
from process_hardening.verify.model import BUILT_IN, CONFINED, READS, Attack, Attempt, Target


def _start_instead(name: str, program: list[str], _: str) -> list[str]:
    return [program[0], "-m", bystander.__name__, name]


def _attack(
    name: str,
    summary: str,
    run: Callable[[Target], Attempt],
    *,
    command: str,
    find_missing: Callable[[], str | None] = find_nothing_missing,
) -> Attack:
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=summary,
        type="/proc",
        targets="an unhardened program",
        requires=PTRACE_ACCESS,
        refusal="EACCES from open",
        effect=READS,
        command=command,
        find_missing=find_missing,
        run=run,
        own_victim=True,
        wrap=partial(_start_instead, name),
        victims=(CONFINED,),
        timeout=10.0,
    )


def _find_missing_agent() -> str | None:
    missing = find_missing_program("ssh-agent", "apt-get install openssh-client")
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        missing = (
            missing or f"ssh-keygen makes no key for uid {os.getuid()}, which has no user name"
        )
    return missing


def _find_missing_keyring() -> str | None:
    install = "apt-get install gnome-keyring libsecret-tools"
    for name in ("gnome-keyring-daemon", "dbus-daemon", "secret-tool"):
        missing = find_missing_program(name, install)
        if missing:
            return missing
    return None


_READ_MEMORY = 'open("/proc/PID/mem"); pread()'

ATTACKS = (
    _attack(
        bystander.SSH_AGENT,
        "read the memory of an ssh-agent that does not harden itself",
        read_memory_file,
        command=_READ_MEMORY,
        find_missing=_find_missing_agent,
    ),
    _attack(
        bystander.KEYRING,
        "read the memory of a GNOME keyring that does not harden itself",
        read_memory_file,
        command=_READ_MEMORY,
        find_missing=_find_missing_keyring,
    ),
    _attack(
        bystander.SHELL,
        "read an exported variable in the memory of a shell",
        read_memory_file,
        command=_READ_MEMORY,
    ),
    _attack(
        bystander.EDITOR,
        "open the deleted swap file of an editor through /proc/PID/fd",
        open_files,
        command='open("/proc/PID/fd/N"); pread()',
        find_missing=partial(find_missing_program, "vim", "apt-get install vim"),
    ),
)
