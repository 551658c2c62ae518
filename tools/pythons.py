"""The one wheel with every Python: installed and used, or refused with a clear message.

    python -m tools.pythons [--record] [NAME ...]     # no name: all

The interpreters of this machine (pyenv's too) are used where they are. The others live in trees
that debootstrap makes; the free-threaded one is built there from Debian's source, for Debian has
no package of it. An interpreter that refuses the wheel must be able to build from the source.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import debian
from tools.results import FAILED, REFUSED, WORKS, Row, record

ROOT = Path(__file__).resolve().parent.parent
NOBODY = "65534:65534"

# What the trees hold beside Debian's base system.
TREES = {
    "trixie": [
        *("python3", "pypy3"),  # the interpreters
        *("python3-pip", "pypy3-dev", "gcc", "g++", "libc6-dev", "cmake", "ninja-build"),
        *("make", "zlib1g-dev", "xz-utils"),  # for the free-threaded Python
    ],
    "forky": ["python3", "python3.15"],
}


@dataclass(frozen=True)
class Interpreter:
    """An interpreter to try.

    version -- what sys.version_info begins with; None where the wheel is refused
    tree -- the Debian release it is in; "": this machine
    program -- its path there
    """

    version: tuple[int, int] | None
    tree: str = ""
    program: str = ""


REFUSAL = "is not a supported wheel on this platform"
FREE_THREADED = "/opt/python3.13t/bin/python3.13t"
INTERPRETERS = {
    "CPython 3.10": Interpreter((3, 10)),
    "CPython 3.11": Interpreter((3, 11)),
    "CPython 3.12": Interpreter((3, 12)),
    "CPython 3.13": Interpreter((3, 13)),
    "CPython 3.13, trixie": Interpreter((3, 13), "trixie", "/usr/bin/python3.13"),
    "CPython 3.14, forky": Interpreter((3, 14), "forky", "/usr/bin/python3.14"),
    "CPython 3.15, forky": Interpreter((3, 15), "forky", "/usr/bin/python3.15"),
    "CPython 3.13t, trixie": Interpreter(None, "trixie", FREE_THREADED),
    "PyPy 3.11, trixie": Interpreter(None, "trixie", "/usr/bin/pypy3"),
}

ASK = (
    "import sys, json; print(json.dumps("
    "[sys.implementation.name, list(sys.version_info[:2]), sys.executable]))"
)
PROGRAM = """
import gc, json, logging, os
import process_hardening as ph
from process_hardening import _native
before = ph.status()
report = ph.pre_main_hardening()
after = ph.status()
assert ph.harden(ph.STRICT).no_new_privs == "applied"
try:
    ph.harden(1)
except TypeError:
    pass
with ph.SecretBuffer(b"secret") as secret:
    with memoryview(secret)[2:] as view:
        assert bytes(view) == b"cret", bytes(view)
    assert bytearray(secret) == b"secret"
    gc.collect()  # PyPy gives buffers back no earlier
os.environ["TOKEN"] = "1"
assert ph.take_env("TOKEN") == "1" and "TOKEN" not in os.environ
logging.disable()
with ph.watch(0.01), ph.debuggable(1):
    assert ph.status().inspectable
assert not ph.recheck()
print(json.dumps({
    "file": os.path.basename(_native.__file__),
    "before": before.verdict,
    "after": after.verdict,
    "removed": sorted(report.removed),
    "forwarded": ph.child_env().get("LD_LIBRARY_PATH"),
    "left": [name for name in os.environ if name.startswith("LD_")],
    "dumpable": after.dumpable,
    "core_limit": after.core_limit,
}))
"""
EXPECTED = {
    "before": "exposed",
    "after": "hardened",
    "removed": ["LD_LIBRARY_PATH", "LD_Y"],
    "forwarded": "/x",
    "left": [],
    "dumpable": 0,
    "core_limit": [0, 0],
}

VICTIMS = ("pre-main", "reexec", "execute-only", "preload", "in-process", "interpreter")
"""Those that an ordinary user can start where the commands are not installed."""

# A program with a secret in the name of a function, and a look at its stack from outside: plain
# and hardened. It prints what each look gave.
UNWINDER = """
import subprocess, sys, _remote_debugging
canary = sys.argv[1]
victim = f'''
import sys
if sys.argv[1:]:
    import process_hardening
    process_hardening.pre_main_hardening()
def {canary}():
    print("ready", flush=True)
    sys.stdin.read()
{canary}()
'''
for arguments in ([], ["hardened"]):
    process = subprocess.Popen(
        [sys.executable, "-c", victim, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    try:
        found = canary in repr(_remote_debugging.RemoteUnwinder(process.pid).get_stack_trace())
        print("leaked" if found else "nothing")
    except Exception as error:
        print(type(error).__name__)
    assert process.poll() is None
    process.communicate()
"""


def here(minor: int) -> list[str]:
    """The CPython interpreters 3.MINOR of this machine, each once; a shim may lead to none."""
    name = f"python3.{minor}"
    paths = [sys.executable, *(os.path.join(folder, name) for folder in os.get_exec_path())]
    for root in (os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv")):
        if root:
            paths += sorted(glob.glob(f"{root}/versions/3.{minor}.*/bin/{name}"))
    found: dict[str, str] = {}
    for path in paths:
        if not os.access(path, os.X_OK):
            continue
        try:
            implementation, version, executable = json.loads(debian.run([path, "-I", "-c", ASK]))
        except (debian.MatrixError, ValueError):
            continue
        if (implementation, version) == ("cpython", [3, minor]):
            found.setdefault(os.path.realpath(executable), executable)
    return list(found.values())


def wheel() -> Path:
    """The wheel that tools/prepare.py built."""
    (found,) = (ROOT / "build" / "wheel").glob("*.whl")
    return found


def pip() -> list[str]:
    """The command of our own pip."""
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def install(version: tuple[int, int], folder: Path) -> None:
    """Put the wheel into a folder, as pip would for this version."""
    offline = ["--no-index", "--no-deps", "--no-compile", "--only-binary=:all:"]
    wanted = f"--python-version={version[0]}.{version[1]}"
    debian.run([*pip(), "install", *offline, wanted, "--target", folder, wheel()])


def use(argv: Sequence[str], packages: str, warnings: str = "error") -> str:
    """Run PROGRAM with an interpreter and return the name of the extension that it loaded."""
    env = [f"PYTHONPATH={packages}", "LD_LIBRARY_PATH=/x", "LD_Y=1"]
    # env(1) gives them to the interpreter alone: chroot(1) and its like load libraries too.
    command = [*argv[:-1], "/usr/bin/env", *env, argv[-1], "-W", warnings, "-c", PROGRAM]
    output = debian.run(command)
    try:
        seen = json.loads(output)
        name = f"`{seen.pop('file')}`"
    except (ValueError, LookupError):
        raise debian.MatrixError(f"{argv[-1]}: {output}") from None
    if seen != EXPECTED:
        raise debian.MatrixError(f"{argv[-1]}: {seen}")
    return name


def attack(argv: Sequence[str]) -> str:
    """Attack with what Python 3.14 brings along, and return what was seen."""
    verify = [*argv, "-m", "process_hardening", "verify", "--json"]
    chosen = [word for name in VICTIMS for word in ("--victim", name)]
    output = debian.run([*verify, *chosen, "--attack", "remote-exec", "--attack", "pdb"])
    seen = []
    for row in json.loads(output)["attacks"]:
        outcomes = {name: cell["outcome"] for name, cell in row["victims"].items()}
        if row["control"] != "leaked" or set(outcomes.values()) != {"blocked"}:
            raise debian.MatrixError(f"{row['name']}: control {row['control']}, {outcomes}")
        seen.append(row["name"])
    looks = debian.run([*argv, "-c", UNWINDER, f"canary_{secrets.token_hex(8)}"]).split()
    if looks != ["leaked", "PermissionError"]:
        raise debian.MatrixError(f"_remote_debugging: {looks}")
    return f"{', '.join([*seen, '_remote_debugging'])}: leaked from the control, blocked"


def try_refused(tree: Path, argv: Sequence[str]) -> str:
    """See the wheel refused, build from the source instead; returns what was seen."""
    inside = "/srv/process-hardening"
    folder = tree / inside[1:]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(wheel(), folder)
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns("build", ".*"))
    # What pyproject.toml builds with, but for CMake and Ninja, which are Debian's.
    pure = ["--only-binary=:all:", "--python-version=3.11", "--platform=any"]
    debian.run([*pip(), "download", "-d", folder, *pure, "scikit-build-core>=1.1"])

    debians = ["/usr/bin/env", "PYTHONPATH=/usr/lib/python3/dist-packages"]  # has pip
    command = [*argv[:-1], *debians, argv[-1], "-m", "pip", "install", "--no-index"]
    try:
        debian.run([*command, "--target", f"{inside}/none", f"{inside}/{wheel().name}"])
    except debian.MatrixError as error:
        if REFUSAL not in str(error):
            raise
    else:
        raise debian.MatrixError("the wheel was not refused")
    built = [f"--find-links={inside}", "--target", f"{inside}/built", f"{inside}/source"]
    debian.run([*command, *built], log=debian.CACHE / "pythons.log")
    # Without a global lock, Python warns that the import switches it on.
    seen = use(argv, f"{inside}/built", warnings="ignore")
    shutil.rmtree(folder)
    return f"pip: {REFUSAL}; built from source, it works: {seen}"


def build_free_threaded(tree: Path) -> None:
    """Build CPython without the global lock from Debian's source."""
    if (tree / FREE_THREADED[1:]).exists():
        return
    source = debian.source("trixie", "python3.13")
    target = tree / "usr" / "src" / "python"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    (archive,) = source.glob("*.orig.tar.xz")
    debian.run(["tar", "-xf", archive, "--strip-components=1", "-C", target])
    prefix = Path(FREE_THREADED).parent.parent
    steps = (
        # Not optimized: that would take most of the time.
        f"cd /usr/src/python && OPT=-O0 ./configure --prefix={prefix} --disable-gil"
        " --disable-test-modules --without-ensurepip && make -j2 && make install"
    )
    debian.run(
        [*debian.enter(tree), "/bin/sh", "-c", steps], log=debian.CACHE / "free-threaded.log"
    )
    shutil.rmtree(target)


def try_here(version: tuple[int, int]) -> str:
    """Use the wheel with the interpreters of this machine; returns what was seen."""
    found = here(version[1])
    if not found:
        raise debian.MissingError(
            f"there is no CPython {version[0]}.{version[1]} here: `pyenv install` it"
        )
    with tempfile.TemporaryDirectory(prefix="ph-pythons-") as folder:
        install(version, Path(folder))
        names = {use([path], folder) for path in found}
    return ", ".join(sorted(names))


def try_in_tree(interpreter: Interpreter) -> str:
    """Use the wheel in a tree, or see it refused there; returns what was seen."""
    tree = debian.tree(interpreter.tree, TREES[interpreter.tree])
    if interpreter.program == FREE_THREADED:
        build_free_threaded(tree)
    argv = [*debian.enter(tree), interpreter.program]
    if interpreter.version is None:
        return try_refused(tree, argv)
    # Where Debian's Python looks by itself: verify starts its own processes without PYTHONPATH.
    minor = interpreter.version[1]
    inside = f"/usr/local/lib/python3.{minor}/dist-packages"
    folder = tree / inside[1:]
    shutil.rmtree(folder, ignore_errors=True)
    install(interpreter.version, folder)
    argv = [*debian.enter(tree, NOBODY), interpreter.program]
    seen = use(argv, inside)
    if interpreter.version >= (3, 14):
        seen += f"; {attack(argv)}"
    shutil.rmtree(folder)
    return seen


def main(arguments: Sequence[str]) -> int:
    """Print a row for each interpreter; return 1 when one failed, 2 when one is not here."""
    parser = argparse.ArgumentParser(description="use the wheel with every Python")
    parser.add_argument("--record", action="store_true", help="keep what was seen for docs/")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(INTERPRETERS):
        parser.error(f"no such interpreter: {', '.join(unknown)}; known: {'; '.join(INTERPRETERS)}")
    rows, status = [], 0
    for name in options.names or INTERPRETERS:
        interpreter = INTERPRETERS[name]
        kind = WORKS if interpreter.version else REFUSED
        try:
            if interpreter.tree:
                seen = try_in_tree(interpreter)
            elif interpreter.version:
                seen = try_here(interpreter.version)
        except debian.MatrixError as error:
            kind, seen = FAILED, str(error)
            status = max(status, 2 if isinstance(error, debian.MissingError) else 1)
        print(f"{name:<22} {kind:<8} {seen}", flush=True)
        rows.append(Row(name, kind, seen))
    if options.record and not options.names:
        record("pythons", rows)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
