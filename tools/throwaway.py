"""Run a command where it can change nothing of this machine: in namespaces of its own.

Files are read-only, but for copies of the folders that administrators change, and for the folder of
temporary files. What is written to them, and the processes that are left, are gone when the command
ends. The network is there: pages install packages. It needs root.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

CHANGEABLE = ("/etc", "/opt", "/root", "/srv", "/usr/local", "/var")

MOUNT = f"""\
set -e
mount --bind /tmp /tmp
mount -t tmpfs none /mnt
for folder in {" ".join(CHANGEABLE)}; do
    layer="/mnt/$(echo "$folder" | tr / _)"
    mkdir -p "$layer/upper" "$layer/work"
    mount -t overlay none -o "lowerdir=$folder,upperdir=$layer/upper,workdir=$layer/work" "$folder"
done
mount --bind "$PWD" "$PWD"
for folder in / "$PWD"; do mount -o remount,bind,ro "$folder"; done
cd "$PWD"
"$@"
exit $?
"""
"""It stays the first process of the namespace, which waits for those that lost their parent."""


def run(argv: list[str], cwd: Path) -> int:
    """Run a command; return its status, or that of unshare(1) or mount(8) if they fail."""
    place = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run([*place, "sh", "-c", MOUNT, "sh", *argv], cwd=cwd, check=False).returncode
