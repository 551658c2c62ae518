"""An agent that keeps an API key in memory and runs the tools that a model asks for.

OPENAI_API_KEY=... python examples/agent.py [--trust-tools]

There is no model here: each line of standard input is the command of a tool. Tools are confined, so
that they read no other process; with --trust-tools they are not.
"""

import os
import subprocess
import sys

import process_hardening as ph


def run_tool(command: str, *, confine: bool) -> str:
    """Run a tool; returns what it prints. The search paths are given back to it, not the key."""
    shell = ["/bin/sh", "-c", command]
    done = subprocess.run(
        ph.confined(shell) if confine else shell,
        env=ph.child_env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def main() -> None:
    """Harden, then load the secret: in this order."""
    report = ph.pre_main_hardening(reexec=True)
    key = os.environ.pop("OPENAI_API_KEY", "no key given")
    confine = "--trust-tools" not in sys.argv[1:]
    print(
        f"pid {os.getpid()}: inspection {report.inspection}, a key of {len(key)} characters",
        flush=True,
    )
    for line in sys.stdin:
        print(run_tool(line, confine=confine), end="", flush=True)


if __name__ == "__main__":
    main()
