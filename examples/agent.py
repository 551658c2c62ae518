"""An agent that keeps an API key in memory: the whole use of the package is its first statement.

OPENAI_API_KEY=... python examples/agent.py
"""

import os
import sys

import process_hardening as ph


def main() -> None:
    """Harden, then load the secret: in this order."""
    report = ph.pre_main_hardening(reexec=True)
    key = os.environ.pop("OPENAI_API_KEY", "no key given")
    print(f"pid {os.getpid()}: inspection {report.inspection}, a key of {len(key)} characters")
    for line in sys.stdin:
        print(line.rstrip()[::-1])


if __name__ == "__main__":
    main()
