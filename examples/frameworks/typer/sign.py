"""A Typer program that signs lines with a key.

python sign.py --key-file FILE
"""

import hmac
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import process_hardening as ph

app = typer.Typer()


@app.command()
def sign(key_file: Annotated[Path, typer.Option(envvar="SECRET_FILE")]) -> None:
    """Sign each line of standard input."""
    key = key_file.read_bytes()
    typer.echo(os.getpid())
    for line in sys.stdin:
        typer.echo(hmac.digest(key, line.encode(), "sha256").hex())


def main() -> None:
    """Harden first. The entry point in pyproject.toml is sign:main, not sign:app."""
    ph.pre_main_hardening(reexec=True)
    app()


if __name__ == "__main__":
    main()
