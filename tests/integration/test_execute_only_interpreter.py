"""The execute-only interpreter of an environment: `hook enable --execute-only`."""

from __future__ import annotations

import ensurepip
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import support
import victims
from environments import ATTACKS, Venv, attacked, check, link_standard_library
from process_hardening import interpreter
from process_hardening.errors import CommandError
from process_hardening.interpreter_copy import check_source, check_start
from programs.children import HOLD, STARTS

ENABLE = "enable --execute-only"
WARNING = "was made readable again and no longer starts hardened"
OF_PYTHON = [name for name in STARTS if name not in ("program", "shell", "unhardened")]
UNFINISHED = ".python.unfinished"
LAYOUTS = {"links": ("--without-pip",), "copies": ("--without-pip", "--copies")}
CHANGES = "?rename,?renameat,?renameat2,?link,linkat,?unlink,?unlinkat,fchmod,utimensat"
"""The system calls that change the folder of the interpreter."""


@pytest.fixture(params=LAYOUTS)
def venv(request: pytest.FixtureRequest, user_tmp: Path) -> Venv:
    """A new environment, whose interpreter is a link or a copy."""
    return Venv(user_tmp / "venv", *LAYOUTS[request.param])


@pytest.fixture
def linked(user_tmp: Path) -> Venv:
    """A new environment, whose interpreter is a link."""
    return Venv(user_tmp / "venv")


def is_born_hardened(venv: Venv, name: str = "python") -> bool:
    """Whether a start that nothing but its file can harden is not dumpable."""
    code = "import os; print(os.stat('/proc/self/environ').st_uid == os.getuid())"
    start = [str(venv.folder / "bin" / name), "-I", "-S", "-c", code]
    result = support.run_as_user(start, env={})
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout == "False\n"


def find_python_names(venv: Venv) -> list[Path]:
    """Every name of the interpreter."""
    return sorted((venv.folder / "bin").glob("python*"))


def test_every_name_becomes_execute_only_and_is_put_back(venv: Venv) -> None:
    """`hook disable` leaves the folder as it was, to the times of its entries."""
    names, files = venv.names(), venv.files()
    assert not is_born_hardened(venv)

    result = venv.call(ENABLE)
    check(result, 0, "; its interpreter is execute-only (")
    for path in find_python_names(venv):
        facts = path.lstat()
        assert stat.S_ISREG(facts.st_mode)
        assert stat.S_IMODE(facts.st_mode) == 0o111
        assert is_born_hardened(venv, path.name)
    check(venv.call("status"), 0, "; its interpreter is execute-only (")

    check(venv.call("disable"), 0, "disabled: ")
    assert venv.names() == names
    assert venv.files() == files
    check(venv.call("status"), 1, "not enabled: ")


def relink(venv: Venv, base: Path, *others: str) -> None:
    """Make `python` a link to a base interpreter, and the others links to `python`."""
    for path in find_python_names(venv):
        path.unlink()
    for name in ("python", *others):
        target = base if name == "python" else Path("python")
        path = venv.folder / "bin" / name
        path.symlink_to(target)
        if os.getuid() == 0:
            os.chown(path, support.USER, support.USER, follow_symlinks=False)


def test_links_of_another_shape_are_put_back(linked: Venv) -> None:
    """As uv and virtualenv make them, and one that a person added."""
    relink(linked, Path(sys.executable).resolve(), "python3", "mine")
    before = linked.names()
    assert linked.call(ENABLE).returncode == 0
    assert all(is_born_hardened(linked, name) for name in ("python", "python3", "mine"))
    assert linked.call("disable").returncode == 0
    assert linked.names() == before


def test_python_finds_what_it_found_before(venv: Venv) -> None:
    """Its prefixes, its base interpreter and its path; an environment made from it works."""
    tell = (
        "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sys.path,"
        " sys.version_info >= (3, 11) and sys._base_executable)"
    )
    before = {
        path: support.run_as_user([str(path), "-c", tell]).stdout
        for path in find_python_names(venv)
    }
    assert venv.call(ENABLE).returncode == 0
    for path, text in before.items():
        after = support.run_as_user([str(path), "-c", tell]).stdout
        # A link that leads to /usr/bin/python3.11 names that, a copy /usr/bin/python3: one file.
        assert [os.path.realpath(word) for word in after.split()] == [
            os.path.realpath(word) for word in text.split()
        ]
    inner = Venv(venv.folder.parent / "inner", base=venv.python)
    assert venv.call("disable").returncode == 0
    shutil.rmtree(venv.folder)
    assert support.run_as_user([inner.python, "-c", ""]).returncode == 0


def test_every_way_to_start_python_is_born_hardened(linked: Venv, programs: Path) -> None:
    """With the interpreter alone: the hook is taken out, and nothing hardens itself."""
    starts = {
        name: [linked.python, str(programs / "children.py"), "PLAIN", name] for name in OF_PYTHON
    }
    # The one in the middle hardens itself.
    middle = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"
    starts["grandchild"] = [linked.python, "-S", "-c", middle]

    def leaks(program: list[str]) -> list[str]:
        with support.Running(program) as running:
            pid, address, canary = running.ready.split()
            words = [pid, address, str(len(canary))]
            return [name for name in ATTACKS if canary in attacked(programs, name, *words)]

    for name, program in starts.items():
        assert leaks(program) == list(ATTACKS), f"inconclusive: {name}: nothing leaks"
    assert linked.call(ENABLE).returncode == 0
    linked.hook.unlink()
    for name, program in starts.items():
        assert leaks(program) == [], name


def test_a_script_is_born_hardened(linked: Venv) -> None:
    """Whatever name of the interpreter its first line has."""
    script = linked.folder / "bin" / "script"
    script.write_text(
        f"#!{linked.python}3 -IS\nimport os\nprint(os.stat('/proc/self/environ').st_uid)\n"
    )
    script.chmod(0o755)
    assert support.run_as_user([str(script)]).stdout == f"{support.USER}\n"
    assert linked.call(ENABLE).returncode == 0
    assert support.run_as_user([str(script)]).stdout == "0\n"


def test_whoever_owns_a_folder_above_the_real_one_can_make_it_readable(user_tmp: Path) -> None:
    """The names of the environment may be found through a link."""
    support.require_root()
    (user_tmp / "venv").mkdir()
    (user_tmp / "venv" / "python").touch(mode=0o111)
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "link"
        link.symlink_to(user_tmp / "venv")
        names = interpreter.Names(paths=(str(link / "python"),), source="")

        assert support.USER in interpreter.find_reopeners(names)


def test_check_child_knows_it(linked: Venv) -> None:
    """A child with an empty environment and -S is hardened by its file."""
    assert linked.call(ENABLE).returncode == 0
    code = (
        "import process_hardening as ph, sys; print(ph.check_child([sys.executable, '-S'], {}).by)"
    )
    result = support.run_as_user([linked.python, "-c", code])
    assert result.stdout == "unreadable file\n"


def test_pip_works_and_the_interpreter_stays(user_tmp: Path) -> None:
    """Installing, upgrading pip by pip, and the scripts that it makes."""
    venv = Venv(user_tmp / "venv")
    assert venv.call(ENABLE).returncode == 0
    bundled = (Path(str(ensurepip.__file__)).parent / "_bundled", Path("/usr/share/python-wheels"))
    (wheel,) = (path for folder in bundled for path in folder.glob("pip-*.whl"))
    options = ["--no-index", "--disable-pip-version-check", "--force-reinstall", "-q"]
    options.append("--no-compile")
    for pip in (
        [sys.executable, "-m", "pip", "--python", venv.python],  # runs its own code there
        [venv.python, "-m", "pip"],
    ):
        install = [*pip, "install", *options, str(wheel)]
        result = support.run_as_user(install, env={"HOME": str(user_tmp)})
        assert result.returncode == 0, result.stderr
    assert support.run_as_user([str(venv.folder / "bin" / "pip"), "--version"]).returncode == 0
    check(venv.call("status"), 0, "; its interpreter is execute-only (")
    assert is_born_hardened(venv)


def test_a_start_says_that_the_interpreter_was_made_readable_again(
    venv: Venv, user_tmp: Path
) -> None:
    """Once, whatever its mode; status has the command that repairs it. With -S nothing says so."""
    command = user_tmp / "process-hardening"
    command.write_text("")
    names = venv.names()
    for mode in ("", " --on-request"):
        assert venv.call(ENABLE + mode).returncode == 0
        start = [venv.python, "-c", ""]
        assert support.run_as_user(start).stderr == ""
        os.chmod(venv.python, 0o755)
        result = support.run_as_user(start)
        assert result.returncode == 0
        assert result.stderr.count("\n") == 1
        assert f"process-hardening: {venv.python} {WARNING}" in result.stderr
        assert support.run_as_user([*start[:1], "-S", *start[1:]]).stderr == ""
        for argument, lines in (("hook", 0), ("audit", 1)):  # `hook` says it itself
            own = support.run_as_user([venv.python, str(command), argument, "status"])
            assert own.stderr.count("\n") == lines

        status = venv.call("status")
        check(status, 3, "; its interpreter was made readable again: ")
        words = re.findall("run `([^`]+)`", status.stdout)[0].split()
        assert ("--on-request" in words) == bool(mode)
        repaired = support.run_as_user([victims.find_command(), *words[1:]])
        check(repaired, 0, "; its interpreter is execute-only (")
        assert support.run_as_user(start).stderr == ""
        assert is_born_hardened(venv)
    assert venv.call("disable").returncode == 0
    assert venv.names() == names


def test_a_start_says_that_a_link_was_put_back(linked: Venv) -> None:
    """By hand, or by a tool that knows nothing of us."""
    assert linked.call(ENABLE).returncode == 0
    python3 = linked.folder / "bin" / "python3"
    python3.unlink()
    python3.symlink_to(os.path.realpath(sys.executable))
    assert WARNING in support.run_as_user([str(python3), "-c", ""]).stderr
    check(linked.call("status"), 3, "made readable again")
    assert linked.call(ENABLE).returncode == 0
    assert is_born_hardened(linked, "python3")


def test_root_is_not_warned(linked: Venv) -> None:
    """Root may read every file, so its starts are never born hardened by one."""
    support.require_root()
    assert linked.call(ENABLE).returncode == 0
    assert support.run([linked.python, "-c", ""]).stderr == ""


def test_enabling_twice_changes_nothing(venv: Venv) -> None:
    """Also without the option: an execute-only interpreter stays so."""
    assert venv.call(ENABLE).returncode == 0
    names, files = venv.names(), venv.files()
    check(venv.call(ENABLE), 0, "already enabled: ")
    check(venv.call("enable"), 0, "already enabled: ")
    assert (venv.names(), venv.files()) == (names, files)
    check(venv.call("enable --on-request"), 0, "; its interpreter is execute-only (")
    assert venv.names() == names


def test_a_start_says_that_the_interpreter_could_be_read_after_all(venv: Venv) -> None:
    """By whom it was executed with a capability to read every file, as setpriv does."""
    support.require_root()
    assert venv.call(ENABLE).returncode == 0
    user = [f"--reuid={support.USER}", f"--regid={support.USER}", "--clear-groups"]
    start = [support.find_tool("setpriv"), *user, venv.python, "-c", ""]
    assert f"{venv.python} could be read until now: " in support.run(start).stderr


def test_a_hook_gets_the_interpreter_later(linked: Venv) -> None:
    """What is missing is added."""
    before = linked.names()
    assert linked.call("enable").returncode == 0
    assert linked.names() == before
    check(linked.call(ENABLE), 0, "enabled: ")
    assert is_born_hardened(linked)


def make_upgradable(venv: Venv) -> Path:
    """Give the environment a base interpreter of its own, and return that."""
    base = venv.folder.parent / "base"
    shutil.copy2(os.path.realpath(sys.executable), base)
    os.chmod(base, 0o755)
    relink(venv, base, "python3")
    return base


def test_an_upgraded_base_interpreter_is_copied_again(linked: Venv) -> None:
    """Status says that the copy is older; `hook disable` then leads to the new base."""
    base = make_upgradable(linked)
    assert linked.call(ENABLE).returncode == 0
    with base.open("ab") as file:
        file.write(b"\0" * 64)
    status = linked.call("status")
    check(status, 3, f"; its interpreter is older than its base, {base}: ")
    check(linked.call(ENABLE), 0, "; its interpreter is execute-only (")
    assert Path(linked.python).stat().st_size == base.stat().st_size
    check(linked.call("status"), 0, "; its interpreter is execute-only (")
    assert linked.call("disable").returncode == 0
    assert os.path.realpath(linked.python) == str(base)


def test_a_base_interpreter_that_is_gone_is_reported(linked: Venv) -> None:
    """The copy works on, as long as the library of Python is there."""
    base = make_upgradable(linked)
    assert linked.call(ENABLE).returncode == 0
    base.unlink()
    check(linked.call("status"), 3, f"; its interpreter is older than its base, {base}: ")
    check(linked.call(ENABLE), 2, f"{base}: No such file or directory")
    assert is_born_hardened(linked)


def list_changes(command: list[str], log: Path) -> list[tuple[str, int]]:
    """Run a command, and name each change that it makes: a system call, and how often it came."""
    strace = [support.find_tool("strace"), "-o", str(log), "-e", f"trace={CHANGES}"]
    assert support.run_as_user([*strace, *command]).returncode == 0
    counts: dict[str, int] = {}
    changes = []
    for call, status in re.findall(r"^(\w+)\(.* = (-?\d+)", log.read_text(), re.MULTILINE):
        counts[call] = counts.get(call, 0) + 1
        if status == "0":  # a kill before a call that fails is one before the next call
            changes.append((call, counts[call]))
    return changes


@pytest.mark.parametrize("interrupted", [ENABLE, "disable"])
def test_an_interpreter_works_after_a_kill_before_any_change(
    interrupted: str, linked: Venv
) -> None:
    """The next enable or disable completes or undoes what was begun."""
    kept = "python", os.path.basename(os.readlink(linked.python))
    for path in find_python_names(linked):
        if path.name not in kept:  # they take the path of the second
            path.unlink()
    names, paths = linked.names(), find_python_names(linked)
    hook = [victims.find_command(), "hook", *interrupted.split(), "--python", linked.python]

    def prepare() -> None:
        if interrupted == "disable":
            assert linked.call(ENABLE).returncode == 0

    prepare()
    changes = list_changes(hook, linked.folder / "log")
    assert linked.call("disable").returncode == 0
    for i, (call, count) in enumerate(changes):
        prepare()
        inject = f"inject={call}:signal=SIGKILL:when={count}"
        strace = [support.find_tool("strace"), "-o", "/dev/null", "-e", f"trace={call}"]
        killed = support.run_as_user([*strace, "-e", inject, *hook])
        assert killed.returncode == -9, killed.stderr
        for path in paths:
            start = support.run_as_user([str(path), "-c", "print(1)"])
            assert (start.returncode, start.stdout) == (0, "1\n"), (call, count, path)
        repair = ("disable", ENABLE)[i % 2]
        assert linked.call(repair).returncode == 0
        assert is_born_hardened(linked) == (repair == ENABLE)
        assert not list((linked.folder / "bin").glob(f"{UNFINISHED}*"))
        if repair == ENABLE:
            assert linked.call("disable").returncode == 0
        assert linked.names() == names
    assert {call for call, _ in changes} >= {"unlink", "rename"}


def test_an_interpreter_in_use_is_replaced(linked: Venv) -> None:
    """What runs goes on, and what it starts is of the new interpreter."""
    code = (
        "import subprocess, sys\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin:\n"
        "    subprocess.run([sys.executable, '-ISc', sys.argv[1]], check=True)\n"
    )
    owner = "import os; print(os.stat('/proc/self/environ').st_uid)"
    with support.Running([linked.python, "-c", code, owner]) as running:
        assert running.ask("") == str(support.USER)
        for _ in range(2):
            assert linked.call(ENABLE).returncode == 0
            assert running.ask("") == "0"
            os.utime(linked.folder / "bin" / "python", (0, 0))  # older than its base
        assert linked.call("disable").returncode == 0
        assert running.ask("") == str(support.USER)


def test_an_upgrade_by_venv_is_refused_until_it_is_disabled(linked: Venv) -> None:
    """It cannot write to the file; nothing changes."""
    upgrade = [os.path.realpath(sys.executable), "-m", "venv", "--upgrade", "--without-pip"]
    assert linked.call(ENABLE).returncode == 0
    name = Path(upgrade[0]).name
    result = support.run_as_user([*upgrade, str(linked.folder)])
    assert result.returncode == 1
    assert f"Permission denied: '{linked.folder / 'bin' / name}'" in result.stderr + result.stdout
    check(linked.call("status"), 0, "; its interpreter is execute-only (")
    assert linked.call("disable").returncode == 0
    assert support.run_as_user([*upgrade, str(linked.folder)]).returncode == 0
    assert linked.call(ENABLE).returncode == 0


def test_an_upgrade_by_root_is_noticed(linked: Venv) -> None:
    """It writes over the file and makes it readable."""
    support.require_root()
    assert linked.call(ENABLE).returncode == 0
    upgrade = [os.path.realpath(sys.executable), "-m", "venv", "--upgrade", "--without-pip"]
    assert support.run([*upgrade, str(linked.folder)]).returncode == 0
    check(linked.call("status"), 3, "made readable again")
    assert WARNING in support.run_as_user([linked.python, "-c", ""]).stderr
    check(linked.call(ENABLE), 0, "execute-only")
    assert is_born_hardened(linked)


def check_unchanged(
    venv: Venv, result: subprocess.CompletedProcess[str], text: str, before: object
) -> None:
    """Fail unless it was refused with a line with this text, and nothing is changed."""
    check(result, 2, text)
    assert (venv.names(), venv.files()) == before
    assert support.run_as_user([venv.python, "-c", ""]).returncode == 0


@pytest.mark.parametrize(
    ("option", "text"),
    [("ro", ": Read-only file system"), ("noexec", "is the file system mounted noexec?")],
)
def test_a_file_system_that_forbids_it_is_refused(option: str, text: str, linked: Venv) -> None:
    """The environment stays as it was."""
    support.require_root()
    folder = str(linked.folder / "bin")
    before = linked.names(), linked.files()
    hook = [victims.find_command(), "hook", *ENABLE.split(), "--python", linked.python]
    script = (
        f'mount --bind "$0" "$0" && mount -o remount,bind,{option} "$0" && '
        f'exec setpriv --reuid {support.USER} --regid {support.USER} --clear-groups "$@"'
    )
    unshare = [support.find_tool("unshare"), "--mount", "sh", "-c", script, folder]
    check_unchanged(linked, support.run([*unshare, *hook]), text, before)


@pytest.mark.parametrize("value", ["1", "2"])
def test_a_kernel_that_would_not_protect_it_is_refused(
    value: str, linked: Venv, suid_dumpable: support.Sysctl
) -> None:
    """With fs.suid_dumpable 1 a process with an unreadable file can be read; with 2, by root."""
    before = linked.names(), linked.files()
    suid_dumpable.set(value)
    result = linked.call(ENABLE)
    if value == "2":
        check(result, 0, "; its interpreter is execute-only (you can undo it)")
    else:
        check_unchanged(linked, result, "check fs.suid_dumpable", before)


def test_a_full_disk_is_refused(linked: Venv) -> None:
    """In the middle of the copy, as a limit on the size of files shows it too."""
    before = linked.names(), linked.files()
    result = linked.call(
        ENABLE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    )
    check_unchanged(linked, result, f"bin/{UNFINISHED}: File too large", before)


def test_an_environment_of_another_user_is_refused(linked: Venv) -> None:
    """Who may not write there changes nothing."""
    support.require_root()
    os.chown(linked.folder / "bin", 0, 0)
    before = linked.names(), linked.files()
    check_unchanged(linked, linked.call(ENABLE), f"bin/{UNFINISHED}: Permission denied", before)


def test_without_a_descriptor_for_a_second_folder_the_first_is_closed(
    linked: Venv, programs: Path
) -> None:
    """It would stay locked."""
    program = [sys.executable, str(programs / "change_without_descriptors.py")]
    result = support.run_as_user([*program, str(linked.folder / "bin/python")])
    line = f"{linked.folder}/bin: Too many open files\n"
    assert (result.stdout, result.stderr) == (f"{line}{line}0\n", "")


def test_a_folder_in_the_place_of_the_interpreter_is_refused(tmp_path: Path) -> None:
    """The error names it."""
    with pytest.raises(CommandError, match=f"^{tmp_path}: Is a directory$"):
        check_source(str(tmp_path))


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_a_set_user_id_interpreter_is_refused(mode: int, linked: Venv) -> None:
    """A copy would lose the bit."""
    base = make_upgradable(linked)
    os.chmod(base, mode)
    before = linked.names(), linked.files()
    check_unchanged(linked, linked.call(ENABLE), f"{base}: a copy would lose its", before)


def test_an_interpreter_with_capabilities_is_refused(linked: Venv) -> None:
    """A copy would lose them."""
    support.require_root()
    base = make_upgradable(linked)
    assert support.run([support.find_tool("setcap"), "cap_net_raw+ep", str(base)]).returncode == 0
    before = linked.names(), linked.files()
    check_unchanged(linked, linked.call(ENABLE), f"{base}: a copy would lose its", before)


def test_a_script_in_the_place_of_the_interpreter_is_refused(linked: Venv) -> None:
    """The kernel looks at the file that it executes in the end."""
    base = make_upgradable(linked)
    base.write_text(f'#!/bin/bash\nexec -a "$0" {os.path.realpath(sys.executable)} "$@"\n')
    before = linked.names(), linked.files()
    check_unchanged(linked, linked.call(ENABLE), f"{base}: not an ELF program", before)


def test_a_copy_that_does_not_start_is_refused(linked: Venv) -> None:
    """Its own last line is the reason: a library that it needs is beside the base only."""
    base = make_upgradable(linked)
    put_library_beside(base, base.parent / "own")
    before = linked.names(), linked.files()
    check_unchanged(linked, linked.call(ENABLE), "a copy of it does not start: ", before)


def test_a_copy_that_does_not_start_is_refused_if_sigchld_is_ignored(user_tmp: Path) -> None:
    """Its exit status is then 0, whatever happens."""
    copy = shutil.copy(support.find_tool("false"), user_tmp / "python")
    Path(copy).chmod(0o111)
    with support.ignored_sigchld(), pytest.raises(CommandError, match="a copy of it does not sta"):
        check_start(str(copy), "/bin/false")


def put_library_beside(base: Path, folder: Path) -> None:
    """Have an interpreter find one of its libraries in a folder relative to its own ($ORIGIN)."""
    libraries = support.run([support.find_tool("ldd"), str(base)]).stdout
    found = re.search(r"(libz\.so\S*) => (\S+)", libraries)
    assert found
    folder.mkdir()
    shutil.copy(found[2], folder / "libbeside.so")
    rpath = f"$ORIGIN/{os.path.relpath(folder, base.parent)}"
    change = ["--replace-needed", found[1], "libbeside.so", "--set-rpath", rpath]
    assert support.run([support.find_tool("patchelf"), *change, str(base)]).returncode == 0


def test_an_interpreter_that_is_unreadable_already_is_refused(user_tmp: Path) -> None:
    """An environment that is made from an execute-only system interpreter needs no copy."""
    venv = Venv(user_tmp / "venv")
    make_upgradable(venv).chmod(0o111)
    before = venv.names(), venv.files()
    check_unchanged(venv, venv.call(ENABLE), "its processes are already born hardened", before)


@pytest.fixture
def beside(user_tmp: Path) -> Venv:
    """An environment whose base finds a library beside itself, as uv and conda ship it."""
    prefix = user_tmp / "prefix"
    (prefix / "bin").mkdir(parents=True)
    base = prefix / "bin" / "python3"
    shutil.copy(os.path.realpath(sys.executable), base)
    put_library_beside(base, prefix / "lib")
    (prefix / "lib" / "libother.so").touch()
    venv = Venv(user_tmp / "venv")
    relink(venv, base, "python3")
    return venv


def link_library(venv: Venv, name: str) -> None:
    """Make a link as its user could: to a library of the base interpreter."""
    prefix = venv.folder.parent / "prefix"
    (venv.folder / "lib" / name).symlink_to(prefix / "lib" / name)


def list_libraries(venv: Venv) -> list[str]:
    """The links in its folder of libraries."""
    return sorted(path.name for path in (venv.folder / "lib").iterdir() if path.is_symlink())


def test_an_interpreter_with_libraries_beside_it(beside: Venv) -> None:
    """The copy gets links to them, which go with `hook disable`; so does their record."""
    names = beside.names()
    check(beside.call(ENABLE), 0, "; its interpreter is execute-only (")
    assert is_born_hardened(beside)
    assert list_libraries(beside) == ["libbeside.so"]
    assert beside.call(ENABLE).returncode == 0
    assert beside.call("disable").returncode == 0
    assert (list_libraries(beside), beside.names()) == ([], names)


@pytest.mark.parametrize("before", [(), ("enable",), (ENABLE,), (ENABLE, ENABLE)], ids=str)
def test_links_that_the_user_made_stay(beside: Venv, before: tuple[str, ...]) -> None:
    """Even those that the copy needs: `hook disable` removes only what the hook made."""
    own = ["libbeside.so", "libother.so"]
    for name in own:
        link_library(beside, name)
    for command in before:
        assert beside.call(command).returncode == 0
    assert beside.call("disable").returncode == 0
    assert list_libraries(beside) == own


def test_a_link_that_the_user_changed_stays(beside: Venv) -> None:
    assert beside.call(ENABLE).returncode == 0
    link = beside.folder / "lib" / "libbeside.so"
    target = link.resolve()
    link.unlink()
    link.symlink_to(os.path.relpath(target, link.parent))
    assert beside.call("disable").returncode == 0
    assert list_libraries(beside) == ["libbeside.so"]


DAMAGED_RECORDS = {
    "": "Expecting value",
    "\udcff": "'utf-8' codec",
    "[" * 100_000: "recursion",
    '"x"': "the record is not an object",
    '[[1, "x"]]': "the record is not an object",
    '["ab"]': "the record is not an object",
    '{"libbeside.so": 1}': "the record.libbeside.so is not a string",
    '{"../bin/python": "BASE"}': "not in the folder of libraries",
}
"""The record of links, and what is said of it."""


def test_a_damaged_record_of_links_removes_none(beside: Venv) -> None:
    """The interpreter is put back, and one line names the record."""
    base = os.readlink(beside.folder / "bin" / "python")
    names = beside.names()
    path = beside.folder / "bin" / ".process-hardening-links.json"
    assert beside.call(ENABLE).returncode == 0
    assert list_libraries(beside) == ["libbeside.so"]
    for record, problem in DAMAGED_RECORDS.items():
        assert beside.call(ENABLE).returncode == 0
        text = record.replace("BASE", base)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        check(beside.call("disable"), 2, problem)
        assert list_libraries(beside) == ["libbeside.so"]
        with path.open("rb") as file:
            assert file.read() == text.encode("utf-8", "surrogateescape")
        path.unlink()
        assert beside.names() == names

    path.write_text("")
    for command in ("disable", ENABLE):
        check(beside.call(command), 2, "Expecting value")
    path.unlink()
    assert beside.names() == names
    assert beside.call("disable").returncode == 0


def test_a_record_of_links_that_is_a_pipe_is_not_waited_for(beside: Venv) -> None:
    record = beside.folder / "bin" / ".process-hardening-links.json"
    os.mkfifo(record)
    check(beside.call(ENABLE), 2, f"{record}: not a regular file")
    assert record.is_fifo()


@pytest.fixture
def system(user_tmp: Path) -> Venv:
    """An installation that is no virtual environment: conda's, or /usr/local of an image."""
    venv = Venv(user_tmp / "venv")
    link_standard_library(user_tmp / "system")
    folder = user_tmp / "system" / "bin"
    folder.mkdir()
    shutil.copy(os.path.realpath(sys.executable), folder / "python3.11")
    (folder / "python").symlink_to("python3.11")
    venv.folder = user_tmp / "system"
    venv.python = str(folder / "python")
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir(), *(user_tmp / "system" / "lib").iterdir()):
            os.chown(path, support.USER, support.USER, follow_symlinks=False)
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    venv.site_packages = Path(support.run_as_user([venv.python, "-Ic", purelib]).stdout.strip())
    assert user_tmp in venv.site_packages.parents
    victims.copy_package(venv.site_packages / "process_hardening")
    if os.getuid() == 0:
        os.chown(venv.site_packages, support.USER, support.USER)
    return venv


def test_an_interpreter_outside_a_virtual_environment_needs_system(system: Venv) -> None:
    """With --system its own file becomes execute-only, and is put back."""
    before = system.names()
    check(system.call(ENABLE), 2, "is not in a virtual environment: add --system")
    assert system.names() == before
    check(system.call(f"{ENABLE} --system"), 0, "; its interpreter is execute-only (")
    assert is_born_hardened(system)
    assert (system.folder / "bin" / "python").is_symlink()
    assert system.call("disable --system").returncode == 0
    assert system.names() == before


@pytest.mark.parametrize("action", ["disable", "status"])
def test_the_option_goes_with_enable(action: str) -> None:
    """Elsewhere it is a usage error."""
    hook = [victims.find_command(), "hook", action, "--execute-only"]
    check(support.run_as_user(hook), 2, "--execute-only is an option of `hook enable`")
