"""Write the files that are made of the command line's parser and of the registry of findings.

    python -m tools.generate           write them
    python -m tools.generate --check   write nothing; 1 when one is not what it would write

They are kept in the repository: building the package needs no Python environment, and a change
of the command line shows in review. Works with the installed package.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.generate import api, bash, fish, manpage, markdown, zsh
from tools.generate.command_line import NATIVE, read_commands, read_completed_commands

from process_hardening.audit.render.text import rules_as_markdown

ROOT = Path(__file__).resolve().parents[2]


def files() -> dict[str, str]:
    """The text of each file, by its path in the repository."""
    commands = read_commands()
    completed = read_completed_commands()
    bash_folder, fish_folder = (
        "share/bash-completion/completions",
        "share/fish/vendor_completions.d",
    )
    return {
        "docs/findings.md": rules_as_markdown() + "\n",
        "docs/reference/api.md": api.render(),
        "docs/reference/cli.md": markdown.command_line(commands),
        "docs/reference/exit-codes.md": markdown.exit_codes(commands),
        "share/man/man1/process-hardening.1": manpage.render(commands),
        f"{bash_folder}/process-hardening": bash.render(completed),
        "share/zsh/site-functions/_process-hardening": zsh.render(completed),
        f"{fish_folder}/process-hardening.fish": fish.render(completed),
        **{f"{bash_folder}/{name}": bash.LOADER for name in NATIVE},
        **{f"{fish_folder}/{name}.fish": fish.LOADER for name in NATIVE},
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
