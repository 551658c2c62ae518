"""A hardened program is born non-dumpable, and otherwise what it is without `harden`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import starts
import support

# name: compiler, flags
BUILDS = {
    "dynamic": ("cc", ()),
    "dynamic, fixed addresses": ("cc", ("-no-pie",)),
    "static": ("cc", ("-static",)),
    "static, position-independent": ("cc", ("-static-pie",)),
    "aligned to 2 MiB": (
        "cc",
        ("-DALIGNMENT=0x200000", "-Wl,-z,max-page-size=0x200000"),
    ),
    "executable stack": ("cc", ("-z", "execstack")),
    "executable stack, static": ("cc", ("-static", "-z", "execstack")),
    "segments of their own pages": ("cc", ("-Wl,-z,separate-code",)),
    "segments joined": ("cc", ("-Wl,-z,noseparate-code",)),
    "musl": ("musl-gcc", ()),
    "musl, static": ("musl-gcc", ("-static",)),
}
CHANGED = ("dumpable", "root owns", "execfn")
"""What `harden` is there to change, and AT_EXECFN, which names the resolved path."""


def unchanged(lines: list[str]) -> list[str]:
    """The lines of `show` that must be the same with and without `harden`."""
    return [line for line in lines if not line.startswith(CHANGED)]


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("method", ["execute-only", "copy"])
def test_every_kind_of_c_program_starts_unchanged(
    harden: str, make: support.Compiler, build: str, method: str
) -> None:
    cc, flags = BUILDS[build]
    program = str(make("show.c", *flags, name=f"show-{build.replace(' ', '-')}", cc=cc))

    plain = starts.show([program, "a", "0"])
    hardened = starts.show([harden, "--method", method, "--", program, "a", "0"])

    assert plain.value("dumpable") == "1"
    assert (hardened.value("dumpable"), hardened.value("root owns")) == ("0", "1")
    assert unchanged(hardened.lines) == unchanged(plain.lines)


def test_at_execfn_is_the_resolved_path_of_the_program(harden: str, show: str) -> None:
    assert starts.show([harden, show]).value("execfn") == os.path.realpath(show)


def test_a_program_that_starts_itself_again_is_born_hardened_again(harden: str, show: str) -> None:
    again = starts.show([harden, show, "again", "0"])

    assert (again.value("dumpable"), again.value("root owns")) == ("0", "1")
    assert again.value("image") == os.path.realpath(show)


def test_comm_is_the_last_part_of_the_name_that_was_executed(
    harden: str, show: str, user_tmp: Path
) -> None:
    (user_tmp / "another-name").symlink_to(show)

    assert starts.show([harden, str(user_tmp / "another-name")]).value("comm") == "another-name"


@pytest.mark.parametrize("name", ["x" * 254, "with blank", "näme"])
def test_the_programs_name_may_be_any_file_name(
    harden: str, show: str, user_tmp: Path, name: str
) -> None:
    path = user_tmp / name
    shutil.copy(show, path)
    path.chmod(0o755)

    assert starts.show([harden, str(path)]).value("image") == str(path)


NODE_FORK = """\
const { fork } = require('child_process')
if (process.argv[2] === 'kid') process.send('hello from the worker')
else fork(__filename, ['kid'])
  .on('message', (text) => console.log(text))
  .on('error', (e) => console.log('ERR', e.code, e.path))
"""
NODE_CLUSTER = """\
const cluster = require('cluster')
if (cluster.isPrimary) cluster.fork().on('message', console.log).on('exit', () => process.exit(0))
else process.send('hello', () => process.exit(0))
"""
PYTHON = """\
import ctypes, os, ssl, sys
print(sys.executable, sys.prefix, os.readlink("/proc/self/exe"), open("/proc/self/comm").read())
"""
# name: the program, its arguments
REAL = {
    "node fork": ("node", (NODE_FORK,)),
    "node cluster": ("node", (NODE_CLUSTER,)),
    "node": ("node", ("-p", "[process.execPath, process.title, process.argv0]")),
    "Debian's python": ("/usr/bin/python3", ("-c", PYTHON)),
    "a venv's python": (sys.executable, ("-c", PYTHON)),
    "perl": ("perl", ("-e", 'print "$^X $0"; exit system $^X, "-e", "print 7"')),
    "perl IPC::Open3": (
        "perl",
        (
            "-MIPC::Open3",
            "-e",
            'my $p = open3(my $i, my $o, undef, $^X, "-e", "print 8"); print <$o>',
        ),
    ),
    "java": ("java", ("-XshowSettings:properties", "-version")),
    "bash": ("bash", ("-c", "echo $BASH $0; exit 3")),
    "git": ("git", ("--version",)),
    "gcc": ("gcc", ("-print-search-dirs",)),
    "qemu": ("qemu-system-x86_64", ("--version",)),
    "env": ("env", ("-i", "A=1", "/usr/bin/env")),
}


@pytest.mark.parametrize("name", REAL)
def test_real_programs_say_and_do_the_same(harden: str, user_tmp: Path, name: str) -> None:
    program, arguments = REAL[name]
    path = support.find_tool(program) if "/" not in program else program
    if "\n" in arguments[0]:
        script = user_tmp / "script.js"
        script.write_text(arguments[0])
        arguments = (str(script),)

    plain = support.run_as_user([path, *arguments], cwd=user_tmp)
    hardened = support.run_as_user([harden, path, *arguments], cwd=user_tmp)

    assert "ERR" not in plain.stdout
    assert (hardened.returncode, hardened.stdout, hardened.stderr) == (
        plain.returncode,
        plain.stdout,
        plain.stderr,
    )


def test_root_starts_programs_that_are_hardened_and_keep_its_capabilities(
    harden: str, show: str
) -> None:
    support.require_root()
    shown = starts.Shown(support.run([harden, show]).stdout)
    plain, hardened = (
        support.run([*words, "grep", "Cap", "/proc/self/status"]).stdout for words in ([], [harden])
    )

    assert (shown.value("dumpable"), shown.value("image")) == ("0", os.path.realpath(show))
    assert hardened == plain
