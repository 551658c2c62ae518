"""The facts of this machine that decide what attacks can do."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from typing import Any

import process_hardening

_SYSCTLS = (
    "kernel/yama/ptrace_scope",
    "kernel/core_pattern",
    "kernel/core_uses_pid",
    "kernel/perf_event_paranoid",
    "fs/suid_dumpable",
    "vm/memfd_noexec",
)


def read_sysctl(name: str) -> str | None:
    """A setting of the kernel, or None where it cannot be read. name -- its path in /proc/sys."""
    try:
        with open(f"/proc/sys/{name}", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def read_yama_scope() -> int:
    """kernel.yama.ptrace_scope; 0 without Yama."""
    return int(read_sysctl("kernel/yama/ptrace_scope") or 0)


def describe_environment(uid: int, as_container_root: bool) -> dict[str, Any]:
    """The facts, for the report.

    uid -- the attacker's; as_container_root -- whether the attacker is root lacking CAP_SYS_PTRACE
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
        "sysctl": {name.replace("/", "."): read_sysctl(name) for name in _SYSCTLS},
    }
