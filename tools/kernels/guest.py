"""The first process of a machine under test: runs all configurations, tells, and powers off.

Each result is a line on the console: the mark, then JSON. Needs the Python of Debian 13. With the
argument WITHOUT_LANDLOCK it only tries to confine, with BRIEFLY it leaves out most configurations.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import traceback
from contextlib import suppress
from typing import Any

from tools.kernels.configurations import (
    BEFORE_EACH,
    CONFIGURATIONS,
    CONFINED,
    FILE_LIMIT,
    HIDEPID,
    ROOT,
    Configuration,
    Trial,
)
from tools.kernels.starts import (
    COMMAND,
    ENVIRONMENT,
    SECONDS,
    SLEEPER,
    find_method,
    search,
    try_confining,
    try_refusals,
)
from tools.kernels.zoo import ANIMAL, RAISED_ANIMAL, audit_zoo

MARK = "@@ "
WITHOUT_LANDLOCK, BRIEFLY = "without-landlock", "briefly"
# Where pip installs as root.
PACKAGES, COMMANDS = "/usr/local/lib/python3.13/dist-packages", "/usr/local/bin"

_MOUNT_REMOUNT, _POWER_OFF = 32, 0x4321FEDC
_libc = ctypes.CDLL(None, use_errno=True)


def tell(**result: Any) -> None:
    """Write a result on the console."""
    sys.stdout.write(f"{MARK}{json.dumps(result)}\n")
    sys.stdout.flush()


def _mount(kind: str, where: str, flags: int = 0, data: str | None = None) -> None:
    words = [os.fsencode(word) if word is not None else None for word in (kind, where, kind)]
    if _libc.mount(*words, ctypes.c_ulong(flags), data and data.encode()):
        raise OSError(ctypes.get_errno(), f"mount {kind} on {where}")


def _set(name: str, value: str) -> bool:
    """Change a setting; False where the kernel has none of that name. Raises OSError."""
    if name == FILE_LIMIT:
        return True  # of what is started, below
    if name == HIDEPID:
        _mount("proc", "/proc", _MOUNT_REMOUNT, f"hidepid={value}")
        return True
    path = f"/proc/sys/{name}"
    if not os.path.exists(path):
        return False
    with open(path, "w", encoding="ascii") as file:
        file.write(value)
    with open(path, encoding="ascii") as file:
        found = file.read().strip()
    if found != value:
        raise OSError(0, f"{path} is {found!r} after {value!r} was written")
    return True


def _prepare(configuration: Configuration) -> bool:
    """Set the kernel up; False when it has no such setting."""
    for name, value in {HIDEPID: "0", **BEFORE_EACH}.items():
        if name not in configuration.settings:
            _set(name, value)
    found = [_set(name, value) for name, value in configuration.settings.items()]
    return all(found)


def _attack(trial: Trial) -> dict[str, Any]:
    """What verify says: each attack's control and victims."""
    argv = [*COMMAND, "verify", "--json"]
    argv += [word for name in trial.attacks for word in ("--attack", name)]
    if trial.attacker == CONFINED:
        argv.append("--confined")
    else:
        argv += [word for name in trial.victims for word in ("--victim", name)]
    if trial.attacker == ROOT:
        argv.append("--as-root-without-ptrace")
    done = subprocess.run(
        argv, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if not done.stdout:
        raise RuntimeError(f"verify ended with {done.returncode}: {done.stderr[-500:]}")
    document = json.loads(done.stdout)
    return {
        "attacks": {
            row["name"]: {
                "control": row["control"],
                "detail": row["detail"],
                "victims": {
                    name: {
                        "outcome": judged["outcome"],
                        "evidence": judged["evidence"],
                        "known_limit": judged["known_limit"] is not None,
                    }
                    for name, judged in row["victims"].items()
                },
            }
            for row in document["attacks"]
        },
        "notes": document["notes"],
    }


def _run(configuration: Configuration) -> None:
    name = configuration.name
    if BRIEFLY in sys.argv and not configuration.searched:
        tell(configuration=name, skipped=True)
        return
    if not _prepare(configuration):
        tell(configuration=name, absent=True)
        return
    limited = FILE_LIMIT in configuration.settings
    tell(configuration=name, method=find_method(limited))
    if configuration.refused:
        tell(configuration=name, refusals=try_refusals(limited))
    if configuration.searched:
        tell(configuration=name, missed=search())
    if configuration.audited:
        tell(configuration=name, audits=audit_zoo())
    for number, trial in enumerate(configuration.trials):
        tell(configuration=name, trial=number, **_attack(trial))


def _begin() -> None:
    """Mount what a system has, and make what verify, audit and the finders need."""
    for kind, where in (
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
    ):
        _mount(kind, where)
    os.chmod("/tmp", 0o1777)
    os.environ.update(ENVIRONMENT)
    with open(ANIMAL, "rb") as source, open(RAISED_ANIMAL, "wb") as copy:
        copy.write(source.read())
    os.chmod(RAISED_ANIMAL, 0o4755)
    shutil.copy("/usr/bin/sleep", SLEEPER)


def _run_all() -> None:
    for configuration in CONFIGURATIONS:
        try:
            _run(configuration)
        except Exception:  # the others go on
            tell(configuration=configuration.name, error=traceback.format_exc(limit=3))


def main() -> None:
    """Do it all. What goes wrong is told, too; the machine ends in any case."""
    try:
        _begin()
        if WITHOUT_LANDLOCK in sys.argv:
            tell(without_landlock=try_confining())
        else:
            tell(kernel=os.uname().release, version=os.uname().version, machine=os.uname().machine)
            tell(confinements=try_confining())
            _run_all()
        tell(done=True)
    except BaseException:
        tell(error=traceback.format_exc())
    finally:
        with suppress(OSError):
            os.sync()
        _libc.reboot(ctypes.c_uint(_POWER_OFF))
