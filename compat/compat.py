#!/usr/bin/env python3
"""Run real programs, unmodified, with and without hardening, and compare what they do.

Usage: compat.py [NAME...]. Without names: all programs; then docs/compat-results.json and the table
in docs/compatibility.md are written. As root, the programs run as the unprivileged user nobody.
Ends with 1 when a program does something else under `process-hardening run --children`, or fails
without it, which would show nothing.
`compat.py --table` shows the table of the results that are there.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
RESULTS = DOCS / "compat-results.json"
DOCUMENT = DOCS / "compatibility.md"
BEGIN, END = "<!-- make compat: begin -->\n", "<!-- make compat: end -->\n"

BIN = Path(sys.executable).parent
RUN = (str(BIN / "process-hardening"), "run", "--children", "--")
HARDEN = "HARDEN"
"""In a command line: where `process-hardening run --children --` goes, or nothing."""
TIMEOUT = 1800
NOBODY = 65534

# Programs that do something else, and why: what a reader of the table must know.
DIFFERENCES: dict[str, str] = {}


def everything(output: str) -> list[str]:
    """All that it prints."""
    return [line for line in output.splitlines() if line.strip()]


def recap(output: str) -> list[str]:
    """What each task of a playbook did; ids of jobs are of no interest."""
    return re.findall(r"^(?:ok|changed|fatal|failed|localhost)\b.*", output, re.MULTILINE)


def pytest_results(output: str) -> list[str]:
    """The failed tests and the counts."""
    lines = re.findall(r"^(?:FAILED|ERROR) \S+", output, re.MULTILINE)
    return [*sorted(lines), *re.findall(r"^(\d+ (?:passed|failed).*) in [\d.]+s", output, re.M)]


def unittest_results(output: str) -> list[str]:
    """The failed tests and the counts."""
    lines = re.findall(r"^(?:FAIL|ERROR): .*", output, re.MULTILINE)
    counts = re.findall(r"^Ran (\d+ tests) in .*\n\n(\w+(?: \(.*\))?)$", output, re.MULTILINE)
    return [*sorted(lines), *(f"{number}: {verdict}" for number, verdict in counts)]


class Program(NamedTuple):
    """A program and something that it is to do.

    name -- in the table; its packages are named too
    packages -- distributions of PyPI whose versions are told; none: the interpreter
    does -- in words
    argv -- HARDEN stands where hardening starts
    results -- what of its output counts
    """

    name: str
    packages: tuple[str, ...]
    does: str
    argv: tuple[str, ...]
    results: Callable[[str], list[str]] = everything


def server(name: str, packages: tuple[str, ...], *command: str) -> Program:
    """A web server that answers requests."""
    does = "answers 200 requests and ends by SIGTERM"
    return Program(name, packages, does, ("python", "serve.py", HARDEN, *command))


def cpython(name: str) -> Program:
    """A part of CPython's own tests."""
    command = (HARDEN, "/usr/bin/python3", "-m", "test", "-v", name)
    return Program(f"CPython's {name}", (), "its own tests", command, unittest_results)


PROGRAMS = [
    Program(
        "ipython",
        ("ipython",),
        "magics, a shell command, a traceback",
        (HARDEN, "ipython", "--no-banner", "--colors=NoColor", "session.ipy"),
    ),
    Program(
        "nbconvert",
        ("nbconvert", "ipykernel"),
        "executes a notebook",
        (HARDEN, "jupyter", "nbconvert", "--execute", "--to=markdown", "--stdout", "demo.ipynb"),
    ),
    server(
        "gunicorn with flask", ("gunicorn", "flask"), "gunicorn", "--workers=2", "web:flask_app"
    ),
    server(
        "uvicorn with starlette",
        ("uvicorn", "starlette"),
        "uvicorn",
        "--workers=2",
        "web_async:starlette_app",
    ),
    Program(
        "celery",
        ("celery",),
        "20 tasks through the filesystem broker, then SIGTERM",
        ("python", "queue_tasks.py", HARDEN, "celery", "-A", "tasks", "worker", "--concurrency=2"),
    ),
    Program(
        "ansible-playbook",
        ("ansible-core",),
        "facts, commands, a background job, files on localhost",
        (HARDEN, "ansible-playbook", "-i", "localhost,", "-c", "local", "play.yml"),
        recap,
    ),
    Program(
        "numpy",
        ("numpy",),
        "products and a decomposition on OpenBLAS threads",
        (HARDEN, "python", "arrays.py"),
    ),
    Program(
        "cryptography",
        ("cryptography",),
        "encrypts, signs, makes a certificate",
        (HARDEN, "python", "crypto.py"),
    ),
    Program(
        "click's own tests",
        ("click", "pytest"),
        "its own tests",
        ("env", "-C", "click-source", HARDEN, "python", "-m", "pytest", "-q", "-rfE"),
        pytest_results,
    ),
    *map(cpython, ("test_subprocess", "test_multiprocessing_spawn", "test_asyncio")),
]


def prepare(folder: Path) -> None:
    """Lay out what the programs read, and what they may write to."""
    shutil.copytree(HERE / "workloads", folder, dirs_exist_ok=True)
    click = f"click=={metadata.version('click')}"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "download"]
    subprocess.run([*pip, "--no-deps", "--no-binary=:all:", "-d", folder, click], check=True)
    (archive,) = folder.glob("click-*.tar.gz")
    shutil.unpack_archive(archive, folder / "sdist")
    (source,) = (folder / "sdist").iterdir()
    source.rename(folder / "click-source")  # with its pytest options, which leave stress tests out


def execute(program: Program, folder: Path, *, hardened: bool) -> tuple[int, list[str]]:
    """The exit status of a program and what counts of its output."""
    argv: list[str] = []
    for word in program.argv:
        argv += [word] if word != HARDEN else RUN if hardened else ()
    with tempfile.TemporaryDirectory(prefix="ph-compat-") as name:
        home = Path(name) / "home"
        shutil.copytree(folder, home)
        options: dict[str, Any] = {}
        if os.getuid() == 0:
            for path in (Path(name), home, *home.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        result = subprocess.run(
            argv,
            cwd=home,
            env={
                "PATH": f"{BIN}:/usr/bin:/bin",
                "HOME": str(home),
                "LANG": "C.UTF-8",
                "ANSIBLE_REMOTE_TMP": f"{home}/.ansible",  # nobody's home is /nonexistent
                "ANSIBLE_ASYNC_DIR": f"{home}/.ansible_async",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            **options,
        )
    log = HERE.parent / "build" / "compat"
    log.mkdir(parents=True, exist_ok=True)
    kind = "hardened" if hardened else "plain"
    (log / f"{program.name.replace(' ', '-')}.{kind}.log").write_text(result.stdout)
    return result.returncode, program.results(result.stdout.replace(str(home), "~"))


def compare(program: Program, folder: Path) -> dict[str, Any]:
    """Run a program both ways; what the results file has of it."""
    versions = {name: metadata.version(name) for name in program.packages}
    record: dict[str, Any] = {"name": program.name, "does": program.does}
    record["versions"] = versions or {"Python": platform.python_version()}
    outcomes = {}
    for kind in ("plain", "hardened"):
        status, lines = execute(program, folder, hardened=kind == "hardened")
        outcomes[kind] = (status, lines)
        last = " ".join(lines[-1].split()) if lines else ""
        record[kind] = {"status": status, "result": last}
    plain, hardened = outcomes["plain"], outcomes["hardened"]
    record["same"] = plain == hardened
    if not record["same"]:
        record["only_plain"] = [line for line in plain[1] if line not in hardened[1]]
        record["only_hardened"] = [line for line in hardened[1] if line not in plain[1]]
        record["why"] = DIFFERENCES.get(program.name, "not explained yet")
    return record


def table(results: dict[str, Any]) -> str:
    """The results as a table in Markdown."""
    lines = [
        f"Run on {results['date']}, Linux {results['kernel']}, process-hardening"
        f" {results['version']}, as an unprivileged user:",
        "",
        "| program | versions | what it does | result without us | under `run --children` |",
        "|---|---|---|---|---|",
    ]
    for one in results["programs"]:
        versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
        plain, hardened = (
            f"{one[kind]['result']}; status {one[kind]['status']}" for kind in ("plain", "hardened")
        )
        outcome = "the same" if one["same"] else f"{hardened}: {one['why']}"
        lines.append(f"| {one['name']} | {versions} | {one['does']} | {plain} | {outcome} |")
    return "\n".join(lines) + "\n"


def write(results: dict[str, Any]) -> None:
    """Keep the results, and show them in the document."""
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    before, rest = DOCUMENT.read_text().split(BEGIN)
    _, after = rest.split(END)
    DOCUMENT.write_text(f"{before}{BEGIN}{table(results)}{END}{after}")


def main() -> int:
    """Run the programs that are named, or all."""
    names = sys.argv[1:]
    if names == ["--table"]:
        print(table(json.loads(RESULTS.read_text())), end="")
        return 0
    unknown = set(names) - {program.name for program in PROGRAMS}
    if unknown:
        sys.exit(f"compat.py: no such program: {', '.join(sorted(unknown))}")
    # Programs inherit what is ignored, and a shell's background jobs ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    records = []
    with tempfile.TemporaryDirectory(prefix="ph-compat-") as name:
        folder = Path(name)
        prepare(folder)
        for program in PROGRAMS:
            if not names or program.name in names:
                records.append(compare(program, folder))
                print(json.dumps(records[-1], indent=2), flush=True)
    results = {
        "schema": 1,
        "date": subprocess.check_output(["date", "-u", "+%F"], text=True).strip(),
        "kernel": platform.release().partition("-")[0],
        "version": metadata.version("process-hardening"),
        "programs": records,
    }
    if not names:
        write(results)
    print(table(results))
    return 0 if all(one["same"] and one["plain"]["status"] == 0 for one in records) else 1


if __name__ == "__main__":
    sys.exit(main())
