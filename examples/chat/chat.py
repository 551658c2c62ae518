"""Chat with a model in the terminal.

CHAT_API_KEY=... python chat.py
"""

import os
import sys

import process_hardening as ph


def main() -> int:
    """Run the chat and return the exit status."""
    ph.pre_main_hardening(reexec=True)

    key = os.environ.pop("CHAT_API_KEY", "")
    if not key:
        sys.exit("chat: no API key: set CHAT_API_KEY")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.exit("chat: this is not a terminal")

    from app import ChatApp
    from model import EchoModel

    app = ChatApp(EchoModel(key))
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
