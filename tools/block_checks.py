"""Check blocks of the documentation that cannot be run where the pages are tested.

CHECKS has a function for each kind of fence. It lets a parser, a schema or a linter read the text
of a block, and returns the complaints, or "".
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run_tool(name: str, *arguments: str | Path, stdin: str = "") -> str:
    """Run a tool in the repository; return what it prints if it fails, "" otherwise.

    Of systemd-analyze it is what it prints at all: what it does not know, it ignores.
    """
    beside = Path(sys.executable).with_name(name)
    tool = str(beside) if beside.exists() else shutil.which(name)
    if tool is None:
        return f"{name} is not installed"
    argv = [tool, *map(str, arguments)]
    result = subprocess.run(
        argv, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False
    )
    is_wrong = result.returncode or name == "systemd-analyze"
    return (result.stdout + result.stderr).strip() if is_wrong else ""


def check_shell(text: str) -> str:
    """Run shellcheck; targets of make must exist, and a command of pytest must select tests."""
    complaints = run_tool("shellcheck", "--shell=bash", "--severity=warning", "-", stdin=text)
    for words in re.findall(r"^make (.*?) *(?:#.*)?$", text, re.MULTILINE):
        complaints += run_tool("make", "--dry-run", *words.split())
    for expression in re.findall(r"^\.venv/bin/python -m (pytest .*)$", text, re.MULTILINE):
        python = f"{sys.executable} -m {expression} --collect-only -q"
        complaints += run_tool("sh", "-c", python)
    return complaints


def check_session(text: str) -> str:
    """Check the commands of a session."""
    prompted = re.findall(r"^[$#>] (.*)$", text, re.MULTILINE)
    return check_shell("\n".join(prompted) if prompted else text)


def check_python(text: str) -> str:
    """Compile it."""
    try:
        compile(text, "block", "exec")
    except SyntaxError as error:
        return str(error)
    return ""


def check_json(text: str) -> str:
    """Parse it."""
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return ""


def check_yaml(text: str) -> str:
    """Check it as a workflow of a forge, an object of Kubernetes or tasks of Ansible."""
    import yaml  # type: ignore[import-untyped]

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return str(error)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block.yml"
        path.write_text(text)
        if isinstance(document, dict) and "jobs" in document:
            return run_tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)
        if isinstance(document, dict) and "apiVersion" in document:
            return run_tool("kubernetes-validate", "--strict", path)
        if isinstance(document, list) and all("hosts" not in task for task in document):
            path.write_text(json.dumps([{"hosts": "all", "tasks": document}]))
        if isinstance(document, list):
            return run_tool("ansible-playbook", "--syntax-check", path)
    return "no check in tools/block_checks.py knows this kind of YAML"


def check_unit(text: str) -> str:
    """Let systemd read a unit; its programs need not be installed here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block.service"
        path.write_text(re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", text, flags=re.MULTILINE))
        return run_tool("systemd-analyze", "verify", "--man=no", path)


INSTRUCTIONS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def check_dockerfile(text: str) -> str:
    """Check each instruction's name, the commands of RUN, and the lists of CMD and ENTRYPOINT."""
    complaints = ""
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "").splitlines()
    for line in filter(None, lines):
        instruction, _, value = line.partition(" ")
        if instruction not in INSTRUCTIONS:
            complaints += f"no such instruction: {instruction}\n"
        if instruction == "RUN":
            complaints += run_tool("sh", "-nc", value)
        if instruction in ("CMD", "ENTRYPOINT"):
            complaints += check_json(value)
    return complaints


CHECKS: dict[str, Callable[[str], str]] = {
    "console": check_session,
    "dockerfile": check_dockerfile,
    "ini": check_unit,
    "json": check_json,
    "python": check_python,
    "sh": check_shell,
    "yaml": check_yaml,
}
