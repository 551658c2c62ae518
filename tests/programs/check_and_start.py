"""Says what check_child() says of commands, and starts them: a program that hardens its children.

Reads commands, one a line, as child_commands.Case.request() makes them. Answers each with a line of
JSON: by, reason, and the pid of the child, once it has repeated a byte; 0: it ended before that;
null: it could not be started. The child ends with the next line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import process_hardening as ph

WORDS: dict[str, Callable[[str], Any]] = {"str": str, "path": Path, "bytes": os.fsencode}


def change_behind(variables: dict[str, str | None]) -> dict[str, str | None]:
    """Change variables of C without telling os.environ; returns what they were."""
    before = {name: os.environ.get(name) for name in variables}
    for name, value in variables.items():
        os.unsetenv(name) if value is None else os.putenv(name, value)
    return before


def environment_of(request: dict[str, Any]) -> dict[Any, Any] | None:
    """The environment for a child; None: the one of this process."""
    if request["env"] is None:
        return None
    env = dict(os.environ) if request["inherits"] else {}
    for name, value in request["env"].items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    if request["words"] == "bytes":
        return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    return env


def start(
    command: Any, env: dict[Any, Any] | None, request: dict[str, Any]
) -> tuple[subprocess.Popen[bytes] | None, int | None]:
    """The child once it has repeated a byte, or its pid as the answer has it."""
    try:
        child = subprocess.Popen(
            command,
            env=env,
            cwd=request["cwd"],
            close_fds=request["close_fds"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None, None
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(b"x\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass
    return child, child.pid if child.stdout.read(1) else 0


ph.pre_main_hardening(ph.Policy(children="harden"))
print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    words = [WORDS[request["words"]](word) for word in request["command"]]
    command = words[0] if request["is_alone"] else words
    env = environment_of(request)
    before = change_behind(request["behind"])
    check = ph.check_child(command, env, cwd=request["cwd"])
    child, pid = start(command, env, request)
    change_behind(before)
    print(json.dumps({"by": check.by, "reason": check.reason, "pid": pid}), flush=True)
    sys.stdin.readline()
    if child is not None:
        child.kill()
        child.communicate()
    print("ended", flush=True)
