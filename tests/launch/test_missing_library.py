"""Where the library cannot be loaded when a process becomes another program, exec fails.

Only below another root, where a container or a chroot has hidden it, the program runs unchanged.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import starts
import support
from process_hardening.environment import PRELOAD_LIBRARY

PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(scope="module")
def show_musl(make: support.Compiler) -> str:
    """The same program for musl's loader."""
    return str(make("show.c", name="show-musl", cc="musl-gcc"))


@pytest.fixture
def installed(harden: str, user_tmp: Path) -> tuple[str, Path]:
    """The command and its library in a folder that the unprivileged user can change."""
    (user_tmp / "bin").mkdir()
    library = user_tmp / "lib" / "process-hardening" / "libprocess_hardening.so"
    library.parent.mkdir(parents=True)
    shutil.copy(harden, user_tmp / "bin" / "harden")
    shutil.copy(PRELOAD_LIBRARY, library)
    for path in (library, library.parent, library.parent.parent):
        shutil.chown(path, support.USER, support.USER)
    return str(user_tmp / "bin" / "harden"), library


def test_the_library_is_found_there(installed: tuple[str, Path], show: str) -> None:
    """The control: what becomes another program stays hardened."""
    command, _ = installed
    shown = starts.show([command, "sh", "-c", 'exec "$@"', "sh", show])
    assert shown.value("dumpable") == "0"


# What happens to the library while the program runs, and what exec says then.
FAULTS = {
    "removed": ("rm $library", "needed shared library"),
    "unreadable": ("chmod 0 $library", "needed shared library"),
    "behind a folder that is closed": ("chmod 0 ${library%/*}", "needed shared library"),
    "empty": (": > $library.new; mv $library.new $library", "corrupted shared library"),
    "of another architecture": ("mv $library.foreign $library", "corrupted shared library"),
}
STARTS = {
    "itself": ([], 'exec "$@"'),
    "a child": (["--children"], '"$@"; exit $?'),
}


@pytest.mark.parametrize("libc", ["glibc", "musl"])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_hardened_is_not_started(
    fault: str, start: str, libc: str, installed: tuple[str, Path], show: str, show_musl: str
) -> None:
    """Of either libc: musl's loader would go on without the library and without a word."""
    command, library = installed
    foreign = bytearray(library.read_bytes())
    foreign[4] ^= 3  # EI_CLASS: 32 bits instead of 64, or the other way
    library.with_suffix(".so.foreign").write_bytes(foreign)
    options, run = STARTS[start]
    change, error = FAULTS[fault]
    script = f"library={library}; {change}; {run}"
    program = show if libc == "glibc" else show_musl
    result = support.run_as_user([command, *options, "sh", "-c", script, "sh", program])
    if library.parent.exists():
        library.parent.chmod(0o755)
    assert (result.returncode, result.stdout) == (126, "")
    assert error in result.stderr


def test_a_library_that_an_upgrade_replaces_goes_on_following(
    installed: tuple[str, Path], show: str
) -> None:
    """Another file under the same path, as pip writes it."""
    command, library = installed
    script = f'cp {library} {library}.new; rm {library}; mv {library}.new {library}; exec "$@"'
    assert starts.show([command, "sh", "-c", script, "sh", show]).value("dumpable") == "0"


def test_a_library_that_may_not_be_executed(installed: tuple[str, Path], show_musl: str) -> None:
    """Its file system is mounted noexec while the program runs."""
    support.require_root()
    command, library = installed
    folder = library.parent
    mounts = f"mount --bind {folder} {folder}"
    script = f'mount -o remount,bind,noexec {folder}; exec "$@"'
    become = f"{mounts} && exec {command} sh -c '{script}' sh {show_musl}"
    result = support.run(["unshare", "--mount", "sh", "-c", become])
    assert (result.returncode, result.stdout) == (126, "")
    assert "Operation not permitted" in result.stderr


def test_a_library_that_another_mount_namespace_hides(
    installed: tuple[str, Path], show: str
) -> None:
    """A program that made itself other files runs as without us."""
    support.require_root()
    command, library = installed
    program = ["/usr/bin/python3", f"{PROGRAMS}/hide_folder.py", str(library.parent), show]
    result = support.run([command, *program])
    assert (result.returncode, result.stderr) == (0, "")
    assert starts.Shown(result.stdout).value("dumpable") == "1"


def test_a_library_that_a_chroot_hides(harden: str, make: support.Compiler, user_tmp: Path) -> None:
    """A program that becomes another one below a chroot without the library runs as without us."""
    support.require_root()
    static = make("show.c", "-static", name="show-static")
    shutil.copy(static, user_tmp / "show")
    words = ["chroot", str(user_tmp), "/show"]
    result = support.run([harden, *words])
    assert (result.returncode, result.stderr) == (0, "")
    assert starts.Shown(result.stdout).value("dumpable") == "1"


@pytest.mark.parametrize("limit", range(8))
def test_few_descriptors(limit: int, harden: str, show: str, show_musl: str) -> None:
    """A program of either libc is hardened, or not started where none is left for the library."""
    for program in (show, show_musl):
        script = f'ulimit -n {limit}; exec "$@"'
        result = support.run_as_user([harden, "sh", "-c", script, "sh", program])
        if limit > 3:
            assert starts.Shown(result.stdout).value("dumpable") == "0"
        else:
            assert (result.returncode, result.stdout) == (126, "")
            assert "Too many open files" in result.stderr


@pytest.mark.parametrize("limit", range(1000, 5000, 250))
def test_little_memory(limit: int, harden: str, show: str) -> None:
    """A program of glibc is hardened, or does not start: its libc has no room either."""
    script = f'ulimit -v {limit}; exec "$@"'
    result = support.run_as_user([harden, "sh", "-c", script, "sh", show])
    if result.returncode:
        assert result.stdout == ""
    else:
        assert starts.Shown(result.stdout).value("dumpable") == "0"


def test_a_full_table_of_descriptors(harden: str, show: str, show_musl: str) -> None:
    """Those that exec closes leave room for the library."""
    for program in (show, show_musl):
        words = [harden, "/usr/bin/python3", f"{PROGRAMS}/fill_descriptors.py", program]
        assert starts.show(words).value("dumpable") == "0"
        kept = support.run_as_user([*words, "kept"])
        assert (kept.returncode, kept.stdout) == (1, "")
        assert "Too many open files" in kept.stderr


def test_the_launcher_refuses_a_damaged_library(installed: tuple[str, Path], show: str) -> None:
    """It says so where it would have to be loaded."""
    command, library = installed
    library.write_bytes(b"")
    assert "damaged" in starts.refused(support.run_as_user([command, "--children", show]))
    started = support.run_as_user([command, show])
    assert starts.Shown(started.stdout).value("dumpable") == "0"
    assert started.stderr.count("damaged") == 1


@pytest.mark.parametrize("folder", ["a$LIB", "a${ORIGIN}", "a\tb", "a b", "a:b"])
def test_a_path_that_ld_preload_cannot_name_is_refused(
    harden: str, show: str, show_musl: str, user_tmp: Path, folder: str
) -> None:
    """A loader would expand it or cut it in two, and start the program without the library."""
    command = str(user_tmp / folder / "bin" / "harden")
    library = user_tmp / folder / "lib" / "process-hardening"
    for file, to in ((harden, Path(command).parent), (PRELOAD_LIBRARY, library)):
        to.mkdir(parents=True)
        shutil.copy(file, to)
    for program in (show, show_musl):
        for option in ("--method=preload", "--children"):
            refused = support.run_as_user([command, option, program])
            assert "LD_PRELOAD cannot name" in starts.refused(refused)
        started = support.run_as_user([command, program])
        assert starts.Shown(started.stdout).value("dumpable") == "0"
        assert "programs that it executes are not hardened: LD_PRELOAD cannot" in started.stderr
