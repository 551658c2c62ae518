"""Builds a Dockerfile without Docker: its steps run in an overlay over this machine's own files.

An image lies in a tmpfs in a mount namespace, and is gone when its program ends. As with Docker,
several images share a layer: what the steps up to the last installation have made.
The base image of `FROM` is this machine; packages come from wheels, not from a registry.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import support

ROOT = Path(__file__).resolve().parents[1]
WHEELS = ROOT / "build" / "wheel"

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""That of an image, as Docker sets it."""

MOUNT = """\
set -e
mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work /mnt/image
mount -t overlay none -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/image
for shared in /proc "$SHARED"; do
    mkdir -p "/mnt/image$shared"
    mount --rbind "$shared" "/mnt/image$shared"
done
mount -t tmpfs none /mnt/image/dev
mkdir /mnt/image/dev/shm /mnt/image/dev/pts
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    mknod -m 666 "/mnt/image/dev/${node%%:*}" c $(echo "${node#*:}" | tr : ' ')
done
ln -sf "$(command -v python3)" /mnt/image/usr/local/bin/python
build() { (cd "/mnt/image$1" && exec chroot /mnt/image /bin/sh -c "cd '$1' && $2") >&2; }
"""
"""What comes before the steps. SHARED is a folder that the host and the image share; the nodes of
/dev are the image's own, since what runs there as root may change them."""

INSTALLATION = "pip install"


class Image(NamedTuple):
    """What a Dockerfile describes.

    steps -- the lines that build it, for sh
    folder -- its working folder
    user -- uid and gid that it runs as
    argv -- its entry point and command
    """

    steps: list[str]
    folder: str
    user: tuple[str, str]
    argv: list[str]

    def start(self, shared: Path) -> list[str]:
        """Return the argv that builds and starts it, as root. It prints a line when it is built."""
        uid, gid = self.user
        run = f"cd {self.folder} && exec {shlex.join(self.argv)}"
        as_user = f"--reuid={uid} --regid={gid} --clear-groups --inh-caps=-all"
        script = [
            *self.steps,
            "echo built",
            f"exec chroot /mnt/image setpriv {as_user} sh -c {shlex.quote(run)}",
        ]
        return ["env", f"PATH={PATH}", *start_in_overlay(shared, script)]


def start_in_overlay(shared: Path, script: list[str], *spaces: str) -> list[str]:
    """Return the argv that runs a script of the shell, as root, with an image to build."""
    lines = [f"SHARED={shlex.quote(str(shared))}", MOUNT, *script]
    return [support.find_tool("unshare"), "--mount", *spaces, "sh", "-c", "\n".join(lines)]


def install(steps: list[str], layers: Path, wheels: Path) -> list[str]:
    """Run the steps up to the last installation, unless a test of this run has.

    layers -- a folder for what such steps have made; wheels -- where pip finds what it installs
    Return the steps that build the image from there.
    """
    count = 1 + max(number for number, step in enumerate(steps) if INSTALLATION in step)

    def make(folder: Path) -> None:
        argv = start_in_overlay(wheels, [*steps[:count], f"cp -dpR /mnt/upper/. {folder}"])
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
        result = support.run(argv, env={"PATH": PATH, **pip})
        assert result.returncode == 0, result.stderr

    name = hashlib.sha256("\n".join(steps[:count]).encode()).hexdigest()
    layer = support.make_once(layers / name, make)
    return [f"cp -dpR {layer}/. /mnt/image", *steps[count:]]


def read_image(file: Path, context: Path, wheels: Path = WHEELS) -> Image:
    """Read a Dockerfile, whose context also has the wheels of a folder.

    Raises KeyError for an instruction that is not known here.
    """
    steps: list[str] = []
    folder, user = "/", ("0", "0")
    words: dict[str, list[str]] = {"ENTRYPOINT": [], "CMD": []}
    text = re.sub(r"^#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", "")
    for line in text.splitlines():
        instruction, _, value = line.partition(" ")
        if instruction == "RUN":
            steps += [f"build {folder} {shlex.quote(part)}" for part in value.split(" && ")]
        elif instruction == "COPY":
            *sources, target = value.split()
            for source in sources:
                place = wheels if source.endswith(".whl") else context
                steps.append(f"cp {shlex.quote(str(place))}/{source} /mnt/image{folder}/{target}")
        elif instruction == "WORKDIR":
            folder = value
            steps.append(f"mkdir -p /mnt/image{folder}")
        elif instruction == "USER":
            uid, gid = value.split(":")
            user = (uid, gid)
        elif instruction in words:
            words[instruction] = json.loads(value)
        elif instruction != "FROM":
            raise KeyError(instruction)
    return Image(steps, folder, user, [*words["ENTRYPOINT"], *words["CMD"]])


def collect_wheels(folder: Path, *packages: str) -> None:
    """Put the wheel under test into a folder, and installed pure packages packed as wheels."""
    for wheel in WHEELS.glob("*.whl"):
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    for package in packages:
        distribution = metadata.distribution(package)
        name = f"{package.replace('-', '_')}-{distribution.version}-py3-none-any.whl"
        with zipfile.ZipFile(folder / name, "w") as archive:
            for file in distribution.files or []:
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    archive.write(str(file.locate()), str(file))
