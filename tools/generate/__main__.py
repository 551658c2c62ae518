"""Write the files that are made of the command line's parser and of the registry of findings.

    python -m tools.generate           write them
    python -m tools.generate --check   write nothing; 1 when one is not what it would write

They are kept in the repository: building the package needs no Python environment, and a change
of the command line shows in review. Works with the installed package.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.generate import bash, fish, manpage, markdown, zsh
from tools.generate.command_line import read_commands

from process_hardening.audit.render.text import rules_as_markdown

ROOT = Path(__file__).resolve().parents[2]


def files() -> dict[str, str]:
    """The text of each file, by its path in the repository."""
    commands = read_commands()
    exit_codes = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    return {
        "docs/findings.md": rules_as_markdown() + "\n",
        "docs/reference/cli.md": markdown.command_line(commands),
        "share/man/man1/process-hardening.1": manpage.render(commands, exit_codes),
        "share/bash-completion/completions/process-hardening": bash.render(commands),
        "share/zsh/site-functions/_process-hardening": zsh.render(commands),
        "share/fish/vendor_completions.d/process-hardening.fish": fish.render(commands),
    }


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m tools.generate [--check]", file=sys.stderr)
        return 2
    status = 0
    for name, text in files().items():
        path = ROOT / name
        if path.is_file() and path.read_text() == text:
            continue
        if arguments:
            print(f"{name}: not up to date: run `make generated`", file=sys.stderr)
            status = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
