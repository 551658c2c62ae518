"""On which file systems our library is recognized, and whose files are left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import support
from process_hardening.audit import file_systems
from process_hardening.audit.file_systems import NAMES
from process_hardening.audit.mounts import parse_f_type
from process_hardening.audit.program_files import parse_mounts
from process_hardening.environment import PRELOAD_LIBRARY
from zoo import COMMAND, ROOT, audit_json

if TYPE_CHECKING:
    from process_hardening.audit.mounts import ByteOrder

FUSE = 0x65735546  # FUSE_SUPER_MAGIC

SERVER = Path(__file__).with_name("programs") / "stopped_files.py"
STACKED = SERVER.with_name("stacked_files.py")

# A file of FUSE in the place of a library, a process that preloads it, and an audit of that. The
# server kills the script once it has printed its line.
AUDIT = """
mount --bind "$1" "$2"
LD_PRELOAD=$2 PROCESS_HARDENING_CHILDREN=1 sleep 1000 &
until grep -q "$2" /proc/$!/maps; do :; done
report=$("$3" audit --json --fail-on never $!)
kill $!
printf %s "$report" | tr '\\n' ' '
echo
"""


def audit_with_library_on_fuse(folder: Path, library: str) -> dict[str, Any]:
    """Return what root's audit says of a process with our library, which a user could serve.

    library -- its path, where a file exists
    """
    support.require_root()
    if not os.access("/dev/fuse", os.W_OK):
        support.fail_or_skip("/dev/fuse")
    server = [sys.executable, str(SERVER), str(folder), PRELOAD_LIBRARY]
    script = ["sh", "-ec", AUDIT, "sh", f"{folder}/file", library, COMMAND]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation=private", *server, *script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=support.TIMEOUT,
        check=True,
    )
    (found,) = json.loads(done.stdout)["processes"]
    return dict(found)


def test_the_library_of_this_installation_is_recognized_on_fuse(user_tmp: Path) -> None:
    """The audit itself was started from there."""
    found = audit_with_library_on_fuse(user_tmp, PRELOAD_LIBRARY)
    assert (found["verdict"], found["findings"]) == ("hardened", [])


def test_a_copy_of_our_library_on_fuse_is_not_believed(user_tmp: Path) -> None:
    """Its server could answer the audit differently from the process."""
    fuse, copy = user_tmp / "fuse", user_tmp / Path(PRELOAD_LIBRARY).name
    fuse.mkdir()
    copy.touch()
    found = audit_with_library_on_fuse(fuse, str(copy))
    assert found["injected_libraries"] == [str(copy)]
    assert found["verdict"] == "partial"
    assert "PH019" in [finding["id"] for finding in found["findings"]]


class InNamespace:
    """A process that preloads a copy of our library in a mount namespace of its own; needs root.

    script -- makes the file system with the copy, as $1
    options -- more of unshare(1)
    """

    def __init__(self, animal: Path, folder: Path, script: str, *options: str) -> None:
        support.require_root()
        copy = str(folder / Path(PRELOAD_LIBRARY).name)
        preload = [f"LD_PRELOAD={copy}", "PROCESS_HARDENING_CHILDREN=1"]
        start = ["sh", "-ec", f'{script}\nshift 4; exec "$@"', "sh"]
        words = [str(folder), PRELOAD_LIBRARY, sys.executable, str(STACKED)]
        unshare = ["unshare", "--mount", "--propagation=private", *options]
        argv = [*unshare, *start, *words, "env", *preload]
        self.process = support.Running([*argv, str(animal)], **ROOT)
        self.copy = copy

    def audit(self) -> dict[str, Any]:
        """Return what root's audit from outside of the namespace says."""
        with self.process as one:
            (found,) = audit_json(int(one.ready.split()[0]))["processes"]
        return dict(found)


def test_a_copy_of_our_library_in_another_mount_namespace_is_recognized(
    animal: Path, user_tmp: Path
) -> None:
    """On a file system of the kernel, as in a container."""
    one = InNamespace(animal, user_tmp, 'mount -t tmpfs none "$1"; cp "$2" "$1"')
    found = one.audit()
    assert (found["verdict"], found["findings"]) == ("hardened", [])


def test_a_copy_of_our_library_on_the_overlay_of_a_container_is_recognized(
    animal: Path, user_tmp: Path
) -> None:
    """Root mounted it in a mount namespace in which no user can."""
    script = 'mount -t tmpfs none "$1"; mkdir "$1/lower" "$1/upper" "$1/work"; cp "$2" "$1/lower"\n'
    script += 'layers="lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work"\n'
    script += 'mount -t overlay -o "$layers" none "$1"'
    found = InNamespace(animal, user_tmp, script).audit()
    assert (found["verdict"], found["findings"]) == ("hardened", [])


def test_a_copy_of_our_library_on_an_overlay_above_fuse_is_not_believed(
    animal: Path, user_tmp: Path
) -> None:
    """A user can mount both in namespaces of his own, and the type does not show what is below."""
    if not os.access("/dev/fuse", os.W_OK):
        support.fail_or_skip("/dev/fuse")
    os.chown(user_tmp, 0, 0)  # whom the user namespace knows
    one = InNamespace(animal, user_tmp, '"$3" "$4" "$1" "$2"', "--map-root-user")
    found = one.audit()
    assert found["injected_libraries"] == [one.copy]
    assert found["verdict"] == "partial"
    assert "PH019" in [finding["id"] for finding in found["findings"]]


def test_a_copy_of_our_library_on_an_overlay_that_root_mounted_is_recognized(
    user_tmp: Path,
) -> None:
    """That is how the host sees containers, whose mount namespaces are others."""
    support.require_root()
    script = """
mount -t tmpfs none "$1"
mkdir "$1/lower" "$1/upper" "$1/work" "$1/all"
mount -t overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" none "$1/all"
cp "$2" "$1/all"
library=$1/all/${2##*/}
LD_PRELOAD=$library PROCESS_HARDENING_CHILDREN=1 unshare --mount sleep 1000 &
until grep -q "$library" /proc/$!/maps && [ "$(cat /proc/$!/comm)" = sleep ]; do :; done
"$3" audit --json --fail-on never $!
kill $!
"""
    words = ["sh", str(user_tmp), PRELOAD_LIBRARY, str(COMMAND)]
    done = support.run(["unshare", "--mount", "--propagation=private", "sh", "-ec", script, *words])
    (found,) = json.loads(done.stdout)["processes"]
    assert (found["verdict"], found["findings"]) == ("hardened", [])


DEVICE, MOUNT, KIND, IS_OPENED = range(4)


def look_at_tmpfs_and_fuse(folder: Path, number: int) -> list[list[Any]]:
    """Return what same_numbers.py prints of a tmpfs, and of FUSE with the same number.

    number -- DEVICE or MOUNT. The kernel uses both again at once.
    """
    support.require_root()
    if not os.access("/dev/fuse", os.W_OK):
        support.fail_or_skip("/dev/fuse")
    argv = [sys.executable, str(SERVER.with_name("same_numbers.py")), str(folder)]
    for _ in range(50):  # another test can get the number in between
        done = support.run(["unshare", "--mount", "--propagation=private", *argv])
        first, second = json.loads(done.stdout)
        if first[number] == second[number]:
            return [first, second]
    raise AssertionError("inconclusive: another number")


def test_a_device_number_is_not_believed_of_the_file_system_that_had_it_before(
    user_tmp: Path,
) -> None:
    both = look_at_tmpfs_and_fuse(user_tmp, DEVICE)
    assert [one[KIND] for one in both] == ["tmpfs", "fuse"]


def test_a_mount_id_is_not_believed_of_the_mount_that_had_it_before(user_tmp: Path) -> None:
    """A program on FUSE is not opened: its server may never answer."""
    both = look_at_tmpfs_and_fuse(user_tmp, MOUNT)
    assert [one[IS_OPENED] for one in both] == [True, False]


def test_no_file_system_that_a_user_serves_is_in_the_list() -> None:
    names = file_systems.READABLE | file_systems.NEVER_WAITING | file_systems.LOCAL
    assert not [name for name in names if name.startswith("fuse")]
    assert FUSE not in file_systems.NAMES
    assert file_systems.NEVER_WAITING < file_systems.LOCAL < file_systems.READABLE
    assert file_systems.READABLE.issuperset(file_systems.NAMES.values())


@pytest.mark.parametrize(
    ("machine", "order", "start"),
    [
        ("x86_64", "little", "94190201000000000010000000000000"),
        ("s390x", "big", "010219940000100000000000005e2990"),
        ("ppc64", "big", "00000000010219940000000000001000"),
    ],
)
def test_f_type_is_where_the_machine_has_it(machine: str, order: ByteOrder, start: str) -> None:
    """The first bytes of struct statfs of a tmpfs."""
    assert NAMES[parse_f_type(bytes.fromhex(start), machine, 8, order)] == "tmpfs"


def test_f_type_can_be_negative_as_a_long() -> None:
    """That of Btrfs is, where a long has 32 bits."""
    assert NAMES[parse_f_type(bytes.fromhex("3e682391"), "armv7l", 4, "little")] == "btrfs"


def test_names_and_numbers_of_the_list_agree_with_the_kernel() -> None:
    """For each file system of the list that is mounted here; some share a number."""
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    visible = {line.split()[4].decode(): line for line in lines}  # the last one at each place
    compared = False
    for place, line in visible.items():
        ((_, kind),) = parse_mounts(line).values()
        if kind in file_systems.READABLE - {"9p", "rootfs", "virtiofs"}:
            done = support.run(["stat", "--file-system", "--format=%t", place])
            name = file_systems.NAMES[int(done.stdout, 16)]
            assert name == kind or {name, kind} <= {"ext2", "ext3", "ext4"}, place
            compared = True
    assert compared, "inconclusive: none is mounted here"
