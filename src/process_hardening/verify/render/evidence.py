"""Writes evidence for a reviewer: a dated JSON record of a verification."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

from process_hardening.errors import CommandError
from process_hardening.files import replace_file
from process_hardening.verify.model import TOOL, UNAVAILABLE, Verification
from process_hardening.verify.render.json import as_dict

_PROGRAMS = {"gdb": "gdb", "gcore": "gdb", "lldb": "lldb", "strace": "strace", "perf": "perf"}
"""Maps the attacks whose tool can print its version to the tool's program."""


def check_file(path: str) -> None:
    """Raise CommandError if a file cannot be written, before any work is done."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise CommandError(f"{path}: is a directory, not a file")
    if not os.path.isdir(folder):
        raise CommandError(f"{folder}: no such directory")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise CommandError(f"{path}: cannot be written")


def check_folder(folder: str) -> None:
    """Raise CommandError if no record can be written into folder, before any work is done."""
    try:
        existing = os.path.abspath(folder)
    except FileNotFoundError as error:  # the working directory was deleted
        raise CommandError(f"{folder}: {error.strerror}") from None
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        raise CommandError(f"{existing}: is not a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise CommandError(f"{existing}: cannot be written")


def save_record(folder: str, verification: Verification) -> str:
    """Create the folder, write the record into it and return its path. Raises CommandError."""
    stamp = verification.environment["time"].replace(":", "").replace("+0000", "Z")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}") from None
    path = os.path.join(folder, f"verify-{stamp}.json")
    replace_file(path, json.dumps(make_record(verification), indent=2))
    return path


def make_record(verification: Verification) -> dict[str, Any]:
    """Return the record; it never contains a canary or any other secret."""
    return {
        "commit": read_commit(),
        "tools": read_tool_versions(verification),
        **as_dict(verification),
    }


def read_commit() -> str | None:
    """Return the commit of the installed package, or None if pip did not record it."""
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        text = metadata.distribution("process-hardening").read_text("direct_url.json")
        origin = json.loads(text or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return None
    if "vcs_info" in origin:
        return str(origin["vcs_info"].get("commit_id"))
    url = urlsplit(origin.get("url", ""))
    if url.scheme != "file":
        return None
    path = unquote(url.path)  # the path of the sources, or of a wheel built next to them
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    return _read_first_line(["git", "-C", folder, "describe", "--always", "--abbrev=40", "--dirty"])


def read_tool_versions(verification: Verification) -> dict[str, str | None]:
    """Return the versions of the tools that were used; None if a version is unknown."""
    from importlib import metadata

    versions = {}
    for attack in verification.attacks:
        if attack.kind != TOOL or attack.control == UNAVAILABLE:
            continue
        program = _PROGRAMS.get(attack.name)
        if program:
            versions[attack.name] = _read_first_line([program, "--version"])
            continue
        try:
            versions[attack.name] = metadata.version(attack.name)
        except metadata.PackageNotFoundError:
            versions[attack.name] = None
    return versions


def _read_first_line(argv: list[str]) -> str | None:
    """Return the first line of a command's output, or None if the command fails."""
    path = shutil.which(argv[0])
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode(errors="replace").splitlines()
    return lines[0].strip() if lines and not done.returncode else None
