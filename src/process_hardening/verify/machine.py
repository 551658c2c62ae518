"""The facts about this machine that determine what attacks can do."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from typing import Any

import process_hardening
from process_hardening.domain import confinement
from process_hardening.state import status

_SYSCTLS = (
    "kernel/yama/ptrace_scope",
    "kernel/core_pattern",
    "kernel/core_uses_pid",
    "kernel/perf_event_paranoid",
    "fs/suid_dumpable",
    "vm/memfd_noexec",
)


def read_sysctl(name: str) -> str | None:
    """Return a kernel setting, or None if it is unreadable. name -- its path in /proc/sys."""
    try:
        with open(f"/proc/sys/{name}", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def read_yama_scope() -> int:
    """Return kernel.yama.ptrace_scope; 0 without Yama."""
    return int(read_sysctl("kernel/yama/ptrace_scope") or 0)


def describe_environment(uid: int, as_container_root: bool) -> dict[str, Any]:
    """Return the facts for the report.

    uid -- the attacker's user id
    as_container_root -- whether the attacker is root without CAP_SYS_PTRACE
    """
    return {
        "version": process_hardening.__version__,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "host": platform.node(),
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip() or "unknown",
        "python": platform.python_version(),
        "executable": os.path.basename(sys.executable),
        "uid": uid,
        "started_by_root": os.geteuid() == 0,
        "container_root": as_container_root,
        "landlock": confinement().landlock,
        "confined": status().confined,
        "sysctl": {name.replace("/", "."): read_sysctl(name) for name in _SYSCTLS},
    }
