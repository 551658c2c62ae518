"""A real Deno, which Debian does not have: `make compat` installs it and runs this test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import support
from process_hardening.audit import read_process
from process_hardening.verify.attacks.tools.debugpy_client import reserve_port
from verify.test_runtimes import PARTS, PROGRAMS, is_inspector


def test_a_deno_with_its_inspector_open_is_not_closed_by_a_blocked_signal(user_tmp: Path) -> None:
    """The control is started without the inspector."""
    runtime = PARTS["Deno"]
    deno, harden = support.find_tool("deno"), support.find_tool("harden")
    program = str(shutil.copy(PROGRAMS / "runtime.js", user_tmp))
    results = {}
    env = {**os.environ, "HOME": str(user_tmp)}
    for is_opened in (False, True):
        with reserve_port() as reserved:
            port = reserved.getsockname()[1]
            options = (f"--inspect=127.0.0.1:{port}",) if is_opened else ()
            argv = [*runtime.before, harden, "--", deno, "run", *options, "-A", program, "x"]
            with support.Running(argv, cwd=user_tmp, env=env) as one:
                opens = read_process(one.pid).opens_itself
                results[is_opened] = (opens, is_inspector(port, one.pid))
    assert results == {False: ("", False), True: ("Deno", True)}
