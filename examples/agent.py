"""An agent that keeps an API key in memory and runs the tools that a model asks for.

python examples/agent.py [--trust-tools] [--key-fd N]

There is no model here: each line of standard input is the command of a tool. Tools are confined, so
they cannot read any other process, unless --trust-tools is given. The key comes from OPENAI_API_KEY
or from a descriptor that is open for reading.
"""

import argparse
import os
import subprocess
import sys

import process_hardening as ph


def run_tool(command: str, *, confine: bool) -> str:
    """Run a tool and return its output. Its environment has the search paths, but no secrets."""
    shell = ["/bin/sh", "-c", command]
    done = subprocess.run(
        ph.confined(shell) if confine else shell,
        env=ph.child_env(secrets="drop"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def read_key(descriptor: int | None) -> str:
    """Take the key out of the environment, or read it from a pipe."""
    if descriptor is None:
        return os.environ.pop("OPENAI_API_KEY", "")
    with open(descriptor) as pipe:
        return pipe.read().strip()


def main() -> None:
    """Harden first, then load the secret."""
    ph.pre_main_hardening(reexec=True)
    parser = argparse.ArgumentParser()
    parser.add_argument("--trust-tools", action="store_true")
    parser.add_argument("--key-fd", type=int)
    options = parser.parse_args()
    key = read_key(options.key_fd)
    print(f"pid {os.getpid()}: {ph.status().verdict}, a key of {len(key)} characters", flush=True)
    for line in sys.stdin:
        print(run_tool(line, confine=not options.trust_tools), end="", flush=True)


if __name__ == "__main__":
    main()
