"""A daemon that is started as root, becomes another user, and signs with a key in memory.

python examples/daemon.py KEY_FILE USER SOCKET

Only root can read KEY_FILE. Each line sent to SOCKET is answered with its HMAC-SHA256.
"""

import hmac
import os
import pwd
import socketserver
import sys

import process_hardening as ph


class Signer(socketserver.StreamRequestHandler):
    """The handler of one connection."""

    key = b""

    def handle(self) -> None:
        """Sign each line."""
        for line in self.rfile:
            signature = hmac.new(self.key, line.rstrip(b"\n"), "sha256").hexdigest()
            self.wfile.write(f"{signature}\n".encode())


def become(name: str) -> None:
    """Give up root's privileges for good."""
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


def main() -> None:
    """Open the files as root, become the user, harden, and only then read the key."""
    key_file, user, path = sys.argv[1:]
    with (
        open(key_file, "rb") as key,
        socketserver.ThreadingUnixStreamServer(path, Signer) as server,
    ):
        os.chmod(path, 0o666)
        become(user)
        ph.pre_main_hardening()
        Signer.key = key.read()
        print(f"signing as {user}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
