"""check_child() promises nothing that does not happen: its answers, and what the kernel then says.

`make children` starts every command of child_commands.py; otherwise a sample is started.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import process_hardening
import starts
import support
from child_commands import Case, Programs, python_cases, sample
from environments import Venv
from zoo import in_mounts

ALL = os.environ.get("ALL_CHILDREN") == "1"
SAMPLE = 15

HOOKS = {
    "none": None,
    "always": "enable",
    "on request": "enable --on-request",
    "execute-only": "enable --execute-only",
}

TOO_CAUTIOUS = {
    "LD_PRELOAD in its environment": "another library comes first, or env(1) is followed",
    "set-user-ID": "the kernel keeps others out or, if it grants nothing, our library may",
    "its file cannot be read": "it could be a script",
    "the dynamic loader": "what it loads may be relative to another directory",
    "the preload library exempts this program": "it becomes another one",
    "CODEX_SKIP_HARDENING=1 is in": "a file that may not be read protects all the same",
    "unsupported arguments of env": "the words are env's own",
    "PROCESS_HARDENING_EXCEPT in its environment": "the hook may harden it, or an exec",
}
"""What begins the reason of an answer that is worse than the truth, and why that is left so."""


class Starter(support.Running):
    """Starts commands below a program that hardens its children, and compares."""

    def __init__(self, python: str, programs: Path, before: Sequence[str] = ()) -> None:
        env = starts.remove_loader_variables()
        self.observer = support.Running([sys.executable, str(programs / "read_state.py")], env=env)
        super().__init__([*before, python, str(programs / "check_and_start.py")], env=env)

    def __exit__(self, *_: object) -> None:
        self.observer.__exit__(None, None, None)
        super().__exit__(None, None, None)

    def is_hardened(self, pid: int) -> bool:
        """Whether the kernel keeps another process of its user out of a process."""
        state = json.loads(self.observer.ask(str(pid)))
        assert state["opens"] == state["own"], state
        return not state["opens"] and state["core"] == ["0", "0"]

    def try_one(self, case: Case) -> str | None:
        """What is wrong with the answer about a command, or None."""
        line = self.ask(case.request())
        assert line, f"{case.name}: {self.process.communicate()[1]}"
        answer: dict[str, Any] = json.loads(line)
        pid, reason = answer["pid"], answer["reason"]
        is_hardened = bool(pid) and self.is_hardened(pid)
        self.ask("")
        if answer["by"] and not is_hardened:
            return f"{case.name}: promised by {answer['by']}, pid {pid}"
        if is_hardened and not answer["by"] and not any(map(reason.__contains__, TOO_CAUTIOUS)):
            return f"{case.name}: too cautious: {reason}"
        if not answer["by"] and not reason:
            return f"{case.name}: no reason"
        return None


def try_all(python: str, programs: Path, cases: Sequence[Case]) -> None:
    """Fail unless the answer about every command is right, in the sample or in all."""
    chosen = cases if ALL else sample(list(cases), SAMPLE)
    with Starter(python, programs) as starter:
        wrong = [problem for case in chosen if (problem := starter.try_one(case))]
    print(f"{len(chosen)} of {len(cases)} commands")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("hook", HOOKS)
def test_of_python(hook: str, user_tmp: Path, programs: Path) -> None:
    """With every start-up hook, and an interpreter that nobody may read."""
    if hook == "execute-only":
        support.require_root()  # to copy the interpreter all the same
    folder = user_tmp / "cases"
    folder.mkdir()
    venv = Venv(user_tmp / "venv")
    action = HOOKS[hook]
    if action:
        result = venv.call(action)
        assert result.returncode == 0, result.stderr
    try_all(venv.python, programs, list(python_cases(venv.python, folder)))


@pytest.mark.parametrize("change", ["os.seteuid(65534)", "os.setegid(65534)"])
def test_of_a_process_whose_real_and_effective_ids_differ(change: str) -> None:
    """The loader of its children ignores LD_PRELOAD, as of a set-user-ID program."""
    support.require_root()
    code = (
        "import os, process_hardening as ph\nph.harden_children()\n"
        f"print(bool(ph.check_child('true')))\n{change}\nprint(ph.check_child('true').reason)"
    )
    printed = support.run([sys.executable, "-c", code]).stdout.splitlines()
    assert printed[0] == "True"
    assert "real and effective ids differ" in printed[1]


def test_of_programs(user_tmp: Path, programs: Path, compiler: support.Compiler) -> None:
    """Of every kind of file, first line and name."""
    cases = Programs(user_tmp, compiler, sys.executable).cases()
    try_all(sys.executable, programs, list(cases))


def test_of_programs_whose_privileges_have_no_effect(
    user_tmp: Path, programs: Path, compiler: support.Compiler
) -> None:
    """With no_new_privs, neither the kernel nor our library protects those with capabilities."""
    support.require_root()
    dynamic = compiler("repeat.c", name="repeat-dynamic")
    cases = []
    for name, mode in (("set-user-ID", 0o4755), ("set-group-ID", 0o2755), ("capable", 0o755)):
        path = Path(shutil.copy(dynamic, user_tmp / name))
        path.chmod(mode)
        cases.append(Case(name, (str(path),)))
    support.run([support.find_tool("setcap"), "cap_net_raw+ep", str(path)], check=True)
    for before in ((), ("setpriv", "--no-new-privs")):
        with Starter(sys.executable, programs, before) as starter:
            assert [problem for case in cases if (problem := starter.try_one(case))] == []


BASE = {"PYTHONUSERBASE": "{tmp}/base"}
HOME = {"HOME": "{tmp}/home"}
USER_SITES: dict[str, list[tuple[bool, dict[str, str], list[str]]]] = {
    "base": [
        (True, BASE, []),
        (True, {**BASE, **HOME}, []),
        (True, BASE, ["-E"]),
        (True, {**BASE, "PYTHONNOUSERSITE": "1"}, ["-E"]),
        (False, {**BASE, "PYTHONNOUSERSITE": "1"}, []),
        (False, {"PYTHONUSERBASE": ""}, []),
        (True, {"PYTHONUSERBASE": "base"}, []),
    ],
    "home/.local": [
        (True, HOME, []),
        (True, {"HOME": "{tmp}/home/"}, []),
        (True, {"HOME": "home"}, []),
        (True, HOME, ["-E"]),
        (False, {**BASE, **HOME}, []),
        (False, {}, []),
        (False, {"HOME": ""}, []),
    ],
    "passwd/.local": [
        (True, {}, []),
        (True, {}, ["-E"]),
        (False, HOME, []),
        (False, {"HOME": ""}, []),
    ],
}
"""Below which folder a .pth file is, and whether Python executes it with variables and options.

The home directory in /etc/passwd is called passwd.
"""


@pytest.mark.parametrize("place", USER_SITES)
def test_a_pth_file_of_the_user_comes_before_the_hook_outside_virtual_environments(
    place: str, user_tmp: Path, programs: Path
) -> None:
    """Where check_child() expects it is where Python executes it."""
    rows = USER_SITES[place]
    passwd = user_tmp / "passwd_file"
    passwd.write_text(f"user:x:{support.USER}:{support.USER}::{user_tmp}/passwd:/bin/sh\n")
    python = getattr(sys, "_base_executable", sys.executable)
    ask = [python, "-c", "import site; print(site.getusersitepackages())"]
    base = {"PYTHONUSERBASE": str(user_tmp / place)}
    site = Path(support.run(ask, env=base).stdout.strip())
    site.mkdir(parents=True)
    (site / "a.pth").write_text("import sys; print('ran')\n")
    cases = [
        ({name: value.format(tmp=user_tmp) for name, value in variables.items()}, options)
        for _, variables, options in rows
    ]
    words = [str(programs / "check_user_site.py"), str(user_tmp), json.dumps(cases)]
    env = {**os.environ, "PYTHONPATH": str(Path(process_hardening.__file__).parents[1])}
    for interpreter in dict.fromkeys((python, sys.executable)):
        argv = [*in_mounts(f"mount --bind {passwd} /etc/passwd"), interpreter, *words]
        result = support.run(argv, env=env)
        assert result.returncode == 0, result.stderr
        found = [json.loads(line) for line in result.stdout.splitlines()]
        is_executed = [interpreter == python and executed for executed, _, _ in rows]
        assert found == [[executed, executed] for executed in is_executed], interpreter
