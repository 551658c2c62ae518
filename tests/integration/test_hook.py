"""The start-up hook of a Python environment: `hook enable|disable|status`, and what it reaches."""

from __future__ import annotations

import os
import pkgutil
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import starts
import support
import victims
from child_commands import FIRST, forge_cache
from environments import ATTACKS, HOOK, Venv, check, link_standard_library
from process_hardening import hook_installer as installer

PYTHON_OF_VENV = (
    Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
)


@pytest.fixture
def venv(user_tmp: Path) -> Venv:
    """A new environment."""
    return Venv(user_tmp / "venv")


ENABLE = ("hook", "enable", "--python")
ENABLE_BY_CALL = """
import sys
from process_hardening.hook_installer import ALWAYS, enable, find_environment
enable(find_environment(sys.argv[1]), ALWAYS)
"""
REQUEST = {"PROCESS_HARDENING_CHILDREN": "1"}


def test_every_start_of_python_is_hardened_until_the_hook_is_disabled(
    venv: Venv, programs: Path
) -> None:
    """Also with an empty environment, -I and -E; only -S leaves the hook out."""
    before = venv.files()
    assert venv.leaks(programs) == list(ATTACKS), "inconclusive: nothing leaks from the control"

    check(venv.call("enable"), 0, f"enabled: {venv.site_packages / HOOK}")
    for flags in ([], ["-I"], ["-E"], ["-IsE"]):
        assert venv.leaks(programs, *flags) == []
    assert venv.leaks(programs, "-S") == list(ATTACKS)
    check(venv.call("status"), 0, "enabled: every start of ")

    check(venv.call("disable"), 0, "disabled: ")
    assert venv.files() == before
    assert venv.leaks(programs) == list(ATTACKS)
    check(venv.call("status"), 1, "not enabled: ")


def test_on_request_only_children_of_programs_that_ask_are_hardened(
    venv: Venv, programs: Path
) -> None:
    """Even if LD_PRELOAD was lost on the way to them."""
    check(venv.call("enable --on-request"), 0, "enabled: ")
    check(venv.call("status"), 0, "enabled on request: ")
    assert venv.leaks(programs) == list(ATTACKS)
    assert venv.leaks(programs, "-I", **REQUEST) == []


def check_children(venv: Venv, programs: Path, *envs: str) -> list[str]:
    """The lines of programs/check_children.py for these environments, in JSON."""
    program = [venv.python, str(programs / "check_children.py"), *envs]
    result = support.run_as_user(program)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_check_child_knows_the_hook(venv: Venv, programs: Path) -> None:
    """Where LD_PRELOAD is not handed on, the hook reaches what is started without -S."""
    assert venv.call("enable").returncode == 0
    assert check_children(venv, programs, "{}") == [
        "start-up hook None",
        "None LD_PRELOAD in its environment does not name the preload library, and -S disables the"
        " start-up hook",
        "hardened",
        "True True",
    ]


def test_check_child_knows_a_hook_on_request(venv: Venv, programs: Path) -> None:
    """It reaches the children whose environment holds the request."""
    assert venv.call("enable --on-request").returncode == 0
    lines = check_children(venv, programs, '{"PROCESS_HARDENING_CHILDREN": "1"}', "{}")
    assert [line.split(" ")[0] for line in lines] == [
        "start-up",
        "None",
        "None",
        "None",
        "hardened",
        "True",
    ]


@pytest.mark.parametrize("mode", ["enable", "enable --on-request"])
def test_a_child_that_lost_the_library_gets_it_back(venv: Venv, programs: Path, mode: str) -> None:
    """Its own children then have it too, and the variables that the program keeps."""
    assert venv.call(mode).returncode == 0
    child = [venv.python, str(programs / "print_environment.py")]
    for keep in ("", "LD_LIBRARY_PATH", "LD_X:LD_LIBRARY_*", "A*B", ":"):
        env = {**REQUEST, "PROCESS_HARDENING_KEEP": keep, "LD_LIBRARY_PATH": "/kept"}
        result = support.run_as_user(child, env=env)
        assert (result.returncode, result.stderr) == (0, ""), keep
        assert "libprocess_hardening.so" in result.stdout, keep
        assert ("LD_LIBRARY_PATH=/kept" in result.stdout) == ("LD_LIBRARY" in keep), keep


def test_the_hook_leaves_the_preload_library_to_grandchildren(venv: Venv, programs: Path) -> None:
    """Where both harden a child, the library stays in its environment."""
    assert venv.call("enable").returncode == 0
    child = [venv.python, str(programs / "print_environment.py")]
    result = support.run_as_user([venv.python, str(programs / "harden_children.py"), *child])
    assert result.stdout.startswith("hardened\n")
    assert "libprocess_hardening.so" in result.stdout


def test_the_bypass_variable_disables_the_hook_with_a_warning(venv: Venv, programs: Path) -> None:
    """As everywhere else."""
    assert venv.call("enable").returncode == 0
    env = {"CODEX_SKIP_HARDENING": "1"}
    result = support.run_as_user([venv.python, "-c", ""], env=env)
    assert (result.returncode, result.stderr.count("\n")) == (0, 1)
    assert venv.leaks(programs, **env) == list(ATTACKS)


def test_a_python_that_cannot_be_hardened_exits(venv: Venv) -> None:
    """Under a filter that refuses prctl, with the line and status of pre_main_hardening()."""
    assert venv.call("enable").returncode == 0
    filtered = starts.refusing("prctl:0=4:EPERM")
    control = support.run_as_user([*filtered, sys.executable, "-c", "print(1)"])
    assert control.stdout == "1\n", control.stderr
    result = support.run_as_user([*filtered, venv.python, "-c", "print(1)"])
    assert (result.returncode, result.stdout) == (5, "")
    assert "PR_SET_DUMPABLE" in result.stderr


def test_enabling_twice_changes_nothing(venv: Venv) -> None:
    """The command says so; another mode replaces the hook."""
    venv.call("enable")
    path = venv.site_packages / HOOK
    before = path.stat()
    check(venv.call("enable"), 0, f"already enabled: {path}")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    check(venv.call("enable --on-request"), 0, f"enabled: {path}")
    check(venv.call("status"), 0, "on request")


def test_disabling_a_hook_that_is_not_enabled_is_no_error(venv: Venv) -> None:
    """Nothing changes."""
    before = venv.files()
    check(venv.call("disable"), 0, "not enabled: ")
    assert venv.files() == before


def test_a_damaged_hook_is_reported_and_can_be_enabled_or_disabled(venv: Venv) -> None:
    """The report has the command that repairs it."""
    before = venv.files()
    path = venv.site_packages / HOOK
    repair = f"run `process-hardening hook enable --python {venv.python}`"
    for text in ("", "import sys\n", "import process_hardening\n", "\0\xff"):
        path.write_text(text)
        check(venv.call("status"), 3, f"damaged: {path}: {repair}")
        check(venv.call("disable"), 0, "disabled: ")
        assert venv.files() == before
        path.write_text(text)
        check(venv.call("enable"), 0, "(replaced a hook that was damaged)")
    check(venv.call("status"), 0, "enabled: every start")


@pytest.mark.parametrize("mode", ["enable", "enable --on-request"])
def test_forged_compiled_code_of_the_package_is_not_used(
    mode: str, venv: Venv, user_tmp: Path
) -> None:
    """PYTHONPYCACHEPREFIX names it; another package is the control. From 3.15 on, it is used."""
    check(venv.call(mode), 0, "enabled")
    other = venv.site_packages / "other.py"
    other.write_text("is_forged = False\n")
    prefix = user_tmp / "cache"
    package = venv.site_packages / "process_hardening"
    for source in (package / "__init__.py", package / "startup_hook.py", other):
        forge_cache(prefix, source, f"is_forged = True\n{FIRST}")
    code = (
        "import ctypes, other, sys\n"
        "print(other.is_forged, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), sys.pycache_prefix)"
    )
    variables = {"PYTHONPYCACHEPREFIX": str(prefix), **REQUEST}
    result = venv.run([venv.python, "-c", code], env=variables)
    dumpable = 0 if sys.version_info < (3, 15) else 1
    assert result.stdout == f"True {dumpable} {prefix}\n"


def test_the_printed_command_repairs_a_hook_without_changing_its_mode(venv: Venv) -> None:
    """Here, of a hook whose last bytes are lost."""
    check(venv.call("enable --on-request"), 0, "enabled: ")
    path = venv.site_packages / HOOK
    path.write_bytes(path.read_bytes()[:-2])
    result = venv.call("status")
    check(result, 3, f"damaged: {path}: run `")
    words = shlex.split(result.stdout.split("`")[1])
    assert words[0] == "process-hardening"
    repaired = support.run_as_user([victims.find_command(), *words[1:]])
    check(repaired, 0, "(replaced a hook that was damaged)")
    check(venv.call("status"), 0, "enabled on request: ")


def test_a_folder_in_the_place_of_the_hook_stays(venv: Venv) -> None:
    """We did not make it."""
    (venv.site_packages / HOOK).mkdir()
    for command in ("enable", "disable", "status"):
        check(venv.call(command), 2, f"{venv.site_packages / HOOK}: cannot be read: Is a directory")


@pytest.mark.parametrize("enabled", [False, True])
def test_site_packages_that_may_not_be_written_stay_as_they_are(enabled: bool, venv: Venv) -> None:
    """Each command that would write prints one line."""
    path = venv.site_packages / HOOK
    if enabled:
        venv.call("enable")
    before = venv.files()
    venv.site_packages.chmod(0o555)
    if enabled:
        check(venv.call("disable"), 2, f"{path}: cannot be removed: Permission denied")
    else:
        check(venv.call("enable"), 2, f"{path}: Permission denied")
    check(venv.call("enable --on-request"), 2, f"{path}: Permission denied")
    assert venv.files() == before
    venv.site_packages.chmod(0o755)


def test_a_hook_that_does_not_work_is_removed_again(venv: Venv) -> None:
    """A start of Python shows it: the .pth file of another package, read earlier, disables it."""
    (venv.site_packages / "000.pth").write_text(
        "import process_hardening; process_hardening.pre_main_hardening = dict\n"
    )
    before = venv.files()
    text = "is not hardened: other processes of the user can still read it"
    check(venv.call("enable"), 2, text)
    assert venv.files() == before
    ignore = ["env", "--ignore-signal=SIGCHLD"]  # each child then seems to exit with 0
    check(support.run_as_user([*ignore, victims.find_command(), *ENABLE, venv.python]), 2, text)
    assert venv.files() == before
    result = support.run_as_user([*ignore, sys.executable, "-c", ENABLE_BY_CALL, venv.python])
    assert f"CommandError: {venv.python} {text}" in result.stderr
    assert venv.files() == before


def test_an_interpreter_that_a_command_starts_does_not_ignore_sigchld(user_tmp: Path) -> None:
    """It may need the statuses of its own children."""
    python = user_tmp / "python"
    code = "import signal, sys; sys.exit(str(signal.getsignal(signal.SIGCHLD)))"
    python.write_text(f"#!{sys.executable}\n{code}\n")
    python.chmod(0o755)
    argv = [victims.find_command(), "hook", "status", "--python", str(python)]
    result = support.run_as_user(["env", "--ignore-signal=SIGCHLD", *argv])
    assert result.stderr.endswith(f"not a Python interpreter: {signal.SIG_DFL!s}\n")


def test_a_hook_that_works_is_enabled_if_sigchld_is_ignored(venv: Venv) -> None:
    ignore = ["env", "--ignore-signal=SIGCHLD"]
    result = support.run_as_user([*ignore, sys.executable, "-c", ENABLE_BY_CALL, venv.python])
    assert (result.returncode, result.stderr) == (0, "")
    check(venv.call("status"), 0, "enabled: every start of ")


def test_no_hook_is_written_where_the_package_is_missing(venv: Venv) -> None:
    """It would print an error at every start of Python."""
    shutil.rmtree(venv.site_packages / "process_hardening")
    before = venv.files()
    check(venv.call("enable"), 2, "does not find process_hardening: install it there first")
    assert venv.files() == before


@pytest.mark.parametrize("mode", ["enable", "enable --on-request"])
def test_a_hook_whose_package_is_gone_says_so_until_it_is_removed(mode: str, venv: Venv) -> None:
    """Until then every start prints one line: that it is not hardened, why, and what to do."""
    assert venv.call(mode).returncode == 0
    shutil.rmtree(venv.site_packages / "process_hardening")
    result = support.run_as_user([venv.python, "-c", "print(1)"], env=REQUEST)
    assert (result.returncode, result.stdout) == (0, "1\n")
    assert result.stderr == (
        "process-hardening: this Python is not hardened: No module named 'process_hardening':"
        f" install process-hardening again, or delete {venv.hook}\n"
    )
    check(venv.call("disable"), 0, "disabled: ")
    assert support.run_as_user([venv.python, "-c", ""], env=REQUEST).stderr == ""


@pytest.mark.parametrize("mode", ["enable", "enable --on-request"])
def test_a_hook_that_fails_for_want_of_descriptors_ends_python(mode: str, venv: Venv) -> None:
    """Another process of the user can set the limit (prlimit(2)), so Python must not go on."""
    assert venv.call(mode).returncode == 0
    few = ["prlimit", "--nofile=4", venv.python, "-c", "print(1)"]
    result = support.run_as_user(few, env=REQUEST)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("process-hardening: the start-up hook failed: ")
    assert result.stderr.endswith(f"(to start without it, delete {venv.hook})\n")


@pytest.mark.parametrize("name", ["process_hardening", "_process_hardening"])
def test_a_hook_is_not_shadowed(name: str, venv: Venv, programs: Path, user_tmp: Path) -> None:
    """By a module of the same name that PYTHONPATH leads to, as in a checkout of ours."""
    assert venv.call("enable").returncode == 0
    (user_tmp / f"{name}.py").write_text("")
    assert venv.leaks(programs, "-S", PYTHONPATH=str(user_tmp)) == list(ATTACKS)
    assert venv.leaks(programs, PYTHONPATH=str(user_tmp)) == []


@pytest.mark.parametrize("action", ["enable", "disable"])
def test_an_interpreter_outside_a_virtual_environment_needs_system(action: str) -> None:
    """Every program of the machine would be changed."""
    python = str(PYTHON_OF_VENV)
    hook = [victims.find_command(), "hook", action, "--python", python]
    check(support.run_as_user(hook), 2, f"{python} is not in a virtual environment: add --system")
    # With --system, what stops it is that the package is not there.
    if action == "enable":
        result = support.run_as_user([*hook, "--system"])
        check(result, 2, f"{python} does not find process_hardening")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/none", "/none: cannot be started: No such file or directory"),
        ("/bin/true", "/bin/true: not a Python interpreter: it exited with status 0"),
        ("/bin/false", "/bin/false: not a Python interpreter: it exited with status 1"),
        ("/etc/passwd", "/etc/passwd: cannot be started: Permission denied"),
        ("/usr/share", "/usr/share: not a Python environment: it has no bin/python"),
    ],
)
@pytest.mark.parametrize("action", ["enable", "disable", "status"])
def test_a_path_that_is_not_an_interpreter_is_refused(action: str, path: str, text: str) -> None:
    """With one line that names it."""
    check(support.run_as_user([victims.find_command(), "hook", action, "--python", path]), 2, text)


def test_an_environment_can_be_named_by_its_folder(venv: Venv) -> None:
    """As people name environments."""
    hook = [victims.find_command(), "hook", "enable", "--python", str(venv.folder)]
    result = support.run_as_user(hook)
    check(result, 0, f"enabled: {venv.site_packages / HOOK}")


def test_the_hook_is_readable_whatever_the_umask(venv: Venv) -> None:
    """`site` silently ignores a file that it may not read."""
    result = venv.call("enable", umask=0o077)
    assert result.returncode == 0, result.stderr
    assert (venv.site_packages / HOOK).stat().st_mode & 0o777 == 0o644
    assert [name for name in os.listdir(venv.site_packages) if "00_" in name] == [HOOK]


def environment_of(
    version: tuple[int, int], site_packages: str = "/nowhere", executable: str = "/bin/true"
) -> installer.PythonEnvironment:
    """An environment whose Python is of this version."""
    return installer.PythonEnvironment(
        python=sys.executable,
        version=version,
        site_packages=site_packages,
        is_virtual=True,
        has_package=True,
        executable=executable,
    )


@pytest.mark.parametrize(
    ("version", "suffixes"),
    [
        ((3, 10), {".pth"}),
        ((3, 14), {".pth"}),
        ((3, 15), {".pth", ".start"}),
        ((3, 17), {".pth", ".start"}),
        ((3, 18), {".start"}),
        ((3, 20), {".start"}),
    ],
)
@pytest.mark.parametrize("mode", [installer.ALWAYS, installer.ON_REQUEST])
def test_each_version_of_python_gets_the_files_that_it_reads(
    version: tuple[int, int], suffixes: set[str], mode: str
) -> None:
    """PEP 829: .start files from 3.15 on; `import` lines of .pth files until 3.17."""
    contents = environment_of(version).contents(mode)
    assert set(contents) == suffixes
    for suffix, content in contents.items():
        lines = content.decode().splitlines()
        (line,) = (line for line in lines if not line.startswith("#"))
        if suffix == ".pth":  # site.addpackage()
            assert line.startswith("import ")
            compile(line, "00_process_hardening.pth", "exec")
        else:  # PEP 829: pkg.mod:callable, resolved and called without arguments
            assert line.count(":") == 1
            assert callable(pkgutil.resolve_name(line))


def test_one_of_two_files_is_a_damaged_hook(tmp_path: Path) -> None:
    """Where a version reads two; a file with another suffix is not ours."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    both = environment_of((3, 16), str(tmp_path), str(tmp_path / "bin" / "python"))
    contents = both.contents(installer.ALWAYS)
    other = tmp_path / f"{installer.NAME}.txt"
    other.write_text("mine")
    for suffix, content in contents.items():
        Path(both.path(suffix)).write_bytes(content)
        is_last = suffix == list(contents)[-1]
        assert installer.read_state(both) == (installer.ALWAYS if is_last else installer.DAMAGED)
    installer.disable(both)
    assert installer.read_state(both) == installer.DISABLED
    assert set(tmp_path.iterdir()) == {other, tmp_path / "bin"}


def imported_at_start(venv: Venv, **variables: str) -> set[str]:
    """The modules that its Python has imported before the program starts."""
    env = {**starts.remove_loader_variables(), **variables}
    tell = "import sys; print(*sys.modules)"
    return set(support.run_as_user([venv.python, "-c", tell], env=env).stdout.split())


OF_THE_HOOK = {
    "enable": {
        "process_hardening",
        "_process_hardening",
    },
    "enable --on-request": set[str](),
}


@pytest.mark.parametrize(("mode", "modules"), OF_THE_HOOK.items(), ids=OF_THE_HOOK)
def test_the_hook_imports_only_what_it_needs(mode: str, modules: set[str], venv: Venv) -> None:
    """Every start of Python in the environment pays for it; one that is not asked pays nothing."""
    before = imported_at_start(venv)
    assert venv.call(mode).returncode == 0
    assert imported_at_start(venv) - before == modules


@pytest.mark.parametrize("mode", OF_THE_HOOK)
def test_where_the_library_hardens_children_the_hook_imports_one_module_more(
    mode: str, venv: Venv
) -> None:
    """It looks whether the library was lost, and loads what gives it back only then."""
    before = imported_at_start(venv)
    assert venv.call(mode).returncode == 0
    library = venv.site_packages / "process_hardening/libprocess_hardening.so"
    imported = imported_at_start(venv, LD_PRELOAD=str(library), **REQUEST)
    expected = {*OF_THE_HOOK["enable"], "process_hardening.startup_hook"}
    assert imported - before == expected


@pytest.mark.parametrize("mode", ["enable", "enable --on-request"])
def test_a_hook_whose_package_is_damaged_exits(mode: str, venv: Venv) -> None:
    """`site` would print a traceback and go on unhardened."""
    assert venv.call(mode).returncode == 0
    path = venv.site_packages / "process_hardening" / "environment.py"
    path.write_text("raise OSError('damaged\\nfile')\n")
    result = support.run_as_user([venv.python, "-c", "print(1)"], env=REQUEST)
    check(result, 2, r"the start-up hook failed: OSError('damaged\nfile')")


def test_a_hook_on_request_needs_a_path_that_ld_preload_can_name(user_tmp: Path) -> None:
    """It could not hand the request on to children: enabling it changes nothing."""
    venv = Venv(user_tmp / "my venv")
    before = venv.files()
    check(venv.call("enable --on-request"), 2, "install the package in a path")
    assert venv.files() == before


@pytest.fixture
def root_tmp(tmp_path: Path) -> Path:
    """A folder that only root can change."""
    support.require_root()
    tmp_path.chmod(0o755)
    return tmp_path


def replace_interpreter(venv: Venv, marker: Path) -> None:
    """Put a program in the place of the interpreter, as the owner of the environment can."""
    path = Path(venv.python)
    path.unlink()
    path.write_text(f'#!/bin/sh\nid -u > {marker}\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)


@pytest.mark.parametrize("action", ["enable", "enable --execute-only", "disable", "status"])
def test_root_runs_no_interpreter_of_another_user(action: str, user_tmp: Path) -> None:
    """It names what that user can change, and how to run the command as that user."""
    support.require_root()
    venv, marker = Venv(user_tmp / "venv"), user_tmp / "marker"
    replace_interpreter(venv, marker)
    argv = [victims.find_command(), "hook", *action.split(), "--python", venv.python]
    result = support.run(argv)
    check(result, 2, "can change it, and root would run it: put `sudo -u")
    assert not marker.exists()
    assert not venv.hook.exists()
    # The control: whoever runs it starts this interpreter.
    support.run_as_user(argv)
    assert marker.read_text() == f"{support.USER}\n"


def change_owner(path: Path) -> None:
    """Give a file to the unprivileged user."""
    os.chown(path, support.USER, support.USER, follow_symlinks=False)


CHANGES: dict[str, Callable[[Venv], None]] = {
    "the folder of the environment": lambda venv: change_owner(venv.folder),
    "the folder of the interpreter": lambda venv: change_owner(venv.folder / "bin"),
    "its settings": lambda venv: change_owner(venv.folder / "pyvenv.cfg"),
    "a link to the interpreter": lambda venv: change_owner(Path(venv.python)),
    "site-packages": lambda venv: change_owner(venv.site_packages),
    "a file that site reads": lambda venv: change_owner(make_file(venv.site_packages / "x.pth")),
    "the package": lambda venv: change_owner(venv.site_packages / "process_hardening"),
    "a module of the package": lambda venv: change_owner(
        venv.site_packages / "process_hardening" / "startup_hook.py"
    ),
    "a module of another package": lambda venv: change_owner(
        make_file(venv.site_packages / "other" / "deep" / "x.py")
    ),
    "a folder that a .pth file names": lambda venv: name_folder(venv, venv.folder / "src"),
    "a kept interpreter": lambda venv: change_owner(
        make_file(venv.folder / "bin" / ".python3.11.readable")
    ),
    "an access control list": lambda venv: support.allow_user(make_file(venv.site_packages / "x")),
    "an access control list of the interpreter's folder": lambda venv: support.allow_user(
        venv.folder / "bin"
    ),
    "a folder for all": lambda venv: venv.site_packages.chmod(0o777),
    "a folder for all, with the sticky bit": lambda venv: venv.site_packages.chmod(0o1777),
    "a group": lambda venv: let_group_write(venv.site_packages),
    "group 0": lambda venv: venv.site_packages.chmod(0o775),
    "the base": lambda venv: set_home(venv, "/tmp/no-such-folder"),
}


def make_file(path: Path) -> Path:
    """Make an empty file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def name_folder(venv: Venv, folder: Path) -> None:
    """Make a folder of the unprivileged user's, and a .pth file of root's that names it."""
    folder.mkdir()
    change_owner(folder)
    (venv.site_packages / "dev.pth").write_text(f"# a comment\n{folder}\n")


def let_group_write(path: Path) -> None:
    """Let a group other than root's write to a folder."""
    os.chown(path, 0, support.USER)
    path.chmod(0o775)


def set_home(venv: Venv, home: str) -> None:
    """Set where an environment says that its base interpreter is."""
    settings = venv.folder / "pyvenv.cfg"
    settings.write_text(re.sub("(?m)^home = .*$", f"home = {home}", settings.read_text()))


@pytest.mark.parametrize("change", CHANGES)
def test_root_trusts_only_what_nobody_else_can_change(change: str, root_tmp: Path) -> None:
    venv = Venv(root_tmp / "venv", root=True)
    check(venv.call("status"), 1, "not enabled: ")
    CHANGES[change](venv)
    check(venv.call("enable"), 2, " root would run it: ")
    assert not venv.hook.exists()


def test_root_runs_no_interpreter_that_a_user_in_group_0_replaced(root_tmp: Path) -> None:
    """As in images made for OpenShift: `chgrp -R 0 DIR && chmod -R g=u DIR`."""
    venv, marker = Venv(root_tmp / "venv", root=True), root_tmp / "marker"
    (venv.folder / "bin").chmod(0o775)
    assert (venv.folder / "bin").stat().st_gid == 0
    text = f'#!/bin/sh\necho > {marker}\nexec {sys.executable} "$@"\n'
    shell = ["sh", "-ec", f"rm python; printf %s '{text}' > python; chmod +x python"]
    attack = support.run(
        shell, cwd=Path(venv.python).parent, user=support.USER, group=0, extra_groups=()
    )
    assert attack.returncode == 0, f"inconclusive: {attack.stderr}"
    check(
        venv.call("status"), 2, "a group or all users can write to it, or to a directory above it"
    )
    assert not marker.exists()
    support.run([venv.python, "--version"])
    assert marker.exists(), "inconclusive: the control does not run"


def test_root_follows_no_link_of_another_user(user_tmp: Path, root_tmp: Path) -> None:
    """A link to an environment of root's: whose name it is can change at any time."""
    venv = Venv(root_tmp / "venv", root=True)
    link = user_tmp / "link"
    link.symlink_to(venv.folder)
    os.chown(user_tmp, support.USER, support.USER)
    argv = [victims.find_command(), "hook", "enable", "--python", str(link)]
    check(support.run(argv), 2, "can change it, and root would run it")
    assert not venv.hook.exists()


@pytest.mark.parametrize("action", ["enable", "disable", "status"])
def test_root_runs_no_module_of_another_user(action: str, root_tmp: Path) -> None:
    """Where root's environment lacks the package, and a .pth file names a folder of a user's."""
    venv, marker = Venv(root_tmp / "venv", root=True), root_tmp / "marker"
    shutil.rmtree(venv.site_packages / "process_hardening")
    module = make_file(root_tmp / "src" / "process_hardening" / "__init__.py")
    module.write_text(f"open({str(marker)!r}, 'w').close()")
    (venv.site_packages / "dev.pth").write_text(f"{root_tmp / 'src'}\n")
    support.run([venv.python, "-I", "-c", "import process_hardening"])
    assert marker.exists(), "inconclusive: the control does not run"
    marker.unlink()
    change_owner(module)
    check(venv.call(action), 2, f"{module}: the user ")
    assert not marker.exists()


def test_asking_an_interpreter_runs_nothing_in_site_packages(venv: Venv, user_tmp: Path) -> None:
    """Its answer is needed to know what to check."""
    marker = user_tmp / "marker"
    line = f"import os; open({str(marker)!r}, 'w').close()\n"
    (venv.site_packages / "x.pth").write_text(line)
    for command in ("status", "disable"):
        venv.call(command)
        assert not marker.exists()
    assert venv.call("enable").returncode == 0  # it starts Python, to see that it is hardened
    assert marker.exists()


@pytest.fixture
def base(root_tmp: Path) -> Path:
    """An interpreter of root's, outside a virtual environment, with a standard library."""
    folder = root_tmp / "base"
    link_standard_library(folder, "json")
    (folder / "bin").mkdir()
    python = folder / "bin" / "python3"
    shutil.copy(os.path.realpath(sys.executable), python)
    return python


def test_root_runs_no_standard_library_of_another_user(base: Path) -> None:
    """Of a base, or of an environment that was made from it."""
    venv = Venv(base.parent.parent / "venv", root=True)
    set_home(venv, str(base.parent))
    status = [victims.find_command(), "hook", "status", "--python"]
    for python in (str(base), venv.python):
        check(support.run([*status, python]), 1, "not enabled: ")
    (module,) = base.parent.parent.glob("lib/python3.*/json/decoder.py")
    assert module.resolve() == module
    change_owner(module)
    for python in (str(base), venv.python):
        check(support.run([*status, python]), 2, f"{module}: the user ")


def test_root_may_use_what_only_root_can_change(root_tmp: Path) -> None:
    """Also a folder that a .pth file names, one that is missing, and links in a circle."""
    venv = Venv(root_tmp / "venv", "--without-pip", "--system-site-packages", root=True)
    source = root_tmp / "source"
    make_file(source / "package" / "__init__.py")
    (source / "package" / "back").symlink_to(source)
    (venv.site_packages / "dev.pth").write_text(f"{source}\n{source / 'missing'}\n\0\n")
    check(venv.call("enable"), 0, "enabled: ")
    check(venv.call("status"), 0, "enabled: ")
    check(venv.call("disable"), 0, "disabled: ")
