"""Unhardened third-party programs as victims: an agent, an editor, a shell.

    python -m process_hardening.verify.lab.bystander NAME

starts one of them with a canary, and answers questions for it as victim.py does. The program's
environment contains no canary, so an attack finds one only where such a program keeps its secrets.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from process_hardening.verify.lab import canary
from process_hardening.verify.lab.kernel import stay_dumpable
from process_hardening.verify.lab.victim import Server

SSH_AGENT, KEYRING, EDITOR, SHELL = "ssh-agent", "keyring", "editor", "shell"

_READY, _READY_SECONDS = "ready", 14.0


def _start(argv: Sequence[str], *, as_it_is: bool = True) -> subprocess.Popen[bytes]:
    """Start a program that reads standard input. as_it_is -- False: it cannot harden itself."""
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=None if as_it_is else stay_dumpable,
    )


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds. Raises TimeoutError with a message."""
    deadline = time.monotonic() + _READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.01)


def _wait_for_file() -> None:
    """Wait until the program has created the file `ready`."""
    _wait_until(partial(os.path.exists, _READY), "it did not become ready")


def _tell(process: subprocess.Popen[bytes], text: str) -> None:
    """Write to the standard input of a process, and leave it open."""
    assert process.stdin
    process.stdin.write(text.encode())
    process.stdin.flush()


def _end_input(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.close()


def _succeeds(*argv: str, text: str = "", **variables: str) -> bool:
    """Run a program with a text as its input, and return whether it exited with 0."""
    quiet, env = subprocess.DEVNULL, {**os.environ, **variables}
    return not subprocess.run(
        argv, input=text.encode(), stdout=quiet, stderr=quiet, env=env, check=False
    ).returncode


def _start_ssh_agent(secret: str) -> subprocess.Popen[bytes]:
    """Start an agent whose key has the canary as its comment.

    Unlike most agents, ssh-agent would make itself unreadable; this is prevented.
    """
    _succeeds("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", secret, "-f", "key")
    agent = _start(["ssh-agent", "-D", "-a", "agent"], as_it_is=False)
    add = partial(_succeeds, "ssh-add", "-q", "key", SSH_AUTH_SOCK="agent")
    _wait_until(add, "ssh-agent did not accept the key")
    os.unlink("key")
    return agent


# Like that of --session, but it starts no services: it would start a locked keyring if it was asked
# for one before ours is ready. The option --address overrides <listen>, which it requires.
BUS = """\
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def _start_keyring(secret: str) -> subprocess.Popen[bytes]:
    """Start a keyring with the canary as a password; keep it readable despite file capabilities."""
    os.environ["HOME"] = os.environ["XDG_RUNTIME_DIR"] = os.getcwd()
    address = os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={os.getcwd()}/bus"
    with open("bus.conf", "w") as file:
        file.write(BUS)
    _start(["dbus-daemon", "--config-file=bus.conf", "--nofork", f"--address={address}"])
    _wait_until(partial(os.path.exists, "bus"), "dbus-daemon did not become ready")
    keyring = _start(
        ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
        as_it_is=False,
    )
    _tell(keyring, "password of the keyring")
    _end_input(keyring)
    store = ("secret-tool", "store", "--label=label", "name", "value")
    _wait_until(partial(_succeeds, *store, text=secret), "the keyring did not accept the password")
    return keyring


def _start_editor(secret: str) -> subprocess.Popen[bytes]:
    """Start an editor with a text whose swap file has been deleted."""
    commands = (
        "set directory=. updatecount=1",
        "edit text",
        f"call setline(1, {secret!r})",
        "preserve",
        "call delete(swapname(bufnr()))",
        f"call writefile([], {_READY!r})",
        "call getchar()",
    )
    editor = _start(["vim", "-e", "-s", "-u", "NONE", "-i", "NONE"])
    _tell(editor, "".join(f"{command}\n" for command in commands))
    _wait_for_file()
    return editor


def _start_shell(secret: str) -> subprocess.Popen[bytes]:
    """Start a shell that exports a variable that its own initial environment does not contain."""
    shell = _start(["/bin/sh"])
    _tell(shell, f"export KEY={secret}\n: >{_READY}\n")
    _wait_for_file()
    return shell


_BYSTANDERS: dict[str, Callable[[str], subprocess.Popen[bytes]]] = {
    SSH_AGENT: _start_ssh_agent,
    KEYRING: _start_keyring,
    EDITOR: _start_editor,
    SHELL: _start_shell,
}


def main(name: str) -> None:
    """Start the program, then answer each line while it runs."""
    server = Server()
    seed = server.read()
    assert seed is not None
    del os.environ[canary.VARIABLE]
    process = _BYSTANDERS[name](canary.make_canary(seed, canary.TEXT).decode())
    server.write(f"ready pid={process.pid}")
    while True:
        server.read()
        server.write("pong" if process.poll() is None else "it has ended")


if __name__ == "__main__":
    main(sys.argv[1])
