"""Our own library is no injection, also when an upgrade has replaced its file since."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import support
from process_hardening.audit import read_process
from process_hardening.environment import PRELOAD_LIBRARY


def replace(library: Path) -> None:
    """Put a copy in the place of a library, as pip does."""
    new = library.with_suffix(".new")
    shutil.copy(library, new)
    os.replace(new, library)


def test_a_library_of_ours_that_was_replaced_is_no_injection(user_tmp: Path) -> None:
    """The control: another one that was replaced still is."""
    support.require_root()
    other = user_tmp / "other.so"
    shutil.copy(PRELOAD_LIBRARY, other)
    for library, expected in ((Path(PRELOAD_LIBRARY), ()), (other, (f"{other} (deleted)",))):
        env = {"LD_PRELOAD": str(library), "PROCESS_HARDENING_CHILDREN": "1"}
        with support.Running(["/bin/sh", "-c", "echo ready; read line"], env=env) as process:
            replace(library)
            assert f"{library} (deleted)" in Path(f"/proc/{process.pid}/maps").read_text()
            assert read_process(process.pid).injected_libraries == expected
