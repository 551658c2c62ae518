"""A program that takes its key from a .env file and hands it to commands.

python app.py
"""

import os
import shlex
import subprocess
import sys

from dotenv import load_dotenv

import process_hardening as ph


def main() -> None:
    """Run each line of standard input; the command gets the key on its own standard input."""
    ph.pre_main_hardening(reexec=True)
    load_dotenv()
    ph.rescrub()
    key = ph.take_env("API_KEY")
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        subprocess.run(shlex.split(line), input=key, text=True, check=False)


if __name__ == "__main__":
    main()
