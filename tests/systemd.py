"""Runs systemd itself: as the manager of a user, or as the first process of a system.

The system is an overlay over this machine's files, in namespaces of its own (images.py).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import images
import support

_NUMBERS = itertools.count()
SYSTEMD = "/lib/systemd/systemd"
PREPARE = """\
cd /mnt/image
umount -l proc
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --rbind /sys sys
mount -o remount,bind,ro sys
mount -t tmpfs none sys/fs/cgroup
mount -t tmpfs none run
"""
"""What a container manager does for systemd (https://systemd.io/CONTAINER_INTERFACE)."""
START = f"""\
echo built
mkdir old
pivot_root . old
cd /
umount -l old
mount --make-rshared /
exec env -i container=test PATH={images.PATH} {SYSTEMD} --system --unit="$UNIT" >&2
"""


@contextmanager
def make_cgroup(owner: int) -> Iterator[list[Path]]:
    """Make a cgroup in each hierarchy that systemd looks at, with another owner."""
    top = Path("/sys/fs/cgroup")
    hierarchies = [top / name for name in ("systemd", "unified") if (top / name).is_dir()]
    name = f"ph-test-{os.getpid()}-{next(_NUMBERS)}"
    groups = [path / name for path in hierarchies or [top]]
    try:
        for group in groups:
            try:
                group.mkdir()
                os.chown(group, owner, owner)
                os.chown(group / "cgroup.procs", owner, owner)
            except OSError as error:
                support.fail_or_skip(f"a cgroup of one's own: {error}")
        yield groups
    finally:
        for group in groups:
            remove_group(group)


def remove_group(group: Path) -> None:
    """Remove a cgroup and those below it, once the processes that were killed are gone."""
    deadline = time.monotonic() + support.TIMEOUT
    while group.exists() and time.monotonic() < deadline:
        for path in sorted(group.glob("**/"), reverse=True):
            with suppress(OSError):
                path.rmdir()
        time.sleep(0.05)


def find_systemd() -> str:
    """Return the path of systemd."""
    return SYSTEMD if Path(SYSTEMD).exists() else support.fail_or_skip("systemd")


def start_manager(groups: list[Path], unit: str, home: Path) -> list[str]:
    """Return the commands of sh that become the manager of the user, as root; it starts a unit."""
    environment = f"env -i PATH=/usr/bin:/bin HOME={home} XDG_RUNTIME_DIR={home / 'runtime'}"
    user = f"setpriv --reuid={support.USER} --regid={support.USER} --clear-groups"
    return [
        *(f"echo $$ >{group}/cgroup.procs" for group in groups),
        "mount -t tmpfs none /run",
        "mkdir -p /run/systemd/system",  # sd_booted(3)
        f"exec {environment} {user} {find_systemd()} --user --unit={unit}",
    ]


def boot(groups: list[Path], unit: str, steps: list[str], shared: Path) -> list[str]:
    """Return the argv that builds a system by steps and boots one unit of it, as root."""
    find_systemd()
    enter = "".join(f"echo $$ >{group}/cgroup.procs\n" for group in groups)
    cgroups = "".join(
        f"mkdir -p sys/fs/cgroup/{name} && mount --bind {group} sys/fs/cgroup/{name}\n"
        for group in groups
        for name in [group.parent.name if len(groups) > 1 else ""]
    )
    script = [f"UNIT={unit}", *steps, f"{PREPARE}{cgroups}{START}"]
    spaces = ["--cgroup", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
    argv = images.start_in_overlay(shared, script, *spaces)
    return ["env", f"PATH={images.PATH}", "sh", "-c", f'{enter}exec "$@"', "sh", *argv]
