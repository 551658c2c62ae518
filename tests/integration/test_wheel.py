"""The wheel that `make test` has built: its name, what is in it and nothing else."""

from __future__ import annotations

import base64
import configparser
import csv
import email.message
import email.parser
import hashlib
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import process_hardening as ph
import support

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = {
    "_process_hardening.abi3.so": "PyInit__process_hardening",
    "process_hardening/_confine.abi3.so": "PyInit__confine",
    "process_hardening/_debug_window.abi3.so": "PyInit__debug_window",
    "process_hardening/_launcher.abi3.so": "PyInit__launcher",
    "process_hardening/_secret_memory.abi3.so": "PyInit__secret_memory",
}
"""With the one symbol that each has for others."""
PRELOAD = "process_hardening/libprocess_hardening.so"
# The functions of libc that the preload library answers for: an exec is followed, and a program
# that started in memory finds its own path.
FOLLOWED = {
    *("execl", "execle", "execlp", "execv", "execve", "execveat", "execvp", "execvpe", "fexecve"),
}
NAMING = {
    *("canonicalize_file_name", "readlink", "readlinkat", "realpath"),
    *("__readlink_chk", "__readlinkat_chk", "__realpath_chk"),
}
COMMANDS = {
    "process-hardening": "process_hardening.cli.main:main",
    "process-hardening-tui": "process_hardening.tui.main:main",
}
"""The entry points: command, and the function that an installer makes it call."""
LAUNCHERS = ("harden", "confine")
"""The native commands, which are programs and no entry points."""
DATA = {"injected.c", "report.html.j2", "app.tcss"}
"""The files of the package that are not Python: `verify` compiles the first."""


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The one wheel in build/wheel."""
    wheels = list((ROOT / "build" / "wheel").glob("*.whl"))
    assert len(wheels) == 1, "run tools/prepare.py test"
    return wheels[0]


@pytest.fixture(scope="module")
def archive(wheel: Path) -> Iterator[zipfile.ZipFile]:
    """The wheel, opened."""
    with zipfile.ZipFile(wheel) as file:
        yield file


@pytest.fixture(scope="module")
def extracted(archive: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was unpacked into."""
    folder = tmp_path_factory.mktemp("wheel")
    archive.extractall(folder)
    return folder


def metadata(archive: zipfile.ZipFile, name: str) -> email.message.Message:
    """One of the files in dist-info that are written as headers."""
    text = archive.read(f"{dist_info()}/{name}").decode()
    return email.parser.Parser().parsestr(text)


def dist_info() -> str:
    """The folder of the wheel's own files."""
    return f"process_hardening-{ph.__version__}.dist-info"


def data() -> str:
    """The folder of what goes elsewhere than into the package."""
    return f"process_hardening-{ph.__version__}.data"


def source_files() -> set[str]:
    """What is below src/, by its path there."""
    source = ROOT / "src"
    return {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def shared_files() -> set[str]:
    """What is below share/, by its path in the wheel: a man page, and completions for shells."""
    return {
        f"{data()}/data/{path.relative_to(ROOT)}"
        for path in (ROOT / "share").rglob("*")
        if path.is_file()
    }


def is_python(name: str) -> bool:
    """Whether a file is of a kind that every package has."""
    return name.endswith((".py", ".pyi", "/py.typed"))


def test_it_is_for_every_python_from_3_10(wheel: Path, archive: zipfile.ZipFile) -> None:
    """Tagged as a stable-ABI wheel, in its name and inside."""
    assert re.fullmatch(
        rf"process_hardening-{re.escape(ph.__version__)}-cp310-abi3-[\w.]+\.whl", wheel.name
    )
    inside = metadata(archive, "WHEEL")
    platforms = wheel.stem.rpartition("-")[2].split(".")
    assert sorted(inside.get_all("Tag", [])) == sorted(f"cp310-abi3-{name}" for name in platforms)
    assert inside["Root-Is-Purelib"] == "false"


def test_it_holds_the_package_and_nothing_else(archive: zipfile.ZipFile) -> None:
    """The source tree's files, the libraries, the man page and the completions."""
    own = {
        f"{dist_info()}/{name}"
        for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }
    own |= {f"{data()}/scripts/{name}" for name in LAUNCHERS} | {"process_hardening/confine"}
    expected = source_files() | shared_files() | own | {*EXTENSIONS, PRELOAD}
    assert set(archive.namelist()) == expected


def test_the_source_tree_holds_python_files() -> None:
    """A file of another kind below src/ has its reason."""
    others = {Path(name).name for name in source_files() if not is_python(name)}
    assert others <= DATA


def test_the_record_is_true(archive: zipfile.ZipFile) -> None:
    """Every file, its size and its hash."""
    rows = list(csv.reader(archive.read(f"{dist_info()}/RECORD").decode().splitlines()))
    assert {row[0] for row in rows} == set(archive.namelist())
    for name, digest, size in rows:
        if digest:
            content = archive.read(name)
            sha256 = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            assert (f"sha256={sha256.decode()}", str(len(content))) == (digest, size)


def test_it_needs_nothing_at_run_time(archive: zipfile.ZipFile) -> None:
    """No dependency but those of extras; Python 3.10; the license is in it."""
    about = metadata(archive, "METADATA")
    assert [row for row in about.get_all("Requires-Dist", []) if "extra ==" not in row] == []
    assert about["Requires-Python"] == ">=3.10"
    assert about["License-Expression"] == "Apache-2.0"
    assert about["Name"] == "process-hardening"
    assert about["Version"] == ph.__version__


def test_it_keeps_to_the_stable_abi(wheel: Path) -> None:
    """abi3audit finds no symbol that a later Python may take away."""
    result = support.run([sys.executable, "-m", "abi3audit", "--strict", "--report", str(wheel)])
    assert result.returncode == 0, result.stdout + result.stderr
    assert '"is_abi3": true' in result.stdout


def dynamic(path: Path) -> str:
    """The dynamic section of a library, as readelf prints it."""
    return support.run([support.find_tool("readelf"), "-dlW", str(path)]).stdout


def exported(path: Path) -> set[str]:
    """The symbols that a library offers to others."""
    result = support.run([support.find_tool("nm"), "-D", "--defined-only", str(path)])
    return {line.split()[-1] for line in result.stdout.splitlines()}


def test_the_libraries_show_only_what_they_must(extracted: Path) -> None:
    """A symbol more could take the place of a program's own."""
    for extension, symbol in EXTENSIONS.items():
        assert exported(extracted / extension) == {symbol}
    assert exported(extracted / PRELOAD) == FOLLOWED | NAMING


def test_the_preload_library_needs_no_other(extracted: Path) -> None:
    """So one file serves glibc and musl; the extensions need at most libc."""
    assert "(NEEDED)" not in dynamic(extracted / PRELOAD)
    for extension in EXTENSIONS:
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic(extracted / extension))
        assert set(needed) <= {"libc.so.6"}


@pytest.mark.parametrize("name", [*EXTENSIONS, PRELOAD])
def test_the_libraries_are_hardened_themselves(extracted: Path, name: str) -> None:
    """Stack not executable, relocations read-only, no search path; no folder of the build."""
    text = dynamic(extracted / name)
    assert re.search(r"GNU_STACK .* RW ", text)
    assert "GNU_RELRO" in text
    assert "BIND_NOW" in text or "FLAGS_1" in text
    assert "PATH)" not in text
    assert str(ROOT).encode() not in (extracted / name).read_bytes()


def test_the_commands_are_entry_points(archive: zipfile.ZipFile) -> None:
    """The installer writes them, with a first line that suits the path."""
    text = archive.read(f"{dist_info()}/entry_points.txt").decode()
    parser = configparser.ConfigParser()
    parser.read_string(text)
    assert {name: dict(parser[name]) for name in parser.sections()} == {"console_scripts": COMMANDS}


LONG = "/".join(["a_folder_with_a_name_of_forty_characters_"] * 6)
"""The kernel takes no path of this length in a "#!" line (BINPRM_BUF_SIZE)."""


@pytest.fixture(scope="module")
def installations(wheel: Path) -> Iterator[Callable[[str, str], Path]]:
    """Makes the environment of an installer below a folder of this name, once each."""
    made: dict[tuple[str, str], Path] = {}
    with tempfile.TemporaryDirectory(prefix="ph-installed-") as name:
        Path(name).chmod(0o755)

        def install(installer: str, folder: str) -> Path:
            venv = made.setdefault((installer, folder), Path(name) / installer / folder / "v")
            if not venv.exists():
                venv.parent.mkdir(parents=True)
                INSTALLERS[installer](venv, wheel)
            return venv

        yield install


def run_checked(*argv: str | Path) -> None:
    """Run a command of an installer, which must work."""
    result = support.run(list(map(str, argv)))
    assert result.returncode == 0, result.stdout + result.stderr


def install_by_pip(venv: Path, wheel: Path) -> None:
    """As the README has it."""
    run_checked(sys.executable, "-m", "venv", "--without-pip", venv)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python"]
    run_checked(*pip, "install", "-q", "--no-index", wheel)


def install_by_uv(venv: Path, wheel: Path) -> None:
    """As users of uv do."""
    uv = support.find_tool("uv")
    run_checked(uv, "venv", "-q", "--offline", "--python", sys.executable, venv)
    python = venv / "bin" / "python"
    run_checked(uv, "pip", "install", "-q", "--offline", "--no-index", "--python", python, wheel)


INSTALLERS = {"pip": install_by_pip, "uv": install_by_uv}

every_installation = pytest.mark.parametrize(
    ("installer", "folder"),
    # Nearly all other tests run what pip has installed in a plain folder.
    [("uv", "plain"), *((name, folder) for name in INSTALLERS for folder in ("my venv", LONG))],
    ids=lambda word: "long path" if word == LONG else word,
)


@every_installation
def test_the_commands_start_below_any_path(
    installations: Callable[[str, str], Path], installer: str, folder: str
) -> None:
    """With a blank in it, or too long for a "#!" line; whichever program installs them."""
    venv = installations(installer, folder)
    for command in COMMANDS:
        result = support.run_as_user([str(venv / "bin" / command), "--version"])
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith(f"{command} {ph.__version__} (")


@every_installation
def test_run_and_the_hook_work_below_any_path(
    installations: Callable[[str, str], Path], installer: str, folder: str
) -> None:
    """A program is started hardened, and so is the Python of the environment."""
    venv = installations(installer, folder)
    command, python = str(venv / "bin" / "process-hardening"), str(venv / "bin" / "python")
    verdict = ["-c", "import process_hardening as ph; print(ph.status().verdict)"]
    result = support.run_as_user([command, "run", "--", python, *verdict])
    assert (result.returncode, result.stdout) == (0, "hardened\n")
    # LD_PRELOAD can name no path with a blank in it: what is lost is said, once.
    lost = "programs that it executes are not hardened: LD_PRELOAD cannot name the preload library"
    assert (lost in result.stderr) == (" " in folder)
    assert result.stderr.count("\n") == (" " in folder)

    assert support.run_as_user([python, *verdict]).stdout == "exposed\n"
    for action in ("enable", "status"):
        result = support.run([command, "hook", action])
        assert (result.returncode, result.stderr) == (0, "")
    assert support.run_as_user([python, *verdict]).stdout == "hardened\n"
    assert support.run([command, "hook", "disable"]).returncode == 0


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_command_and_the_module_are_one(python: str, command: str, option: str) -> None:
    """`python -m process_hardening` says the same."""
    by_command = support.run_as_user([command, option])
    by_module = support.run_as_user([python, "-m", "process_hardening", option])
    assert by_command.returncode == by_module.returncode == 0
    assert by_command.stdout == by_module.stdout
    assert by_command.stderr == by_module.stderr == ""
    assert by_command.stdout.strip()


@pytest.mark.parametrize("folder", ["plain", "my venv"])
def test_verify_names_a_path_with_a_blank_as_the_cause_of_its_leaks(
    installations: Callable[[str, str], Path], folder: str
) -> None:
    """LD_PRELOAD cannot name the library there, so nothing follows an exec."""
    command = str(installations("pip", folder) / "bin" / "process-hardening")
    words = [command, "verify", "--json", "--attack", "exec-env", "--victim", "execute-only"]
    result = support.run_as_user(words)
    assert result.returncode == (1 if " " in folder else 0), result.stderr
    notes = [note for note in json.loads(result.stdout)["notes"] if note.startswith("exec-*: ")]
    assert len(notes) == (" " in folder)
    assert all("install the package in a path without blanks" in note for note in notes)


def test_the_version_has_what_a_bug_report_needs(command: str) -> None:
    """On one line: the interpreter, the kernel and the C library."""
    kernel = os.uname()
    line = support.run_as_user([command, "--version"]).stdout
    python = ".".join(map(str, sys.version_info[:3]))
    assert line.startswith(f"process-hardening {ph.__version__} (cpython {python}")
    assert f", {kernel.sysname} {kernel.release} {kernel.machine}, " in line
    assert line.endswith(f"{os.confstr('CS_GNU_LIBC_VERSION')})\n")


def test_the_command_alone_says_what_to_do_first(command: str) -> None:
    """One command for each purpose, on one screen."""
    result = support.run_as_user([command])
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) < 24
    for first in ("harden PROGRAM", "confine PROGRAM", "process-hardening audit"):
        assert first in result.stdout


def test_help_is_a_command_too(command: str) -> None:
    """`help COMMAND` prints what `COMMAND --help` does, and `help` what `--help` does."""
    for words in ([], ["audit"], ["run"]):
        by_word = support.run_as_user([command, "help", *words])
        by_option = support.run_as_user([command, *words, "--help"])
        assert (by_word.returncode, by_word.stdout) == (0, by_option.stdout)
