"""A desktop's keyring for one application: a session bus, and gnome-keyring-daemon on it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import support
from process_hardening.verify.lab.bystander import BUS

if TYPE_CHECKING:
    from applications import Application

DAEMON = ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"]
STORE = ["secret-tool", "store", "--label=key", "service", "sign", "username", "key"]
LOOK_UP = ["secret-tool", "lookup", "service", "sign", "username", "key"]


@contextmanager
def run_keyring(application: Application) -> Iterator[None]:
    """Run a keyring of the user's that holds the secret, until the block ends."""
    env = {**application.environment(), "XDG_RUNTIME_DIR": str(application.home)}
    options: dict[str, Any] = {"env": env, "cwd": application.home}
    address = env["DBUS_SESSION_BUS_ADDRESS"]
    configuration = application.home / "bus.conf"
    configuration.write_text(BUS)
    start = [support.find_tool("dbus-daemon"), f"--config-file={configuration}", "--nofork"]
    with support.Running([*start, "--print-address", f"--address={address}"], **options):
        daemon = subprocess.Popen(
            [support.find_tool(DAEMON[0]), *DAEMON[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **options,
            **support.user_options(),
        )
        try:
            assert daemon.stdin
            daemon.stdin.write(b"password of the keyring")
            daemon.stdin.close()
            store_secret(application.canary, **options)
            yield
        finally:
            daemon.kill()
            daemon.wait(support.TIMEOUT)


def store_secret(secret: str, **options: Any) -> None:
    """Store the secret once the keyring is ready to take it."""
    store = [support.find_tool(STORE[0]), *STORE[1:]]
    deadline = time.monotonic() + support.TIMEOUT
    while time.monotonic() < deadline:
        result = support.run_as_user(store, input=secret, **options)
        if result.returncode == 0:
            return
        time.sleep(0.05)
    pytest.fail(f"the keyring took no secret: {result.stderr}")
