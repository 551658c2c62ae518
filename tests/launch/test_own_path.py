"""In memory, where the kernel calls it /memfd:NAME, our library answers for a program's path."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import starts
import support

IN_MEMORY = starts.refusing("setns=EPERM")


@pytest.mark.parametrize("method", ["execute-only", "copy"])
@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
def test_every_function_gives_the_path_that_it_gives_without_harden(
    harden: str, make: support.Compiler, cc: str, method: str
) -> None:
    """Also what the functions say of other files, and their errors, are the same."""
    flags = ("-Wno-stringop-overflow", "-Wno-array-bounds", "-Wno-nonnull")
    program = str(make("own_path.c", *flags, name=f"own_path-{cc}", cc=cc))
    plain = support.run_as_user([program])
    hardened = support.run_as_user([*IN_MEMORY, harden, "--method", method, program])

    assert f"readlink /proc/self/exe: {len(program)} {program} 0\n" in plain.stdout
    assert (hardened.returncode, hardened.stdout) == (0, plain.stdout)


def test_another_file_in_memory_keeps_its_name(harden: str) -> None:
    """Only this process's own image is answered for."""
    code = "import os; print(os.readlink(f'/proc/self/fd/{os.memfd_create(str(7))}'))"
    result = support.run_as_user([*IN_MEMORY, harden, "/usr/bin/python3", "-c", code])

    assert result.stdout == "/memfd:7 (deleted)\n", result.stderr


@pytest.mark.parametrize("options", [[], ["--children"]], ids=["alone", "with --children"])
def test_an_image_that_executes_itself_again_keeps_its_path(
    harden: str, show: str, options: list[str]
) -> None:
    """In the same process, and as a child: /proc/self/exe is the image in memory."""
    again = starts.show([*IN_MEMORY, harden, *options, show, "again", "0"])
    script = "import subprocess; subprocess.run(['/proc/self/exe', '-c', CODE], check=True)"
    code = "import os; print(os.readlink('/proc/self/exe'), *os.environ)"
    words = ["/usr/bin/python3", "-c", script.replace("CODE", repr(code))]
    child = support.run_as_user([*IN_MEMORY, harden, *options, *words], env={"A": "1"})

    assert again.value("exe") == os.path.realpath(show)
    path, *names = child.stdout.split()
    assert path == os.path.realpath(words[0]), child.stderr
    assert "PROCESS_HARDENING_PROGRAM" not in names
    assert options or not {name for name in names if name.startswith(("LD_", "PROCESS_"))}


def test_nothing_of_the_name_in_memory_is_left_behind_a_shorter_path(harden: str) -> None:
    """Programs that read the path into a zeroed buffer need not look at its length."""
    python = os.path.realpath("/usr/bin/python3")
    program = str(Path(__file__).with_name("programs") / "read_into_zeros.py")
    assert len(python) < len(f"/memfd:{os.path.basename(python)} (deleted)")

    result = support.run_as_user([*IN_MEMORY, harden, python, program])

    assert result.stdout == f"True {python}\n", result.stderr


NODE_FORK = """\
const { fork } = require('child_process')
if (process.argv[2] === 'kid') process.send('hello from the worker')
else fork(__filename, ['kid'])
  .on('message', (text) => console.log(text))
  .on('error', (e) => console.log('ERR', e.code, e.path))
"""
NODE_CLUSTER = """\
const cluster = require('cluster')
if (cluster.isPrimary) {
  cluster.fork().on('message', (m) => console.log(m)).on('exit', () => process.exit(0))
} else process.send('hello', () => process.exit(0))
"""
NODE_SPAWN = """\
const { spawnSync } = require('child_process')
console.log(spawnSync(process.execPath, ['-p', '6 * 7']).stdout.toString(), process.execPath)
"""
RUST = """\
fn main() {
    println!("{:?}", std::env::current_exe());
    println!("{:?}", std::fs::canonicalize("/proc/self/exe"));
}
"""
CPP = """\
#include <filesystem>
#include <iostream>
int main() {
    std::cout << std::filesystem::canonical("/proc/self/exe") << "\\n"
              << std::filesystem::read_symlink("/proc/self/exe") << "\\n";
}
"""
PYTHON = (
    "import os, sys; print(sys.executable, os.readlink('/proc/self/exe'),"
    " os.path.realpath('/proc/self/exe'), open('/proc/self/comm').read())"
)
OPEN3 = 'my $p = open3(my $i, my $o, undef, $^X, "-e", "print 8"); print <$o>'
# name: the program and its arguments; "\n" in one: it is a file's text, and the name ends in ".js"
REAL = {
    "node fork": ("node", NODE_FORK),
    "node cluster": ("node", NODE_CLUSTER),
    "node spawn": ("node", NODE_SPAWN),
    "perl": ("perl", "-e", 'print "$^X $0"; exit system $^X, "-e", "print 7"'),
    "perl IPC::Open3": ("perl", "-MIPC::Open3", "-e", OPEN3),
    "Debian's python": ("/usr/bin/python3", "-c", PYTHON),
    "clang": ("clang", "-print-resource-dir"),
    "realpath": ("realpath", "/proc/self/exe"),
    "readlink -f": ("readlink", "-f", "/proc/self/exe"),
    "bash": ("bash", "-c", "echo $BASH $0; exec readlink /proc/self/exe"),
    "php": ("php", "-r", "echo PHP_BINARY, readlink('/proc/self/exe');"),
    "ruby": ("ruby", "-e", "puts RbConfig.ruby, File.readlink('/proc/self/exe')"),
    "gcc": ("gcc", "-print-search-dirs"),
    "qemu": ("qemu-system-x86_64", "-machine", "none", "-L", "help"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_programs_find_themselves(harden: str, user_tmp: Path, name: str) -> None:
    """They say and do the same in memory as without `harden`."""
    program, *arguments = REAL[name]
    path = support.find_tool(program) if "/" not in program else program
    if arguments[0].endswith("\n"):
        script = user_tmp / "script.js"
        script.write_text(arguments[0])
        arguments = [str(script)]

    plain = support.run_as_user([path, *arguments], cwd=user_tmp)
    hardened = support.run_as_user([*IN_MEMORY, harden, path, *arguments], cwd=user_tmp)

    assert "ERR" not in plain.stdout
    assert (hardened.returncode, hardened.stdout, hardened.stderr) == (
        plain.returncode,
        plain.stdout,
        plain.stderr,
    )


@pytest.mark.parametrize(
    ("source", "compiler"),
    [
        (RUST, ["rustc", "-o", "own", "own.rs"]),
        (CPP, ["c++", "-std=c++17", "-o", "own", "own.cpp"]),
    ],
    ids=["Rust", "C++"],
)
def test_libraries_of_other_languages_find_themselves(
    harden: str, tmp_path: Path, source: str, compiler: list[str]
) -> None:
    """They call libc's functions."""
    if not shutil.which(compiler[0]):
        support.fail_or_skip(compiler[0])
    (tmp_path / compiler[-1]).write_text(source)
    support.run(compiler, cwd=tmp_path, check=True, timeout=300)
    program = str(tmp_path / "own")
    results = [support.run([*words, program]) for words in ([], [*IN_MEMORY, harden])]

    assert results[0].stdout.count(program) == 2
    assert results[1].stdout == results[0].stdout


def test_explain_says_what_the_program_sees_as_its_own_path(
    harden: str, show: str, make: support.Compiler
) -> None:
    """A static program cannot load the library: it sees the name of the memfd."""
    static = str(make("show.c", "-static", name="show-static"))
    lines = {
        path: support.run_as_user([*IN_MEMORY, harden, "--explain", path]).stdout
        for path in (show, static)
    }

    assert f"own path:         {os.path.realpath(show)} from libc" in lines[show]
    assert "own path:         /memfd:NAME (deleted)\n" in lines[static]
    assert starts.show([*IN_MEMORY, harden, static]).value("exe") == "/memfd:show-static (deleted)"
