"""The start-up hook of an environment: enable, disable, enabled, and what they reach."""

from __future__ import annotations

import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import launches
import support
import victims
from process_hardening import startup_hook as hook
from programs.children import HOLD

ATTACKS = ("mem", "process_vm_readv")
HOOK = hook.NAME + ".pth"
PYTHON_OF_VENV = (
    Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
)


class Venv:
    """A virtual environment of the unprivileged user, with process_hardening in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        create = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        assert support.run_as_user(create).returncode == 0
        self.python = str(folder / "bin" / "python")
        (self.site_packages,) = folder.glob("lib/python3.*/site-packages")
        victims.copy_package(self.site_packages / "process_hardening")

    def files(self) -> dict[str, bytes]:
        """Everything in site-packages but byte code."""
        found = {}
        for path in sorted(self.site_packages.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found[str(path.relative_to(self.site_packages))] = path.read_bytes()
        return found

    def call(self, command: str, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Call process-hardening for this environment, as its owner."""
        argv = [victims.command(), *command.split(), "--python", self.python, *words]
        return support.run_as_user(argv, **options)

    def leaks(self, programs: Path, *flags: str, **env: str) -> list[str]:
        """The attacks that get a canary out of a Python that is started with just this."""
        argv = [self.python, *flags, "-c", HOLD]
        with support.Running(argv, env=env) as holder:
            pid, address, canary = holder.ready.split()
            words = [pid, address, str(len(canary))]
            return [name for name in ATTACKS if canary in attacked(programs, name, *words)]


def attacked(programs: Path, *words: str) -> str:
    """What an attack of another process of the same user gets."""
    attack = [sys.executable, str(programs / "attack.py"), *words]
    return support.run_as_user(attack, errors="replace").stdout


@pytest.fixture
def venv(user_tmp: Path) -> Venv:
    """A new environment."""
    return Venv(user_tmp / "venv")


def said(result: subprocess.CompletedProcess[str], status: int, text: str) -> None:
    """One line with this text, on the stream that goes with the status."""
    assert result.returncode == status, result.stdout + result.stderr
    line, nothing = result.stdout, result.stderr
    if status == 2:
        line, nothing = nothing, line
        assert line.startswith("process-hardening: ")
    assert nothing == ""
    assert line.count("\n") == 1
    assert text in line


REQUEST = {"PROCESS_HARDENING_CHILDREN": "1"}


def test_every_python_of_the_environment(venv: Venv, programs: Path) -> None:
    """In an emptied environment, with -I and -E too; -S is the way round it; disable undoes it."""
    before = venv.files()
    assert venv.leaks(programs) == list(ATTACKS), "inconclusive: the control is shut"

    said(venv.call("enable"), 0, f"enabled: {venv.site_packages / HOOK}")
    for flags in ([], ["-I"], ["-E"], ["-IsE"]):
        assert venv.leaks(programs, *flags) == []
    assert venv.leaks(programs, "-S") == list(ATTACKS)
    said(venv.call("enabled"), 0, "enabled: every start of ")

    said(venv.call("disable"), 0, "disabled: ")
    assert venv.files() == before
    assert venv.leaks(programs) == list(ATTACKS)
    said(venv.call("enabled"), 1, "not enabled: ")


def test_only_below_programs_that_ask_for_it(venv: Venv, programs: Path) -> None:
    """--on-request: what has lost LD_PRELOAD on the way, and nothing else."""
    said(venv.call("enable --on-request"), 0, "enabled: ")
    said(venv.call("enabled"), 0, "enabled on request: ")
    assert venv.leaks(programs) == list(ATTACKS)
    assert venv.leaks(programs, "-I", **REQUEST) == []


BELOW = """
import json, os, subprocess, sys
import process_hardening as ph
ph.harden_children()
child = "import process_hardening as ph; print(ph.status().verdict)"
for env in {envs}:
    for flags in [], ["-S"]:
        check = ph.check_child([sys.executable, *flags, "-c", ""], env)
        print(check.by, check.reason)
subprocess.run([sys.executable, "-c", child], env={envs}[0])
report = ph.harden_children()
print(report.hook, any("in any environment" in kind for kind in report.covered))
"""


def test_check_child_knows_the_hook(venv: Venv) -> None:
    """Where LD_PRELOAD is not handed on, the hook reaches what is started without -S."""
    assert venv.call("enable").returncode == 0
    code = BELOW.format(envs="[{}]")
    result = support.run_as_user([venv.python, "-c", code])
    assert result.stdout.splitlines() == [
        "start-up hook None",
        "None LD_PRELOAD in its environment does not name our library, and -S leaves out the"
        " start-up hook",
        "hardened",
        "True True",
    ]


def test_check_child_knows_what_is_on_request(venv: Venv) -> None:
    """The request travels in its own variable."""
    assert venv.call("enable --on-request").returncode == 0
    code = BELOW.format(envs="[{'PROCESS_HARDENING_CHILDREN': '1'}, {}]")
    result = support.run_as_user([venv.python, "-c", code])
    assert [line.split(" ")[0] for line in result.stdout.splitlines()] == [
        "start-up",
        "None",
        "None",
        "None",
        "hardened",
        "True",
    ]


@pytest.mark.parametrize("mode", ["enable", "enable --on-request"])
@pytest.mark.parametrize("keep", ["", "LD_LIBRARY_PATH", "LD_X:LD_LIBRARY_*", "A*B", ":"])
def test_a_child_that_lost_the_library_gets_it_back(venv: Venv, mode: str, keep: str) -> None:
    """For its own children; and what the program keeps is kept, when it can be read."""
    assert venv.call(mode).returncode == 0
    child = "import subprocess, sys; sys.exit(subprocess.run(['env']).returncode)"
    env = {**REQUEST, "PROCESS_HARDENING_KEEP": keep, "LD_LIBRARY_PATH": "/kept"}
    result = support.run_as_user([venv.python, "-c", child], env=env)
    assert (result.returncode, result.stderr) == (0, "")
    assert "libprocess_hardening.so" in result.stdout
    assert ("LD_LIBRARY_PATH=/kept" in result.stdout) == ("LD_LIBRARY" in keep)


def test_beside_the_preload_library(venv: Venv) -> None:
    """The usual case: both are there, and the entry stays for grandchildren."""
    assert venv.call("enable").returncode == 0
    code = (
        "import subprocess, sys, process_hardening as ph\n"
        "ph.harden_children()\n"
        "child = 'import process_hardening as ph, subprocess; print(ph.status().verdict,"
        ' flush=True); subprocess.run(["env"])\'\n'
        "subprocess.run([sys.executable, '-c', child])"
    )
    result = support.run_as_user([venv.python, "-c", code])
    assert result.stdout.startswith("hardened\n")
    assert "libprocess_hardening.so" in result.stdout


def test_the_bypass_works(venv: Venv, programs: Path) -> None:
    """With its warning, as everywhere."""
    assert venv.call("enable").returncode == 0
    env = {"CODEX_SKIP_HARDENING": "1"}
    result = support.run_as_user([venv.python, "-c", ""], env=env)
    assert (result.returncode, result.stderr.count("\n")) == (0, 1)
    assert venv.leaks(programs, **env) == list(ATTACKS)


def test_a_start_that_cannot_be_hardened_ends(venv: Venv, programs: Path) -> None:
    """A filter that refuses prctl: the status is that of pre_main_hardening()."""
    assert venv.call("enable").returncode == 0
    filtered = [sys.executable, str(programs / "filtered.py"), "prctl:0=4:EPERM"]
    control = support.run_as_user([*filtered, "--", sys.executable, "-c", "print(1)"])
    assert control.stdout == "1\n", control.stderr
    result = support.run_as_user([*filtered, "--", venv.python, "-c", "print(1)"])
    assert (result.returncode, result.stdout) == (5, "")
    assert "PR_SET_DUMPABLE" in result.stderr


def test_enabling_twice_changes_nothing(venv: Venv) -> None:
    """It says so, and where the hook is."""
    venv.call("enable")
    path = venv.site_packages / HOOK
    before = path.stat()
    said(venv.call("enable"), 0, f"already enabled: {path}")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    said(venv.call("enable --on-request"), 0, f"enabled: {path}")
    said(venv.call("enabled"), 0, "on request")


def test_disabling_what_is_not_enabled(venv: Venv) -> None:
    """Nothing to do is no error."""
    before = venv.files()
    said(venv.call("disable"), 0, "not enabled: ")
    assert venv.files() == before


@pytest.mark.parametrize("text", ["", "import sys\n", "import process_hardening\n", "\0\xff"])
@pytest.mark.parametrize("command", ["enable", "disable"])
def test_a_damaged_hook(text: str, command: str, venv: Venv) -> None:
    """Said by `enabled`; enable writes it anew, disable takes it away."""
    before = venv.files()
    path = venv.site_packages / HOOK
    path.write_text(text)
    said(venv.call("enabled"), 3, f"damaged: {path}")
    note = "the one that was there was damaged" if command == "enable" else "disabled: "
    said(venv.call(command), 0, note)
    if command == "enable":
        said(venv.call("enabled"), 0, "enabled: every start")
        venv.call("disable")
    assert venv.files() == before


def test_a_folder_where_the_hook_should_be(venv: Venv) -> None:
    """Nobody of ours made that: it stays."""
    (venv.site_packages / HOOK).mkdir()
    for command in ("enable", "disable", "enabled"):
        said(venv.call(command), 2, f"{venv.site_packages / HOOK}: cannot be read: Is a directory")


@pytest.mark.parametrize("enabled", [False, True])
def test_site_packages_that_may_not_be_written(enabled: bool, venv: Venv) -> None:
    """One line; what was there stays there, whole."""
    if enabled:
        venv.call("enable")
    before = venv.files()
    venv.site_packages.chmod(0o555)
    command, what = ("disable", "removed") if enabled else ("enable", "written")
    said(venv.call(command), 2, f"{venv.site_packages / HOOK}: cannot be {what}: Permission denied")
    said(venv.call("enable --on-request"), 2, "cannot be written: Permission denied")
    assert venv.files() == before
    venv.site_packages.chmod(0o755)


def test_a_hook_that_does_not_work_is_taken_back(venv: Venv) -> None:
    """Proven by a start: the .pth of another package, which comes first, may undo it."""
    (venv.site_packages / "000.pth").write_text(
        "import os; os.environ['CODEX_SKIP_HARDENING'] = '1'\n"
    )
    before = venv.files()
    said(venv.call("enable"), 2, "is not hardened: the hook was called, and others")
    assert venv.files() == before


def test_an_environment_without_the_package(venv: Venv) -> None:
    """A hook there would be an error at every start."""
    shutil.rmtree(venv.site_packages / "process_hardening")
    said(venv.call("enable"), 2, "does not find process_hardening: install it there first")
    assert venv.files() == {}


def test_a_hook_whose_package_is_gone_can_be_removed(venv: Venv) -> None:
    """Python complains at every start until then, and starts unhardened."""
    venv.call("enable")
    shutil.rmtree(venv.site_packages / "process_hardening")
    result = support.run_as_user([venv.python, "-c", ""])
    assert result.returncode == 0
    assert "No module named 'process_hardening'" in result.stderr
    said(venv.call("disable"), 0, "disabled: ")
    assert support.run_as_user([venv.python, "-c", ""]).stderr == ""


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_a_system_interpreter_needs_a_word_more(command: str) -> None:
    """Every program of the machine would be changed."""
    python = str(PYTHON_OF_VENV)
    result = support.run_as_user([victims.command(), command, "--python", python])
    said(result, 2, f"{python} is no virtual environment's: --system to change it for")
    # The word is heeded: what stops it now is that the package is not there.
    if command == "enable":
        result = support.run_as_user([victims.command(), command, "--system", "--python", python])
        said(result, 2, f"{python} does not find process_hardening")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/none", "/none: cannot be started: No such file or directory"),
        ("/bin/true", "/bin/true: no Python interpreter: it ended with status 0"),
        ("/bin/false", "/bin/false: no Python interpreter: it ended with status 1"),
        ("/etc/passwd", "/etc/passwd: cannot be started: Permission denied"),
        ("/usr/share", "/usr/share: no Python environment: it has no bin/python"),
    ],
)
@pytest.mark.parametrize("command", ["enable", "disable", "enabled"])
def test_what_is_no_interpreter(command: str, path: str, text: str) -> None:
    """One line that names it."""
    said(support.run_as_user([victims.command(), command, "--python", path]), 2, text)


def test_the_folder_of_an_environment_will_do(venv: Venv) -> None:
    """As people name environments."""
    result = support.run_as_user([victims.command(), "enable", "--python", str(venv.folder)])
    said(result, 0, f"enabled: {venv.site_packages / HOOK}")


def test_a_mask_that_hides_files_does_not_hide_the_hook(venv: Venv) -> None:
    """`site` passes over what it may not read, without a word."""
    result = venv.call("enable", umask=0o077)
    assert result.returncode == 0, result.stderr
    assert (venv.site_packages / HOOK).stat().st_mode & 0o777 == 0o644
    assert [name for name in os.listdir(venv.site_packages) if "00_" in name] == [HOOK]


@pytest.fixture
def of_version(request: pytest.FixtureRequest) -> hook.Environment:
    """The environment of the tests, as if its Python were of another version."""
    environment = hook.Environment(None)
    environment.version = request.param
    return environment


@pytest.mark.parametrize(
    ("of_version", "suffixes"),
    [
        ((3, 10), {".pth"}),
        ((3, 14), {".pth"}),
        ((3, 15), {".pth", ".start"}),
        ((3, 17), {".pth", ".start"}),
        ((3, 18), {".start"}),
        ((3, 20), {".start"}),
    ],
    indirect=["of_version"],
)
@pytest.mark.parametrize("mode", [hook.ALWAYS, hook.ON_REQUEST])
def test_which_files_a_version_reads(
    of_version: hook.Environment, suffixes: set[str], mode: str
) -> None:
    """PEP 829: .start from 3.15 on; `import` lines of a .pth until 3.17."""
    texts = of_version.texts(mode)
    assert set(texts) == suffixes
    for suffix, text in texts.items():
        (line,) = (line for line in text.splitlines() if not line.startswith("#"))
        if suffix == ".pth":  # site.addpackage()
            assert line.startswith("import ")
            compile(line, "00_process_hardening.pth", "exec")
        else:  # PEP 829: pkg.mod:callable, resolved and called without arguments
            assert line.count(":") == 1
            assert callable(pkgutil.resolve_name(line))


@pytest.mark.parametrize("of_version", [(3, 16)], indirect=True)
def test_both_files_or_none(of_version: hook.Environment, tmp_path: Path) -> None:
    """Where a version reads two, one alone is damaged; what has another suffix is not ours."""
    of_version.site_packages = str(tmp_path)
    texts = of_version.texts(hook.ALWAYS)
    other = tmp_path / f"{hook.NAME}.txt"
    other.write_text("mine")
    for suffix in texts:
        Path(of_version.path(suffix)).write_text(texts[suffix])
        expected = hook.ALWAYS if suffix == list(texts)[-1] else hook.DAMAGED
        assert hook.state_of(of_version) == expected
    hook.disable(of_version)
    assert hook.state_of(of_version) == hook.DISABLED
    assert list(tmp_path.iterdir()) == [other]


def test_the_hook_imports_next_to_nothing(venv: Venv) -> None:
    """What every start of Python in the environment pays for."""
    env = launches.without_loader_variables()
    tell = "import sys; print(*sys.modules)"
    before = set(support.run_as_user([venv.python, "-c", tell], env=env).stdout.split())
    for mode in ("enable", "enable --on-request"):
        assert venv.call(mode).returncode == 0
        after = set(support.run_as_user([venv.python, "-c", tell], env=env).stdout.split())
        assert after - before == {"process_hardening"}
