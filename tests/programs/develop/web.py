"""A web application whose worker hardens itself when it is imported."""

from __future__ import annotations

import os
from typing import Any

import process_hardening as ph

ph.pre_main_hardening()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001 -- ASGI's
    """Answer with the verdict and the pid of the worker."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = f"{ph.status().verdict} {os.getpid()}".encode()
    await send({"type": "http.response.body", "body": body})
