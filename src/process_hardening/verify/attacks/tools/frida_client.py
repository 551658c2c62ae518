"""Make Frida send all writable memory of a process, and write it to the file `memory`.

python -m process_hardening.verify.attacks.tools.frida_client PID
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module

_SECONDS = 5
_SCRIPT = """\
for (const range of Process.enumerateRanges('rw-')) {
    try {
        send(null, range.base.readByteArray(range.size));
    } catch (error) {
    }
}
send('done');
"""


def main(pid: str) -> None:
    """Attach, run the script, save the memory that it sends, and detach."""
    session = import_module("frida").attach(int(pid))
    script = session.create_script(_SCRIPT)
    done = threading.Event()
    with open("memory", "wb") as file:

        def receive(_message: object, data: bytes | None) -> None:
            if data:
                file.write(data)
            else:
                done.set()

        script.on("message", receive)
        script.load()
        done.wait(_SECONDS)
    session.detach()


if __name__ == "__main__":
    main(*sys.argv[1:])
