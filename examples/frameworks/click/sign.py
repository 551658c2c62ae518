"""A click program that signs lines with a key.

python sign.py --key-file FILE
"""

import hmac
import os
import sys
from typing import BinaryIO

import click

import process_hardening as ph


@click.command()
@click.option("--key-file", type=click.File("rb"), envvar="SECRET_FILE", required=True)
def sign(key_file: BinaryIO) -> None:
    """Sign each line of standard input."""
    key = key_file.read()
    click.echo(os.getpid())
    for line in sys.stdin:
        click.echo(hmac.digest(key, line.encode(), "sha256").hex())


def main() -> None:
    """Harden first. The entry point in pyproject.toml is sign:main, not sign:sign."""
    ph.pre_main_hardening(reexec=True)
    sign()


if __name__ == "__main__":
    main()
