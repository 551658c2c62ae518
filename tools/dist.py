"""Make what a release consists of, and check it: dist/ afterwards holds files to upload.

    python tools/dist.py [TEST...]

Builds the sdist and, from the sdist, the wheel; twice, in different folders, and compares the
bytes. Checks their contents, metadata and stable ABI; installs the wheel where there is no
compiler, the sdist where there is one; runs the tests of the sdist (all, or the files named)
against the installed wheel. Writes the SBOM and SHA256SUMS. docs/release.md says more.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"

BORN_HARDENED = "import process_hardening as ph, sys; sys.exit(ph.status().verdict != 'hardened')"


class DistError(Exception):
    """The release cannot be made; str() is the line to print."""


def say(text: str) -> None:
    """Tell what happens."""
    print(f"dist: {text}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Run a program and return its standard output. Raises DistError with all of its output."""
    result = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True)
    if result.returncode:
        command = " ".join(map(str, argv))
        output = result.stdout + result.stderr
        raise DistError(f"{command}: status {result.returncode}\n{output}")
    return result.stdout


def tool(name: str, *arguments: str | Path) -> list[str | Path]:
    """The command line of a module of tools/requirements-dist.txt."""
    return [sys.executable, "-m", name, *arguments]


def check_tree() -> list[str]:
    """The files of the commit that a release is made of. Raises DistError for uncommitted work."""
    if not (ROOT / ".git").exists():
        raise DistError("not a git checkout: a release is made of a commit")
    changes = run(["git", "status", "--porcelain"], ROOT)
    if changes:
        raise DistError(f"commit these first, a release is made of a commit:\n{changes}")
    return run(["git", "ls-files"], ROOT).splitlines()


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist and the wheel, built of the commit in a folder of their own."""
    folder.mkdir(parents=True)
    archive = folder / "source.tar"
    run(["git", "archive", "--prefix", "source/", "-o", archive, "HEAD"], ROOT)
    run(["tar", "-xf", archive, "-C", folder])
    run(tool("build", "--outdir", folder / "made", folder / "source"))
    (sdist,) = (folder / "made").glob("*.tar.gz")
    (wheel,) = (folder / "made").glob("*.whl")
    return sdist, name_after_libc(wheel)


def name_after_libc(wheel: Path) -> Path:
    """The wheel under the tag of the oldest libc that it works with.

    There is nothing that `auditwheel repair` could copy into it, as it needs libc alone.
    """
    needs = json.loads(run(tool("auditwheel", "show", "--json", wheel)))
    if needs["external_libs"] or not needs["overall_tag"].startswith("manylinux_"):
        raise DistError(f"{wheel.name}: is for this machine only: {needs}")
    run(tool("wheel", "tags", "--remove", "--platform-tag", needs["overall_tag"], wheel))
    (renamed,) = wheel.parent.glob("*.whl")
    return renamed


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_twice(work: Path) -> tuple[Path, Path]:
    """The sdist and the wheel. Raises DistError when a second build gives other bytes."""
    first = build(work / "first")
    second = build(work / "elsewhere" / "second")
    for one, other in zip(first, second, strict=True):
        if (one.name, digest(one)) != (other.name, digest(other)):
            raise DistError(f"not reproducible: {one} and {other} differ")
        say(f"the same bytes twice: {one.name}")
    return first


def check_sdist(sdist: Path, committed: Sequence[str]) -> None:
    """Everything of the commit, nothing else."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    expected = {*committed, "PKG-INFO"}
    if names != expected:
        raise DistError(f"{sdist.name}: missing or too much: {sorted(names ^ expected)}")
    say(f"{sdist.name} holds {len(names)} files: what the commit has")


def make_environment(folder: Path) -> Path:
    """A new environment without pip. Returns its interpreter."""
    run([sys.executable, "-m", "venv", "--without-pip", folder])
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    """Install into another environment."""
    run(tool("pip", "--disable-pip-version-check", "--python", python, "install", *what))


def check_without_compiler(wheel: Path, work: Path) -> Path:
    """Install and use the wheel where PATH leads to nothing else. Returns the interpreter."""
    folder = work / "bare"
    python = make_environment(folder)
    install(python, "--no-index", wheel)
    path = {"PATH": str(python.parent)}
    command = python.parent / "process-hardening"
    version = run([command, "--version"], work, path).split()[1]
    if version != wheel.name.split("-")[1]:
        raise DistError(f"{wheel.name}: says that it is {version}")
    run([command, "run", "--", python, "-c", BORN_HARDENED], work, path)
    if not (folder / "share" / "man" / "man1" / "process-hardening.1").is_file():
        raise DistError(f"{wheel.name}: installed no man page")
    say("the wheel works in an environment without compiler, pip or PATH")
    return python


def check_from_sdist(sdist: Path, work: Path) -> None:
    """Install the sdist as a user would, and use it."""
    python = make_environment(work / "built")
    install(python, sdist)
    command = python.parent / "process-hardening"
    run([command, "run", "--", python, "-c", BORN_HARDENED], work)
    say("the sdist installs and works")


def run_tests(sdist: Path, wheel: Path, work: Path, tests: Sequence[str]) -> None:
    """Run the tests of the sdist against the wheel, in an environment that has only what they need.

    Raises DistError when one fails.
    """
    folder = work / "tested"
    folder.mkdir()
    run(["tar", "-xf", sdist, "-C", folder])
    (source,) = folder.iterdir()
    (source / "build" / "wheel").mkdir(parents=True)
    shutil.copy(wheel, source / "build" / "wheel")
    python = make_environment(work / "tests")
    install(python, wheel, "-r", source / "tests" / "requirements.txt")
    say(f"running {' '.join(tests)} of the sdist against the installed wheel")
    result = subprocess.run([python, "-m", "pytest", "-q", *tests], cwd=source)
    if result.returncode:
        raise DistError("the tests failed")


def write_sbom(python: Path, sbom: Path) -> None:
    """CycloneDX: the package, and what an environment has that it was installed into."""
    root = ("--pyproject", ROOT / "pyproject.toml", "--mc-type", "library")
    form = ("--output-reproducible", "--of", "JSON", "--validate", "-o", sbom)
    run(tool("cyclonedx_py", "environment", *root, *form, python))


def main(tests: Sequence[str]) -> None:
    """Build, check, write. Raises DistError."""
    committed = check_tree()
    # Both are written into the wheel.
    os.environ["SOURCE_DATE_EPOCH"] = run(["git", "log", "-1", "--format=%ct"], ROOT).strip()
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="ph-dist-") as name:
        work = Path(name)
        work.chmod(0o755)  # victims and attackers of the tests are not root
        sdist, wheel = build_twice(work)
        check_sdist(sdist, committed)
        run(tool("twine", "check", "--strict", sdist, wheel))
        run(tool("abi3audit", "--strict", wheel))
        python = check_without_compiler(wheel, work)
        check_from_sdist(sdist, work)
        sbom = work / f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json"
        write_sbom(python, sbom)
        run_tests(sdist, wheel, work, tests)

        shutil.rmtree(DIST, ignore_errors=True)
        DIST.mkdir()
        for file in (sdist, wheel, sbom):
            shutil.copy(file, DIST)
    sums = "".join(f"{digest(file)}  {file.name}\n" for file in sorted(DIST.iterdir()))
    (DIST / "SHA256SUMS").write_text(sums)
    print(sums, end="")


if __name__ == "__main__":
    try:
        main(sys.argv[1:] or ["tests"])
    except DistError as error:
        sys.exit(f"dist: {error}")
