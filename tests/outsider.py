"""An unconfined process that holds a secret: tests/confine/programs/victim.c."""

from __future__ import annotations

import secrets
from typing import Any

import support


class Outsider(support.Running):
    """It holds a secret in its memory, its environment and an open file."""

    def __init__(self, argv: list[str], **options: Any) -> None:
        self.secret = f"secret-{secrets.token_hex(16)}"
        super().__init__([*argv, self.secret], env={"SECRET": self.secret}, **options)

    @property
    def place(self) -> list[str]:
        """Its pid, and where in its memory the secret is."""
        return [str(self.pid), *self.ready.split()]
