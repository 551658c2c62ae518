"""The first process of a machine under test: runs all configurations, tells, and powers off.

Each result is a line on the console: the mark, then JSON. Needs the Python of Debian 13.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from tools.kernels.configurations import (
    BEFORE_EACH,
    CONFIGURATIONS,
    CONFINED,
    HIDEPID,
    ROOT,
    Configuration,
    Trial,
)

MARK = "@@ "
PACKAGES = "/usr/lib/python3/dist-packages"
ANIMAL, RAISED_ANIMAL = "/zoo/animal", "/zoo/raised"
INJECTED = "/zoo/injected.so"

_NOBODY = 65534
_SECONDS = 900
_MOUNT_REMOUNT, _POWER_OFF = 32, 0x4321FEDC
_ENVIRONMENT = {"PATH": "/usr/bin:/usr/sbin", "LANG": "C.UTF-8"}
_COMMAND = [sys.executable, "-m", "process_hardening"]
_HARDENED = ["undump", "core=0,0"]

# Processes to audit, by name: the words before the program, its arguments, its environment.
ZOO: dict[str, tuple[list[str], list[str], dict[str, str]]] = {
    "plain": ([], [ANIMAL], {}),
    "not dumpable": ([], [ANIMAL, "undump"], {}),
    "no core": ([], [ANIMAL, "core=0,0"], {}),
    "hardened": ([], [ANIMAL, *_HARDENED], {}),
    "hardened, core limit to be raised": ([], [ANIMAL, "undump", "core=0,4096"], {}),
    "fork of a hardened one": ([], [ANIMAL, *_HARDENED, "fork"], {}),
    "program started by a hardened one": ([], [ANIMAL, *_HARDENED, "exec", ANIMAL], {}),
    "set-user-ID": ([], [RAISED_ANIMAL], {}),
    "set-user-ID, no core": ([], [RAISED_ANIMAL, "core=0,0"], {}),
    "injected, its environment wiped": (
        [],
        [ANIMAL, *_HARDENED, "wipe=0*"],
        {"LD_PRELOAD": INJECTED},
    ),
    "started by run": ([*_COMMAND, "run", "--"], [ANIMAL], {}),
    "started by run --method preload": (
        [*_COMMAND, "run", "--method", "preload", "--"],
        [ANIMAL],
        {},
    ),
    "started by harden": (["harden", "--"], [ANIMAL], {}),
}

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


def _attack(attacker: str, trial: Trial) -> dict[str, Any]:
    """What verify says: each attack's control and victims."""
    argv = [*_COMMAND, "verify", "--json"]
    argv += [word for name in trial.attacks for word in ("--attack", name)]
    if attacker == CONFINED:
        argv.append("--confined")
    else:
        argv += [word for name in trial.victims for word in ("--victim", name)]
    if attacker == ROOT:
        argv.append("--as-root-without-ptrace")
    done = subprocess.run(
        argv, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_SECONDS, check=False
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


def _refusal(argv: Sequence[str]) -> dict[str, Any]:
    """How a program that cannot be started execute-only is refused."""
    done = subprocess.run(
        argv,
        env=_ENVIRONMENT,
        user=_NOBODY,
        group=_NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return {"status": done.returncode, "said": done.stderr.strip()}


def _refusals() -> dict[str, Any]:
    again = "import process_hardening as ph; ph.pre_main_hardening(reexec=True); print('started')"
    return {
        "run": _refusal([*_COMMAND, "run", "--method", "execute-only", "--", "/usr/bin/true"]),
        "reexec": _refusal([sys.executable, "-c", again]),
    }


class _Animal:
    """A process that tells its own pid, dumpable flag and core limit."""

    def __init__(self, name: str, uid: int) -> None:
        before, argv, environment = ZOO[name]
        self.name, self.uid = name, uid
        self.process = subprocess.Popen(
            [*before, *argv],
            env={**_ENVIRONMENT, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=uid,
            group=uid,
            extra_groups=[],
        )
        assert self.process.stdout
        assert self.process.stderr
        words = self.process.stdout.readline().split()
        if len(words) != 4:
            raise RuntimeError(f"{name}: {self.process.stderr.read()}")
        self.pid, self.dumpable, soft, hard = map(int, words)
        self.core_limit = [soft, hard]

    def end(self) -> None:
        """End it, and wait for it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def _drop_to_user() -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def _drop_ptrace() -> None:
    from process_hardening.verify.lab.kernel import CONTAINER_CAPABILITIES, keep_capabilities

    keep_capabilities(CONTAINER_CAPABILITIES)


# Who audits: root as it is, and both attackers.
_AUDITORS: dict[str, Callable[[], None] | None] = {
    "all-powerful root": None,
    "user": _drop_to_user,
    "root": _drop_ptrace,
}


def _audits() -> list[dict[str, Any]]:
    """Beside what each process of the zoo is, what each auditor says of it."""
    animals = [_Animal(name, uid) for uid in (_NOBODY, 0) for name in ZOO]
    found = []
    try:
        for auditor, become in _AUDITORS.items():
            pids = [str(animal.pid) for animal in animals]
            done = subprocess.run(
                [*_COMMAND, "audit", "--json", "--fail-on", "never", *pids],
                env=_ENVIRONMENT,
                preexec_fn=become,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            if not done.stdout:
                raise RuntimeError(f"audit ended with {done.returncode}: {done.stderr[-500:]}")
            said = {process["pid"]: process for process in json.loads(done.stdout)["processes"]}
            found += [
                {
                    "auditor": auditor,
                    "process": animal.name,
                    "of_root": animal.uid == 0,
                    "is": {"dumpable": animal.dumpable, "core_limit": animal.core_limit},
                    "said": {
                        key: said.get(animal.pid, {}).get(key)
                        for key in ("verdict", "dumpable", "dumpable_source", "inspectable")
                    },
                }
                for animal in animals
            ]
    finally:
        for animal in animals:
            animal.end()
    return found


def _run(configuration: Configuration) -> None:
    name = configuration.name
    if not _prepare(configuration):
        tell(configuration=name, absent=True)
        return
    if configuration.refused:
        tell(configuration=name, refusals=_refusals())
    tell(configuration=name, audits=_audits())
    for attacker, trial in configuration.trials.items():
        tell(configuration=name, attacker=attacker, **_attack(attacker, trial))


def _begin() -> None:
    """Mount what a system has, and make what verify and audit need."""
    for kind, where in (
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
    ):
        _mount(kind, where)
    os.chmod("/tmp", 0o1777)
    os.environ.update(_ENVIRONMENT)
    with open(ANIMAL, "rb") as source, open(RAISED_ANIMAL, "wb") as copy:
        copy.write(source.read())
    os.chmod(RAISED_ANIMAL, 0o4755)
    # Ordinary users cannot keep what Python compiled, and would compile it each time.
    library = os.path.dirname(os.__file__)
    for folder in (library, PACKAGES):
        subprocess.run([sys.executable, "-m", "compileall", "-q", folder], check=False)


def main() -> None:
    """Do it all. What goes wrong is told, too; the machine ends in any case."""
    try:
        _begin()
        tell(kernel=os.uname().release, version=os.uname().version, machine=os.uname().machine)
        for configuration in CONFIGURATIONS:
            try:
                _run(configuration)
            except Exception:  # the others go on
                tell(configuration=configuration.name, error=traceback.format_exc(limit=3))
        tell(done=True)
    except BaseException:
        tell(error=traceback.format_exc())
    finally:
        with suppress(OSError):
            os.sync()
        _libc.reboot(ctypes.c_uint(_POWER_OFF))
