"""A file system that does not answer any more, and a process that uses it; as root.

Usage: stopped_files.py FOLDER FILE COMMAND..., in a mount namespace of its own. Serves FILE as
FOLDER/file and starts the command. Once that has printed a line, requests are taken and never
answered until standard input ends. Prints the line.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import subprocess
import sys

HEADER = struct.Struct("=IIQQIIIHH")  # include/uapi/linux/fuse.h: struct fuse_in_header
ANSWER = struct.Struct("=IiQ")
ATTRIBUTES = struct.Struct("=6Q10I")
(LOOKUP, FORGET, GETATTR, OPEN, READ) = (1, 2, 3, 14, 15)
INIT, INTERRUPT, BATCH_FORGET = 26, 36, 42
STATFS, RELEASE, FLUSH, OPENDIR, READDIR, RELEASEDIR = 17, 18, 25, 27, 28, 29
VALID = 3600


class Server:
    """Serves one file until it is told to stop."""

    def __init__(self, fuse: int, content: bytes, name: str = "file") -> None:
        self.fuse = fuse
        self.content = content
        self.name = os.fsencode(name)

    def attributes(self, node: int) -> bytes:
        """Struct fuse_attr of the folder (1) or the file (2)."""
        mode = stat.S_IFDIR | 0o755 if node == 1 else stat.S_IFREG | 0o755
        size = 0 if node == 1 else len(self.content)
        return ATTRIBUTES.pack(
            node, size, size // 512 + 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0
        )

    def answer(self, opcode: int, node: int, body: bytes) -> bytes | int:
        """The body of the answer; an errno."""
        if opcode == INIT:
            return struct.pack("=4I2H2I2H2I24x", 7, 31, 0, 0, 12, 9, 4096, 1, 0, 0, 0, 0)
        if opcode == LOOKUP:
            if body.rstrip(b"\0") != self.name:
                return errno.ENOENT
            return struct.pack("=4Q2I", 2, 0, VALID, VALID, 0, 0) + self.attributes(2)
        if opcode == GETATTR:
            return struct.pack("=Q2I", VALID, 0, 0) + self.attributes(node)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("=Q2I", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("=QQI", body)
            return self.content[offset : offset + size]
        if opcode == STATFS:
            return struct.pack("=5Q10I", 1, 0, 0, 1, 0, 4096, 255, 4096, *[0] * 7)
        if opcode in (RELEASE, FLUSH, READDIR, RELEASEDIR):
            return b""
        return errno.ENOSYS

    def serve(self, control: int) -> None:
        """Answer until control can be read, then only take requests; return at its end."""
        import select

        poll = select.poll()
        poll.register(self.fuse, select.POLLIN)
        poll.register(control, select.POLLIN)
        stopped = False
        while True:
            for fd, _ in poll.poll():
                if fd == control:
                    if not os.read(control, 1):
                        return
                    stopped = True
                    os.write(1, b"stopped\n")
                    continue
                request = os.read(self.fuse, 1 << 20)
                _, opcode, unique, node, *_ = HEADER.unpack_from(request)
                if stopped or opcode in (FORGET, INTERRUPT, BATCH_FORGET):
                    continue
                answer = self.answer(opcode, node, request[HEADER.size :])
                error, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
                os.write(self.fuse, ANSWER.pack(ANSWER.size + len(body), error, unique) + body)


def mount(folder: str) -> int:
    """Mount a file system; returns the descriptor of its server."""
    fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    if libc.mount(b"test", os.fsencode(folder), b"fuse", 0, options.encode()):
        sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
    return fuse


def main() -> None:
    """Serve in a child, mount, start the command, and stop."""
    folder, path, *command = sys.argv[1:]
    with open(path, "rb") as file:
        content = file.read()
    control, stop = os.pipe()
    said, says = os.pipe()
    fuse = mount(folder)
    if not os.fork():
        os.close(stop)
        os.dup2(says, 1)
        Server(fuse, content).serve(control)
        os._exit(0)
    os.close(says)
    os.close(fuse)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            os._exit(1)
        os.write(stop, b"x")
        os.read(said, 8)
        os.write(1, line)
        sys.stdin.read()
        process.kill()
        os.close(stop)


if __name__ == "__main__":
    main()
