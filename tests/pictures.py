"""The pictures of reports in docs/images, of a made-up machine: `make screenshots` makes them.

Terminals are SVG, which test_pictures.py compares. Pages are PNG, made with Chromium where it is
installed: no two versions of it draw the same.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

from machines import HOST, audit_of, crowded, hardened, process
from process_hardening.audit.core_dumps import core_rules_of
from process_hardening.audit.host import Host
from process_hardening.audit.render import html as audit_page
from process_hardening.audit.render import screen
from process_hardening.audit.render import text as audit_text
from process_hardening.audit.render.doctor import render_doctor
from process_hardening.audit.render.json import audit_as_dict
from process_hardening.audit.result import Audit, Diagnosis
from process_hardening.audit.rules.model import HIGH, HostCase
from process_hardening.audit.rules.tables import judge_host
from process_hardening.audit.saved import Saved, compare, read_saved
from process_hardening.verify.attacks import list_attacks
from process_hardening.verify.judge import KNOWN_LIMITS
from process_hardening.verify.model import BUILT_IN, AttackResult, Verification, VictimResult
from process_hardening.verify.render import html as verify_page
from process_hardening.verify.render import text as verify_text

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
# No font is loaded from anywhere.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_YESTERDAY, _TODAY = 1_767_323_045.0, 1_767_409_445.0


def _machine_of_yesterday() -> Audit:
    """The crowded machine before node was hardened and a shell got a key."""
    return crowded().replace(taken=_YESTERDAY)


def _machine_of_today() -> Audit:
    keys = ("OPENAI_API_KEY", "DATABASE_URL")
    postures = [entry.posture for entry in crowded().entries if entry.posture.name != "node"]
    postures += [hardened(900 + i, "node server.js", secret_variables=keys) for i in range(14)]
    postures.append(process(950, "python3 train.py", secret_variables=("HF_TOKEN",)))
    return audit_of(*postures).replace(taken=_TODAY)


def _save(audit: Audit) -> Saved:
    return read_saved(audit_as_dict(audit))


def _save_by_root(audit: Audit) -> Saved:
    return _save(audit.replace(asked_by=0))


def _audit(width: int) -> str:
    return screen.render_screen(crowded(), width, True, HIGH)


def _audit_long(width: int) -> str:
    few = [entry.posture for entry in crowded().entries if entry.posture.pid in _SHOWN]
    return audit_text.render_audit(audit_of(*few, seconds=0.012), width, True, HIGH)


_SHOWN = (1, 200, 400, 500, 501, 600, 700, 701, 800)


def _compare(width: int) -> str:
    found = compare(_save(_machine_of_yesterday()), _save(_machine_of_today()))
    return screen.render_comparison(found, width, True)


def _doctor(width: int) -> str:
    host = Host(
        name="web-1",
        kernel="6.18.0",
        core=core_rules_of("|/usr/lib/systemd/systemd-coredump %P", False, (6, 18)),
        core_storage="external",
        suid_dumpable=0,
        ptrace_scope=0,
        perf_event_paranoid=2,
        user_namespaces=False,
        memfd_noexec=0,
        randomize_va_space=2,
        preload_file=(),
        swaps=(),
        hidepid="invisible",
        exit_race="fixed",
        landlock=6,
        refuses_signals=True,
    )
    checks = judge_host(HostCase(host=host, postures=()))
    return render_doctor(Diagnosis(host=host, checks=checks), width, True)


_VICTIMS = ("pre-main", "reexec", "execute-only", "preload", "harden-own-name")
_ATTACKS = ("ptrace-attach", "proc-mem", "proc-environ", "process-vm-readv", "pidfd-getfd",
            "core-segv", "ld-preload", "launch-window", "launch-write", "exec-self")  # fmt: skip


def _verification() -> Verification:
    """Every attack leaks from the control; from victims, what is documented."""
    rows = [
        AttackResult(
            attack.name, attack.kind, attack.summary, attack.command, "leaked", "",
            victims={victim: _result(attack.name, victim) for victim in _VICTIMS},
        )
        for attack in list_attacks((BUILT_IN,)) if attack.name in _ATTACKS
    ]  # fmt: skip
    facts: dict[str, Any] = {
        "time": "2026-01-02T03:04:05+00:00",
        "host": "web-1",
        "kernel": "6.18.0",
        "machine": "x86_64",
        "libc": "glibc 2.41",
        "python": "3.13.5",
        "version": "0.1.0",
        "uid": 1000,
        "container_root": False,
        "landlock": 6,
        "confined": False,
        "sysctl": {"kernel.core_pattern": "core", "kernel.yama.ptrace_scope": "1"},
        "tools": {},
    }
    return Verification(facts, _VICTIMS, tuple(rows), seconds=9.4)


def _result(attack: str, victim: str) -> VictimResult:
    limit = KNOWN_LIMITS.get((attack, victim))
    if limit:
        return VictimResult("leaked", "the secret", limit)
    return VictimResult("blocked", "Operation not permitted (EPERM)")


def _verify(width: int) -> str:
    return verify_text.render(_verification(), width, True)


class Terminal(NamedTuple):
    """A picture of a terminal: the command, what it prints at a width, and the size."""

    command: str
    render: Callable[[int], str]
    columns: int
    rows: int
    dark: bool = True


TERMINALS = {
    "audit": Terminal("process-hardening audit", _audit, 80, 24),
    "audit-light": Terminal("process-hardening audit", _audit, 80, 24, dark=False),
    "audit-wide": Terminal("process-hardening audit", _audit, 120, 40),
    "audit-long": Terminal("process-hardening audit --long", _audit_long, 120, 40),
    "audit-compare": Terminal("process-hardening audit --compare yesterday.json", _compare, 80, 24),
    "doctor": Terminal("process-hardening doctor", _doctor, 80, 40),
    "doctor-light": Terminal("process-hardening doctor", _doctor, 120, 40, dark=False),
    "verify": Terminal("process-hardening verify --built-in", _verify, 120, 40),
    "verify-narrow": Terminal("process-hardening verify --built-in", _verify, 80, 40, dark=False),
}

PAGES: dict[str, Callable[[], str]] = {
    "fleet": lambda: audit_page.render(
        [
            _save_by_root(_machine_of_yesterday()),
            _save_by_root(_machine_of_today()),
            _save_by_root(
                audit_of(
                    process(7, "gunicorn app", secret_variables=("DJANGO_SECRET_KEY",))
                ).replace(host=HOST.replace(name="web-2"), taken=_TODAY)
            ),
        ]
    ),
    "verify-report": lambda: verify_page.render(_verification(), None),
}


_WIDTHS = {"fleet": 1100, "verify-report": 1000}


def draw(terminal: Terminal) -> str:
    """The SVG of what a terminal of that size shows."""
    console = Console(
        record=True,
        width=terminal.columns,
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
    )
    lines: list[Text] = []
    for line in Text.from_ansi(terminal.render(terminal.columns)).split("\n", allow_blank=True):
        while line.cell_len > terminal.columns:  # as a terminal folds it
            start, line = line.divide([terminal.columns])
            lines.append(start)
        lines.append(line)
    lines += [Text("")] * (terminal.rows - len(lines))
    for line in lines[: terminal.rows]:
        console.print(line, no_wrap=True, overflow="crop", soft_wrap=True)
    theme = SVG_EXPORT_THEME if terminal.dark else DEFAULT_TERMINAL_THEME
    return console.export_svg(
        title=terminal.command, theme=theme, code_format=_FORMAT, unique_id="terminal"
    )


def _photograph(page: str, path: Path, browser: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = [f"--window-size={_WIDTHS[path.stem]},760", f"--user-data-dir={folder}/profile"]
        command = [browser, *options, *size, f"--screenshot={path}", file.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def main() -> None:
    """Make all pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, terminal in TERMINALS.items():
        (FOLDER / f"{name}.svg").write_text(draw(terminal) + "\n")
        print(name, file=sys.stderr)
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    for name, page in PAGES.items():
        if browser:
            _photograph(page(), FOLDER / f"{name}.png", browser)
        print(name if browser else f"{name}: no Chromium here, left as it is", file=sys.stderr)


if __name__ == "__main__":
    main()
