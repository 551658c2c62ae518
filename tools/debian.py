"""What the matrices take from Debian: packages of any architecture, sources, whole trees.

All of it lies below build/debian and is made once. The mirror is the one that apt uses here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / "build" / "debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SCRIPTS = Path("/usr/share/debootstrap/scripts")
SECONDS = 900
"""After this a program is taken for hung: the longest builds an interpreter in 200."""


class MatrixError(Exception):
    """Something broke; the text says what."""


class MissingError(MatrixError):
    """Something is not here; the text says what, and how to get it."""


def run(argv: Sequence[str | Path], log: Path | None = None, cwd: Path | None = None) -> str:
    """Run a program and return what it printed.

    log -- where that is kept too

    Raises MissingError when there is no such program, MatrixError when it fails.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise MissingError(f"{words[0]} is not installed") from None
    except subprocess.TimeoutExpired as error:
        raise MatrixError(str(error)) from None
    if log:
        log.write_text(done.stdout)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        where = f"; all of it: {log}" if log else ""
        raise MatrixError(f"{words[0]} ended with {done.returncode}: {last}{where}")
    return done.stdout


def mirror() -> str:
    """The address of the Debian archive that apt is configured for."""
    wanted = ["Created-By: Packages", "Origin: Debian", "Label: Debian"]
    found = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted]).split()
    if not found:
        raise MissingError("apt knows no Debian archive: run apt-get update")
    return found[0]


def apt(suite: str, architecture: str) -> list[str]:
    """The options that let apt see a suite of another architecture, and touch nothing of ours."""
    state = CACHE / f"{suite}-{architecture}" / ".apt"
    sources = state / "sources.list"
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Check-Valid-Until": "false",  # a mirror may lag, which does no harm here
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
    }
    flags = ["-q", *(f"-o{name}={value}" for name, value in options.items())]
    for folder in ("lists/partial", "archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    archive = f"[signed-by={KEYRING}] {mirror()} {suite} main\n"
    sources.write_text(f"deb {archive}deb-src {archive}")
    run(["apt-get", *flags, "-oAPT::Update::Error-Mode=any", "update"])
    return flags


def made(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made by a function that fills it unless it is there: wholly or not at all."""
    if not folder.exists():
        part = folder.with_name(f".{folder.name}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        part.rename(folder)
    return folder


def package(suite: str, architecture: str, name: str, pattern: str = "") -> Path:
    """The folder that a package was unpacked into, without what it depends on.

    pattern -- where its name has a version in it: the last that matches is taken
    """

    def make(folder: Path) -> None:
        flags = apt(suite, architecture)
        found = [name]
        if pattern:
            names = run(["apt-cache", *flags, "pkgnames"]).split()
            found = sorted(word for word in names if re.fullmatch(pattern, word))
        if not found:
            raise MissingError(f"{suite} has no package {pattern} for {architecture}")
        run(["apt-get", *flags, "download", found[-1]], cwd=folder)
        (file,) = folder.glob("*.deb")
        run(["dpkg-deb", "-x", file, folder])
        file.unlink()

    return made(CACHE / f"{suite}-{architecture}" / name, make)


def packages(suite: str, architecture: str, names: Sequence[str], pattern: str = r"\S+") -> Path:
    """The folder that packages were unpacked into, with what they depend on; none is set up.

    pattern -- only those whose name matches
    """

    def make(folder: Path) -> None:
        flags = [*apt(suite, architecture), "--no-install-recommends"]
        plan = run(["apt-get", *flags, "--simulate", "install", *names])
        needed = re.findall(rf"^Inst ({pattern}) ", plan, re.MULTILINE)
        run(["apt-get", *flags, "download", *needed], cwd=folder)
        for file in folder.glob("*.deb"):
            run(["dpkg-deb", "-x", file, folder])
            file.unlink()

    return made(CACHE / f"{suite}-{architecture}" / "+".join(names), make)


def kernel(suite: str, architecture: str, flavour: str) -> Path:
    """The newest kernel image of a suite."""
    # After Debian 13 the image is in linux-binary-VERSION, and linux-image-VERSION is empty.
    pattern = r"linux-(?:binary|image)-\d\S*"
    folder = packages(suite, architecture, [f"linux-image-{flavour}"], pattern)
    (image,) = folder.rglob("vmlinu[xz]*")
    return image


def source(suite: str, name: str) -> Path:
    """The folder with the files of a source package."""

    def make(folder: Path) -> None:
        run(["apt-get", *apt(suite, "amd64"), "source", "--download-only", name], cwd=folder)

    return made(CACHE / f"{suite}-source" / name, make)


def tree(suite: str, names: Sequence[str]) -> Path:
    """The folder of a Debian system made by debootstrap, with these packages; needs root."""
    if os.getuid():
        raise MissingError("debootstrap needs root")

    def make(folder: Path) -> None:
        # debootstrap of an older Debian does not know the newer suites, whose script is sid's.
        script = SCRIPTS / suite if (SCRIPTS / suite).exists() else SCRIPTS / "sid"
        include = f"--include={','.join(names)}"
        options = ["--variant=minbase", include]
        command = ["debootstrap", *options, suite, str(folder), mirror(), str(script)]
        run(command, log=CACHE / f"{suite}.log")
        (folder / ".packages").write_text(" ".join(names))

    folder = CACHE / suite
    if folder.exists() and (folder / ".packages").read_text() != " ".join(names):
        shutil.rmtree(folder)
    return made(folder, make)


_ENTER = """
tree=$1 user=$2
shift 2
mount -t proc proc "$tree/proc"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    chroot --groups= --userspec="$user" "$tree" "$@"
"""


def enter(folder: Path, user: str = "0:0") -> list[str]:
    """What to write before a program to run it inside a tree, as user ("UID:GID").

    Its /proc is mounted in a namespace of its own, so that nothing is left to be unmounted.
    """
    return ["unshare", "--mount", "sh", "-e", "-c", _ENTER, "sh", str(folder), user]
